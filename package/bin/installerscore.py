"""The search command `| installerscore`: protocol and options, nothing else.

splunk-sdk keeps the handshake and the configuration. The rows take another way than the SDK's dict
a row: the engine reads the CSV of a chunk itself (see `installer_trees.rows`), and the answer is
written to a temporary file as it is made, because a reply must say its length first.
"""

from __future__ import annotations

import math
import os
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

APP_DIR = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(APP_DIR, "lib"))

from installer_trees.errors import InstallerTreesError, one_line  # noqa: E402
from installer_trees.layout import required_fields  # noqa: E402
from installerscore_fetch import starts_search  # noqa: E402
from installerscore_options import Options, check_place, parse  # noqa: E402
from splunklib.searchcommands import Configuration, ReportingCommand, dispatch  # noqa: E402
from splunklib.searchcommands.decorators import ConfigurationSetting  # noqa: E402
from splunklib.searchcommands.internals import ObjectView  # noqa: E402

if TYPE_CHECKING:
    import installerscore_run

LOOKUPS = os.path.join(APP_DIR, "lookups")
HEADER_BYTES = 1_000
MAX_PROBLEMS = 10
SEARCHINFO: dict[str, Any] = dict.fromkeys(
    "search dispatch_dir sid app owner session_key splunkd_uri splunk_version".split(), ""
)
SEARCHINFO.update(args=[], earliest_time=0.0, latest_time=0.0)


class BrokenInputError(InstallerTreesError):
    """What Splunk sent is not a whole frame of the chunked protocol."""


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

    def _read_chunk(self, istream) -> tuple[ObjectView, bytes] | None:
        """Read a frame, its body as bytes: decoding and keeping it as text would cost a copy."""
        line = istream.readline(HEADER_BYTES)
        if not line:
            return None
        header = self._header.match(line.decode("ascii", "replace"))
        if header is None:
            raise BrokenInputError(
                "installerscore could not read what Splunk sent: a chunk does not begin with "
                "'chunked 1.0,<length>,<length>'. Run the search again."
            )
        metadata, body = (self._exactly(istream, int(length)) for length in header.groups())
        try:
            decoded = self._decoder(metadata)
        except ValueError:
            raise BrokenInputError(
                "installerscore could not read what Splunk sent: the metadata of a chunk is not "
                "JSON. Run the search again."
            ) from None
        if getattr(decoded, "action", "") != "getinfo":
            return decoded, body
        self._complete(decoded)
        return decoded, b""

    @staticmethod
    def _exactly(istream, length: int) -> bytes:
        data: bytes = istream.read(length)
        if len(data) != length:
            raise BrokenInputError(
                f"installerscore did not get all of its input: {length:,} bytes were announced and "
                f"{len(data):,} came. Run the search again."
            )
        return data

    @staticmethod
    def _decoder(metadata: bytes) -> ObjectView:
        from splunklib.searchcommands.internals import MetadataDecoder

        decoded = MetadataDecoder().decode(metadata.decode("utf-8"))
        if not isinstance(decoded, ObjectView):
            raise ValueError("not an object")
        return decoded

    def _complete(self, metadata: ObjectView) -> None:
        """Parse the arguments, and keep of a getinfo request what is used and can be."""
        given = getattr(metadata, "searchinfo", None)
        values = {name: getattr(given, name, None) for name in SEARCHINFO}
        info = ObjectView({name: usable(values[name], SEARCHINFO[name]) for name in values})
        self._first = starts_search(unquote(info.search))
        self._chosen = parse([str(argument) for argument in info.args], LOOKUPS)
        bounds = (str(values["earliest_time"]), str(values["latest_time"]))
        real_time = info.sid.startswith("rt_") or any(b.startswith("rt") for b in bounds)
        check_place(self._chosen, self._first, real_time)
        info.args = []
        if not info.session_key.isprintable():  # it becomes part of a request's header
            info.session_key = ""
        preview = bool(getattr(metadata, "preview", False))
        metadata.__dict__ = {"action": "getinfo", "preview": preview, "searchinfo": info}

    def _execute_v2(self, ifile, process) -> None:
        """Answer every chunk: the last one with the result, the others with nothing."""
        istream = self._as_binary_stream(ifile)
        while True:
            try:
                chunk = self._read_chunk(istream)
            except BrokenInputError as error:
                self._end([("ERROR", str(error))])
                return
            if chunk is None:
                break
            self._execute_chunk_v2(process, chunk)
        if self._run is not None:
            self._run.close()

    def _execute_chunk_v2(self, process, chunk) -> None:
        metadata, body = chunk
        finished = self._first or bool(getattr(metadata, "finished", False))
        if self._failed or self._answered or (self._first and self.metadata.preview):
            self._end([], finished)
            return
        try:
            self._take(body, finished)
        except Exception as error:
            self._failed = True
            self._end([("ERROR", sentence(error))], finished)
            return
        if finished and self._run is not None:
            self._answered = True
            self._run.reply(self._record_writer.ofile)
        else:
            self._end([], finished)

    def _take(self, body: bytes, finished: bool) -> None:
        """Take in the rows of a chunk, or fetch them all; score them once they are all there."""
        if self._run is None:
            from installerscore_run import Run  # not for getinfo alone

            self._run = Run(self._chosen, self.metadata.searchinfo, LOOKUPS)
        if self._first:
            self._run.fetch()
        else:
            self._run.add(body)
        if finished:
            self._run.finish()

    def _end(self, messages: list[tuple[str, str]], finished: bool = True) -> None:
        """Reply without rows."""
        for level, text in messages:
            self._say(level, text)
        self._record_writer.write_chunk(finished=finished)

    def _say(self, level: str, text: str) -> None:
        self._record_writer.write_message(level, "{}", one_line(text))

    def _report_unexpected_error(self) -> None:
        """Give the user a sentence instead of the SDK's file name and line."""
        error = sys.exc_info()[1]
        if error is not None:
            self._say("ERROR", sentence(error))


def usable(value: Any, default: Any) -> Any:
    """Return a value of a getinfo request, or what stands for it when it is of another kind."""
    if not isinstance(default, float):
        return value if isinstance(value, type(default)) else default
    try:
        number = float(value)
    except (TypeError, ValueError):
        return default
    return number if math.isfinite(number) else default


def sentence(error: BaseException) -> str:
    """Return what to tell the user; what was not foreseen goes to the log with its traceback."""
    if isinstance(error, InstallerTreesError):
        return str(error)
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


if __name__ == "__main__":
    try:
        dispatch(InstallerScoreCommand, sys.argv, sys.stdin, sys.stdout, __name__)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
