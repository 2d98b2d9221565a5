"""The search command `| installerscore`: protocol and options, nothing else.

splunk-sdk keeps the handshake and the configuration. The rows take another way than the SDK's dict
a row: the engine reads the CSV of a chunk itself (see `installer_trees.rows`), and the answer is
written to a temporary file as it is made, because a reply must say its length first.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

APP_DIR = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(APP_DIR, "lib"))

from installer_trees.errors import InstallerTreesError, one_line  # noqa: E402
from installer_trees.layout import required_fields  # noqa: E402
from installerscore_frames import BrokenInputError, read_request, searchinfo  # noqa: E402
from installerscore_options import Options, check_place, parse  # noqa: E402
from installerscore_place import UNSURE, starts_search  # noqa: E402
from splunklib.searchcommands import Configuration, ReportingCommand, dispatch  # noqa: E402
from splunklib.searchcommands.decorators import ConfigurationSetting  # noqa: E402
from splunklib.searchcommands.internals import ObjectView  # noqa: E402

if TYPE_CHECKING:
    import installerscore_run

LOOKUPS = os.path.join(APP_DIR, "lookups")
MAX_PROBLEMS = 10


@Configuration(run_in_preview=False)
class InstallerScoreCommand(ReportingCommand):
    """Scores the process trees under software installers."""

    class ConfigurationSettings(ReportingCommand.ConfigurationSettings):
        """What the reply to getinfo may say."""

        generating = ConfigurationSetting(doc="True where the command begins its search.")

    def __init__(self) -> None:
        super().__init__()
        self._chosen = Options()
        self._run: installerscore_run.Run | None = None
        self._first = False
        self._unsure = False
        self._preview = False
        self._failed = False
        self._answered = False

    def prepare(self) -> None:
        """Choose the input columns; announce no map phase, which would swallow the rows."""
        if self._first:
            self.configuration.generating = True
        else:
            columns = ["*"] if self._chosen.output != "trees" else required_fields()
            self.configuration.required_fields = columns
        for problem in self._chosen.problems[:MAX_PROBLEMS]:
            self._say("ERROR", problem)
        self._failed = bool(self._chosen.problems)

    def reduce(self, records: object) -> object:
        """Never called: `_execute_chunk_v2` takes the rows as they come."""
        raise NotImplementedError

    def _protocol_v2_option_parser(self, arg: str) -> list[str]:
        """Keep the SDK's own options out of reach; `parse` has read the arguments."""
        return [arg]

    def _process_protocol_v2(self, argv, ifile, ofile) -> None:
        """Answer one search; end well where splunkd says nothing, or no getinfo request."""
        if not self._as_binary_stream(ifile).peek(1):
            return
        try:
            super()._process_protocol_v2(argv, ifile, ofile)
        except SystemExit:
            if self._metadata is not None:
                raise

    def _read_chunk(self, istream) -> tuple[ObjectView, Any] | None:
        request = read_request(istream)
        if request is None:
            return None
        metadata, body = request
        expected = "getinfo" if self._metadata is None else "execute"
        if metadata.get("action") == expected == "execute":
            return ObjectView(metadata), body
        _skip(body)
        if metadata.get("action") != expected:
            raise BrokenInputError(f"there is another request where {expected} is expected")
        info = searchinfo(metadata)
        begins = starts_search(unquote(info["search"]))
        self._first, self._unsure = bool(begins), begins is None
        self._chosen = parse(map(str, info["args"]), LOOKUPS)
        check_place(self._chosen, self._first, info["real_time"])
        info["args"] = []
        self._preview = bool(metadata.get("preview"))
        known = {"action": expected, "preview": self._preview, "searchinfo": ObjectView(info)}
        return ObjectView(known), b""  # of which the SDK asks the length

    def _execute_v2(self, ifile, process) -> None:
        """Answer every chunk: the last one with the result, the others with nothing."""
        istream = self._as_binary_stream(ifile)
        try:
            while (chunk := self._read_chunk(istream)) is not None:
                self._execute_chunk_v2(process, chunk)
        except BrokenPipeError:
            hang_up()
        except Exception as error:
            if not self._answered:
                self._end([] if self._failed else [("ERROR", sentence(error))])
            elif not isinstance(error, BrokenInputError):  # what follows the answer is no matter
                raise
        finally:
            if self._run is not None:
                self._run.close()

    def _execute_chunk_v2(self, process, chunk) -> None:
        metadata, body = chunk
        finished = self._first or bool(getattr(metadata, "finished", False))
        if self._failed or self._answered or (self._first and self._preview):
            _skip(body)
            self._end([], finished)
            return
        try:
            self._take(body, finished)
        except BrokenInputError:
            raise
        except Exception as error:
            self._failed = True
            _skip(body)
            self._end([("ERROR", sentence(error))], finished)
            return
        if finished and self._run is not None:
            self._answered = True  # whatever happens now, no other reply may follow
            self._run.reply(self._record_writer.ofile)
        else:
            self._end([], finished)

    def _take(self, body: Iterator[bytes], finished: bool) -> None:
        """Take in the rows of a chunk, or fetch them all; score them once they are all there."""
        if self._run is None:
            from installerscore_run import Run  # not for getinfo alone

            self._run = Run(self._chosen, self.metadata.searchinfo, LOOKUPS)
        if self._first:
            _skip(body)
            self._run.fetch()
        else:
            self._run.add(body)
        if finished:
            self._run.finish(UNSURE if self._unsure else "")

    def _end(self, messages: list[tuple[str, str]], finished: bool = True) -> None:
        """Reply without rows."""
        for level, text in messages:
            self._say(level, text)
        self._answered = self._answered or finished
        self._record_writer.write_chunk(finished=finished)

    def _say(self, level: str, text: str) -> None:
        self._record_writer.write_message(level, "{}", one_line(text))

    def _report_unexpected_error(self) -> None:
        """Give the user a sentence instead of the SDK's file name and line."""
        error = sys.exc_info()[1]
        if error is not None:
            self._say("ERROR", sentence(error))


def _skip(body: Iterator[bytes]) -> None:
    """Read what is left of the body of a request, so that the next one can be read."""
    for _ in body:
        pass


def sentence(error: BaseException) -> str:
    """Return what to tell the user; what was not foreseen goes to the log with its traceback."""
    if isinstance(error, InstallerTreesError):
        text = str(error)
        return text if text.endswith(".") else f"installerscore could not finish: {text}."
    if isinstance(error, MemoryError):
        return (
            "installerscore ran out of memory; narrow the time range or the hosts, "
            "or lower maxevents."
        )
    from installerscore_log import log_error

    where = log_error(error)
    return (
        f"installerscore could not finish because of an error of its own ({type(error).__name__}); "
        f"no rows were scored. {where}"
    )


def hang_up() -> None:
    """Send what is still to be written nowhere: splunkd has gone away."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    try:
        dispatch(InstallerScoreCommand, sys.argv, sys.stdin, sys.stdout, __name__)
    except BrokenPipeError:
        hang_up()
