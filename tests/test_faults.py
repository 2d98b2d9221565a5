"""What goes wrong around the command: rows or one clear message, and nothing left behind."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import installerscore_options
import interpreters
import pytest
import scp
from fake_splunkd import FakeSplunkd, listening, serving

RUNS = int(os.environ.get("RUNS", "10"))
"""Runs in a row; docs/reliability.md has the figures of 200."""
DPKG = {
    "_time": 1_700_000_000,
    "dest": "h",
    "process_id": 7,
    "process_name": "dpkg",
    "process": "dpkg -i SECRET.deb",
}
SMALL = scp.encode_body([DPKG])
POSIX = pytest.mark.skipif(os.name != "posix", reason="signals and limits of POSIX systems")


@pytest.fixture(scope="module")
def large() -> list[bytes]:
    """Chunks of more than the MiB that stays in memory, with an installer in the first."""
    rows = [
        {**DPKG, "process_id": n, "process_name": "bash", "process": f"bash -c {n} {'x' * 700}"}
        for n in range(2_500)
    ]
    return [scp.encode_body([DPKG, *rows]) for _ in range(10)]


@dataclass
class Place:
    """Folders of one test: what a run leaves in them, it leaves behind."""

    app: Path
    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("dispatch", "tmp", "splunk/var/log/splunk"):
            (self.root / name).mkdir(parents=True)
        self.environment.update(scp.clean_environment())
        self.environment["TMPDIR"] = str(self.root / "tmp")
        self.environment["SPLUNK_HOME"] = str(self.root / "splunk")

    @property
    def dispatch(self) -> Path:
        return self.root / "dispatch"

    def start(self, python: str, prelude: str = "") -> subprocess.Popen[bytes]:
        """Start the command, after some Python code, in a session of its own."""
        code = f"{prelude}; import runpy; runpy.run_path('installerscore.py', run_name='__main__')"
        return subprocess.Popen(
            [python, *(["-c", code] if prelude else ["installerscore.py"])],
            cwd=self.app / "bin",
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def requests(self, chunks: list[bytes], arguments: str = "", **info: Any) -> bytes:
        given = {"dispatch_dir": str(self.dispatch), "splunkd_uri": "", **info}
        frames = [scp.frame(scp.getinfo_metadata(arguments, **given))]
        for number, body in enumerate(chunks, 1):
            frames.append(scp.frame({"action": "execute", "finished": number == len(chunks)}, body))
        return b"".join(frames)

    def run(self, python: str, data: bytes, prelude: str = "") -> list[scp.Reply]:
        """Run the command to its end; it must end well and leave nothing behind."""
        process = self.start(python, prelude)
        out, err = process.communicate(data, timeout=60)
        assert (process.returncode, err) == (0, b"")
        self.check(process)
        return replies(out)

    def check(self, process: subprocess.Popen[bytes]) -> None:
        """No file and no process is left."""
        left = [path for path in self.root.rglob("*") if path.is_file()]
        assert left == []
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)


def replies(out: bytes) -> list[scp.Reply]:
    stream = io.BytesIO(out)
    found = []
    while (reply := scp.read_frame(stream)) is not None:
        found.append(reply)
    return found


def error(found: list[scp.Reply]) -> str:
    """The only error, one sentence, with no rows and no other message beside it."""
    (message,) = [m for reply in found for m in reply.messages]
    assert message.level == "ERROR"
    assert message.text.endswith(".")
    assert "\n" not in message.text
    assert "an error of its own" not in message.text
    assert not any(reply.body for reply in found)
    return message.text


@pytest.fixture(scope="module")
def app_copy(built_app: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An add-on that may be changed."""
    return Path(shutil.copytree(built_app, tmp_path_factory.mktemp("copy") / "app"))


@pytest.fixture
def place(built_app: Path, tmp_path: Path) -> Place:
    return Place(built_app, tmp_path / "place")


@pytest.fixture(scope="session")
def some_python() -> str:
    """One Python that Splunk ships: for faults that do not depend on the version."""
    return next(filter(None, map(interpreters.find, interpreters.SPLUNK_PYTHONS)), sys.executable)


# --- the dispatch directory ----------------------------------------------------------------


def unwritable(place: Place) -> str:
    """A folder in which no file can be made, by root neither."""
    if os.geteuid() == 0:
        return "/proc"
    place.dispatch.chmod(0o500)
    return str(place.dispatch)


@POSIX
def test_a_dispatch_directory_that_is_read_only(place: Place, python: str, large) -> None:
    data = place.requests(large, dispatch_dir=unwritable(place))
    assert "could not be written in the dispatch directory" in error(place.run(python, data))


@POSIX
def test_a_dispatch_directory_that_is_not_needed_may_be_read_only(place: Place, python) -> None:
    assert place.run(python, place.requests([SMALL], dispatch_dir=unwritable(place)))[-1].rows


def test_a_dispatch_directory_that_is_not_there(place: Place, python: str, large) -> None:
    data = place.requests(large, dispatch_dir=str(place.root / "none"))
    assert len(place.run(python, data)[-1].rows) == 1


@POSIX
def test_a_dispatch_directory_that_goes_away(place: Place, python: str, large) -> None:
    """While the rows are in memory, it is missed; a file that is open already stays readable."""
    chunks = [SMALL, *large]
    for gone_after, fails in ((1, True), (len(chunks) - 1, False)):
        place.dispatch.mkdir(exist_ok=True)
        with scp.Session(place.app, python) as session:
            session.getinfo(dispatch_dir=str(place.dispatch), splunkd_uri="")
            found = []
            for number, body in enumerate(chunks, 1):
                found.append(session.execute(body, finished=number == len(chunks)))
                if number == gone_after:
                    shutil.rmtree(place.dispatch)
            assert session.close() == (0, "")
        if fails:
            assert "No such file or directory" in error(found)
        else:
            assert len(found[-1].rows) == 1


@POSIX
def test_a_file_that_may_not_grow(place: Place, python: str, large) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2**24, 2**24))"
    text = error(place.run(python, place.requests(large), limit))
    assert "File too large" in text
    assert "free disk space or narrow the search" in text


@POSIX
def test_a_disk_that_is_full(place: Place, python: str, large) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(place.dispatch)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a file system takes rights that this user has not")
    try:
        text = error(place.run(python, place.requests(large)))
    finally:
        subprocess.run(["umount", str(place.dispatch)], check=True)
    assert "No space left on device" in text


# --- splunkd -------------------------------------------------------------------------------


@contextlib.contextmanager
def answering(answer: bytes, seconds: float = 0) -> Iterator[tuple[str, list[str]]]:
    """Serve these bytes, whatever is asked; gives the address and what was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            time.sleep(seconds)
            with contextlib.suppress(ConnectionError):
                self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test's output clean."""

    with listening(Handler) as port:
        yield f"http://127.0.0.1:{port}", asked


def said(place: Place, python: str, uri: str) -> list[str]:
    """Run with a splunkd: the answer is that of the shipped defaults; returns the warnings."""
    found = place.run(python, place.requests([SMALL], splunkd_uri=uri, session_key="KEY"))
    assert len(found[-1].rows) == 1
    messages = [m for reply in found for m in reply.messages if m.level != "INFO"]
    for message in messages:
        assert message.level == "WARN"
        assert message.text.endswith(".")
        assert "\n" not in message.text
        assert "KEY" not in message.text
    return [message.text for message in messages]


OK = b"HTTP/1.1 200 OK\r\n\r\n"
CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x00\xff garbage", id="no HTTP"),
        pytest.param(OK, id="no body"),
        pytest.param(OK + b"<html>", id="no JSON"),
        pytest.param(OK + b'{"entry": [{"name": "scoring", "con', id="half a JSON"),
        pytest.param(CUT + b'{"entry": []', id="cut"),
        pytest.param(OK + b"[" * 100_000, id="nested too deeply"),
        pytest.param(OK + b"[]", id="a list"),
        pytest.param(OK + b"{}", id="no entries"),
        pytest.param(OK + b'{"entry": 7}', id="a number of entries"),
        pytest.param(OK + b'{"entry": [7]}', id="a number as entry"),
        pytest.param(OK + b'{"entry": [{"name": "scoring"}]}', id="no content"),
        pytest.param(
            OK + b'{"entry": [{"name": "scoring", "acl": 7, "content": {}}]}', id="odd acl"
        ),
        pytest.param(
            OK + b'{"entry": [{"name": "scoring", "acl": {"app": "TA-installerscore"}, '
            b'"content": 7}]}',
            id="odd content",
        ),
        pytest.param(OK + b'{"entry": [{"name": [], "content": {}}]}', id="odd name"),
    ],
)
def test_a_splunkd_that_answers_garbage(place: Place, some_python: str, answer: bytes) -> None:
    with answering(answer) as (uri, _):
        (warning,) = said(place, some_python, uri)
    assert "splunkd" in warning


def test_a_splunkd_that_redirects_is_not_followed(place: Place, some_python: str) -> None:
    with answering(OK + b'{"entry": []}') as (elsewhere, asked):
        away = f"HTTP/1.1 302 Found\r\nLocation: {elsewhere}/x\r\n\r\n".encode()
        with answering(away) as (uri, _):
            (warning,) = said(place, some_python, uri)
    assert asked == []
    assert "splunkd" in warning


def test_a_splunkd_that_is_slow(place: Place, some_python: str, app_copy: Path) -> None:
    place.app = app_copy
    modules = (place.app / "bin").glob("*.py")
    (module,) = [path for path in modules if "TIMEOUT_SECONDS = 10\n" in path.read_text("utf-8")]
    hasty = module.read_text("utf-8").replace("TIMEOUT_SECONDS = 10\n", "TIMEOUT_SECONDS = 0.3\n")
    module.write_text(hasty, "utf-8")
    with answering(OK + b'{"entry": []}', seconds=3) as (uri, _):
        (warning,) = said(place, some_python, uri)
    assert "timed out" in warning


@pytest.mark.parametrize(
    "stanzas",
    [
        {},
        {"scoring": {}},
        {"scoring": {"minscore": None, "of_the_future": "1"}, "future": {"a": "b"}},
        {"scoring": {"eai:acl": {"app": "x"}, "disabled": False, "minscore": 0}},
        {"logging": {"loglevel": "LOUD"}},
        {"logging": {"loglevel": None}},
    ],
)
def test_settings_of_another_version_are_no_fault(place: Place, some_python, stanzas) -> None:
    with serving(FakeSplunkd(stanzas)) as splunkd:
        assert said(place, some_python, splunkd.uri) == []


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"action": "rename", "weight": "7"},
        {"action": "own", "of_the_future": "1"},
        {"action": None, "weight": None},
        {"action": "off", "eai:acl": None, "disabled": "0"},
        {"action": "change", "weight": "many"},
        {"action": "own", "scope": "node", "field": "process", "pattern": "(", "weight": 3},
        {"action": ["own"], "pattern": {"a": 1}},
    ],
)
def test_entries_of_another_version_are_named_and_left_out(
    place: Place, some_python: str, entry: dict[str, Any]
) -> None:
    entries = {"USR001": entry, "LNX_GONE": entry}
    splunkd = FakeSplunkd({}, signals=entries, allowlist=entries)
    with serving(splunkd):
        warnings = said(place, some_python, splunkd.uri)
    assert len(warnings) == 4
    assert sum("signal USR001" in text for text in warnings) == 1
    assert sum("allowlist entry LNX_GONE" in text for text in warnings) == 1


# --- ends ----------------------------------------------------------------------------------


@POSIX
@pytest.mark.parametrize("moment", [0.0, 0.1, 0.3, 0.6, 1.0, 1.5])
def test_terminated_at_any_time(place: Place, some_python: str, large, moment: float) -> None:
    process = place.start(some_python)
    threading.Thread(target=_feed, args=(process, place.requests(large)), daemon=True).start()
    time.sleep(moment)
    process.terminate()
    _, err = process.communicate(timeout=20)
    assert process.returncode in (-signal.SIGTERM, 0)
    assert err == b""
    place.check(process)


@POSIX
def test_terminated_while_it_waits_for_splunkd(place: Place, some_python: str) -> None:
    asked = threading.Event()

    def export(form: dict[str, str]) -> Iterator[bytes]:
        asked.set()
        for _ in range(200):  # until a piece cannot be sent, as the connection is gone
            time.sleep(0.05)
            yield b"\n" * 1000

    with serving(FakeSplunkd({}, export=export)) as splunkd:
        process = place.start(some_python)
        info = {"splunkd_uri": splunkd.uri, "session_key": "KEY", "search": "| installerscore"}
        _feed(process, place.requests([b""], **info))
        assert asked.wait(20)
        process.terminate()
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (-signal.SIGTERM, b"")
    place.check(process)


def _feed(process: subprocess.Popen[bytes], data: bytes) -> None:
    """Send input until nobody reads it any more."""
    assert process.stdin is not None
    with contextlib.suppress(OSError, ValueError):
        process.stdin.write(data)
        process.stdin.flush()


@POSIX
@pytest.mark.parametrize("replies_read", [0, 1, 2])
def test_nobody_reads_the_answer(place: Place, python: str, replies_read: int) -> None:
    process = place.start(python)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    frames = place.requests([SMALL, SMALL, SMALL])
    starts = [m.start() for m in re.finditer(rb"chunked 1\.0,", frames)] + [len(frames)]
    for number in range(replies_read):
        process.stdin.write(frames[starts[number] : starts[number + 1]])
        process.stdin.flush()
        scp.read_frame(process.stdout)
    process.stdout.close()
    _feed(process, frames[starts[replies_read] :])
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    assert process.stderr.read() == b""
    assert process.wait(20) == 0
    process.stderr.close()
    place.check(process)


@POSIX
@pytest.mark.parametrize("mib", [40, 52, 64])
def test_out_of_memory(place: Place, python: str, large, mib: int) -> None:
    """A row must be held whole. Below 40 MiB, Python itself does not start on every system."""
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({mib} << 20, {mib} << 20))"
    row = b'"' + b"x" * (mib << 20)
    text = error(place.run(python, place.requests([large[0] + row]), limit))
    assert "ran out of memory; narrow the time range" in text


ODD_PLACES: list[dict[str, str]] = [
    {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    {"LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Kathmandu"},
    {"PYTHONIOENCODING": "ascii", "TZ": "<+14>-14"},
    {"LANG": "nonsense", "TZ": "Not/AZone"},
]


@pytest.mark.parametrize("environment", ODD_PLACES)
def test_locale_and_time_zone_change_nothing(place: Place, some_python, environment) -> None:
    body = scp.encode_body([{**DPKG, "process": "dpkg -i \u00fc\U0001f600.deb", "user": "I\u0130"}])
    usual = place.run(some_python, place.requests([body]))[-1].raw
    place.environment.update(environment)
    assert place.run(some_python, place.requests([body]))[-1].raw == usual


@pytest.mark.parametrize("now", [-1.0, 4e9, 9e15])
def test_a_clock_that_is_wrong(place: Place, some_python: str, now: float) -> None:
    baseline = {"scoring": {"prevalence_baseline": "1"}}
    with serving(FakeSplunkd(baseline)) as splunkd:
        data = place.requests([SMALL], splunkd_uri=splunkd.uri, session_key="KEY")
        found = place.run(some_python, data, f"import time; time.time = lambda: {now}")
    assert len(found[-1].rows) == 1
    assert [m for m in found[-1].messages if m.level != "INFO"] == []


@pytest.mark.parametrize("when", [0, 1.5, 32503679999])
def test_events_of_any_time(place: Place, some_python: str, when: float) -> None:
    found = place.run(some_python, place.requests([scp.encode_body([{**DPKG, "_time": when}])]))[-1]
    (row,) = found.rows
    assert float(row["_time"]) == when


@pytest.mark.parametrize("when", [-6e10, 32503680000, 253402300800, 1e300])
def test_events_of_no_time_are_kept_and_said(place: Place, some_python: str, when: float) -> None:
    found = place.run(some_python, place.requests([scp.encode_body([{**DPKG, "_time": when}])]))[-1]
    (row,) = found.rows
    assert row["_time"] == ""
    (warning,) = [m.text for m in found.messages if m.level == "WARN"]
    assert warning == "1 rows have no usable _time (epoch seconds); they are last."


def test_many_runs_leave_nothing_behind(place: Place, some_python: str, large) -> None:
    before = sorted(place.app.rglob("*"))
    small, big = place.requests([SMALL]), place.requests(large)
    for _ in range(RUNS):
        place.run(some_python, small)
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda _: place.start(some_python).communicate(big), range(8))
        assert len(set(answers)) == 1
    assert [path for path in place.root.rglob("*") if path.is_file()] == []
    assert sorted(place.app.rglob("*")) == before


# --- what may be read, and what is written -------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "../x.csv", "..\\x.csv", "/etc/passwd", "C:\\x.csv", "a/b.csv", "search:x.csv", ".csv",
        "..csv", ".hidden.csv", "x.csv/", "x.csv\0", "x.csv\n", "x.txt", "%2e%2e%2fx.csv", "~x.csv",
        "nul.csv", "CON.csv", "com1.csv", "aux.x.csv", "link.csv", "linked.csv", "fifo.csv",
        "folder.csv", "large.csv", "missing.csv", "\uff0e\uff0e/x.csv",
    ],
)  # fmt: skip
def test_signals_reads_plain_files_of_the_add_on_only(tmp_path: Path, name: str) -> None:
    lookups = tmp_path / "app" / "lookups"
    lookups.mkdir(parents=True)
    (tmp_path / "x.csv").write_text("secret", "utf-8")
    (lookups / "plain.csv").write_text("signal_id,weight", "utf-8")
    (lookups / "link.csv").symlink_to(tmp_path / "x.csv")
    (lookups / "linked.csv").symlink_to(lookups / "plain.csv")
    (lookups / "folder.csv").mkdir()
    os.mkfifo(lookups / "fifo.csv")
    with (lookups / "large.csv").open("wb") as file:
        file.truncate(installerscore_options.MAX_LOOKUP_BYTES + 1)
    options = installerscore_options.parse([f"signals={name}"], str(lookups))
    assert options.signals is None
    assert len(options.problems) == 1
    good = installerscore_options.parse(["signals=plain.csv"], str(lookups))
    assert (good.signals, good.problems) == (str(lookups / "plain.csv"), [])


def test_lookups_may_themselves_be_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "plain.csv").touch()
    (tmp_path / "lookups").symlink_to(tmp_path / "real")
    assert installerscore_options.parse(["signals=plain.csv"], str(tmp_path / "lookups")).signals


@pytest.mark.parametrize(
    "content",
    [b"", b"\0\0", b"\x1f\x8b\x08\x00 gzip", b"signal_id,weight\n\0,\0\n", b'"', b"a" * 300_000,
     b'signal_id,weight\n"' + b"x" * 300_000, b"signal_id,weight\r1,2\r", b"\xff\xfes\0i\0"],
    ids=["empty", "nul", "gzip", "nul cells", "quote", "long", "long cell", "old Mac", "UTF-16"],
)  # fmt: skip
def test_a_what_if_file_that_is_none(place: Place, some_python: str, app_copy, content) -> None:
    """The oldest Python reads CSV most strictly."""
    place.app = app_copy
    (place.app / "lookups" / "mine.csv").write_bytes(content)
    found = place.run(some_python, place.requests([SMALL], "signals=mine.csv"))
    messages = [m for reply in found for m in reply.messages if m.level != "INFO"]
    assert messages
    assert all("mine.csv" in message.text for message in messages)
    assert not [m for m in messages if "an error of its own" in m.text]


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_logs_hold_no_session_key_and_no_command_line(place: Place, some_python, level) -> None:
    log = place.root / "splunk" / "var" / "log" / "splunk"
    broken = "import installer_trees.rows as r; r.RowStore.process = lambda *a: 1 / 0"
    with serving(FakeSplunkd({"logging": {"loglevel": level}})) as splunkd:
        data = place.requests([SMALL], splunkd_uri=splunkd.uri, session_key="KEY-OF-SESSION")
        for prelude in ("", broken):
            process = place.start(some_python, prelude)
            out, err = process.communicate(data, timeout=60)
            assert (process.returncode, err) == (0, b"")
            assert b"KEY-OF-SESSION" not in out
    (message,) = [m for m in replies(out)[-1].messages if m.level == "ERROR"]
    assert "ZeroDivisionError" in message.text
    written = "".join(path.read_text("utf-8") for path in log.iterdir())
    assert ("action=scored" in written) == (level == "DEBUG")
    assert "ZeroDivisionError" in written
    assert "KEY-OF-SESSION" not in written
    assert "SECRET" not in written
