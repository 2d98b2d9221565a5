"""The search command `| installerscore`: protocol and options, nothing else.

splunk-sdk keeps the handshake and the configuration. The rows take another way than the SDK's dict
a row: the engine reads the CSV of a chunk itself (see `installer_trees.rows`), and the answer is
written to a temporary file as it is made, because a reply must say its length first.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

APP_DIR = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(APP_DIR, "lib"))

from installer_trees.errors import InstallerTreesError  # noqa: E402
from installer_trees.layout import required_fields  # noqa: E402
from installerscore_options import Options, parse  # noqa: E402
from splunklib.searchcommands import Configuration, ReportingCommand, dispatch  # noqa: E402
from splunklib.searchcommands.internals import ObjectView  # noqa: E402

if TYPE_CHECKING:
    import installerscore_run

LOOKUPS = os.path.join(APP_DIR, "lookups")
HEADER_BYTES = 1_000
SEARCHINFO = {"args": [], "earliest_time": 0, "latest_time": 0, "search": "", "dispatch_dir": ""}
SEARCHINFO.update(sid="", app="", owner="", username="", session_key="", splunkd_uri="")
SEARCHINFO.update(splunk_version="", raw_args=[])


class BrokenInputError(InstallerTreesError):
    """What Splunk sent is not a whole frame of the chunked protocol."""


@Configuration(run_in_preview=False)
class InstallerScoreCommand(ReportingCommand):
    """Scores the process trees under software installers."""

    def __init__(self) -> None:
        super().__init__()
        self._chosen = Options()
        self._run: installerscore_run.Run | None = None
        self._failed = False

    def prepare(self) -> None:
        """Choose the input columns; announce no map phase, which would swallow the rows."""
        columns = ["*"] if self._chosen.output != "trees" else required_fields()
        self.configuration.required_fields = columns
        for problem in self._chosen.problems:
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
        """Parse the arguments, and fill in what a getinfo request may leave out."""
        info = getattr(metadata, "searchinfo", None)
        if not isinstance(info, ObjectView):
            info = metadata.searchinfo = ObjectView({})
        for name, default in SEARCHINFO.items():
            if getattr(info, name, None) is None:
                setattr(info, name, default)
        metadata.preview = getattr(metadata, "preview", False)
        arguments = info.args if isinstance(info.args, list) else []
        self._chosen = parse([str(argument) for argument in arguments], LOOKUPS)
        info.args = []

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
        finished = bool(getattr(metadata, "finished", False))
        try:
            if not self._failed:
                if self._run is None:
                    from installerscore_run import Run  # not for getinfo alone

                    self._run = Run(self._chosen, self.metadata.searchinfo, LOOKUPS)
                self._run.add(body)
                if finished:
                    self._run.finish()
        except Exception as error:
            self._failed = True
            self._end([("ERROR", sentence(error))], finished)
            return
        if finished and self._run is not None and not self._failed:
            self._run.reply(self._record_writer.ofile)
        else:
            self._end([], finished)

    def _end(self, messages: list[tuple[str, str]], finished: bool = True) -> None:
        """Reply without rows."""
        for level, text in messages:
            self._say(level, text)
        self._record_writer.write_chunk(finished=finished)

    def _say(self, level: str, text: str) -> None:
        self._record_writer.write_message(level, "{}", text)

    def _report_unexpected_error(self) -> None:
        """Give the user a sentence instead of the SDK's file name and line."""
        error = sys.exc_info()[1]
        if error is not None:
            self._say("ERROR", sentence(error))


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
