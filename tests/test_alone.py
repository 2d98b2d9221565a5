"""`| installerscore` at the start of a search fetches its events; anywhere else it reads rows."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import installerscore_fetch
import installerscore_options
import pytest
import sample
import scp
from fake_splunkd import FakeSplunkd, serving
from hypothesis import given, settings
from hypothesis import strategies as st
from installer_trees.errors import InstallerTreesError
from installerscore_fetch import TIME, Fetch
from installerscore_place import UNSURE, starts_search
from spl.app import App
from spl.conf import stanzas
from spl.export import exported, said
from spl.matching import Row

ALONE = "| installerscore"
RANGE = {"earliest_time": 1_700_000_000.25, "latest_time": 1_700_003_600.0}
DATASETS = {
    "process": "Endpoint.Processes",
    "network": "Network_Traffic.All_Traffic",
    "file": "Endpoint.Filesystem",
    "registry": "Endpoint.Registry",
    "service": "Endpoint.Services",
}
CHAINS = {
    "linux/mal_deb_b64", "windows/win_msi_encoded_powershell", "windows/win_msi_service_tmp_shell",
    "windows/win_sccm_chrome_zoom", "macos/mac_pip_setup_curl",
}  # fmt: skip
ROWS = sample.newest_first([chain for chain in sample.load() if chain.name in CHAINS])
DATA: dict[str, list[Row]] = {name: [] for name in DATASETS.values()}
for _row in ROWS:
    DATA[DATASETS[sample.kind(_row)]].append(_row)
NOTHING = lambda form: exported([])  # noqa: E731


@pytest.fixture(scope="module")
def app(built_app: Path) -> App:
    return App(built_app, float(ROWS[0]["_time"]) + 60)


@pytest.fixture(scope="module")
def events(app: App) -> list[Row]:
    """What the search for the events gives."""
    search = f"| `installer_endpoint_events` | rename _time as {TIME}"
    rows = app.run(search, DATA).rows
    return [{k: v if isinstance(v, list) else str(v) for k, v in row.items()} for row in rows]


def run(
    app: App, python: str, splunkd: FakeSplunkd, arguments: str = "", /, **info: Any
) -> scp.Result:
    """Run the command at the start of a search; whatever happens, it must end well."""
    given = {"search": quote(f"{ALONE} {arguments}"), "session_key": "a-key", **RANGE, **info}
    with serving(splunkd):
        given.setdefault("splunkd_uri", splunkd.uri)
        result = scp.run(app.folder, [], arguments, python=python, **given)
    assert (result.exit_code, result.stderr, result.leftovers) == (0, "", [])
    assert result.replies[-1].metadata["finished"] is True
    return result


def error(result: scp.Result) -> str:
    """The only message, which must be an error in one sentence, and no rows with it."""
    (message,) = result.messages
    assert (message.level, result.rows) == ("ERROR", [])
    assert message.text.endswith(".")
    assert "\n" not in message.text
    assert "Traceback" not in message.text
    return message.text


# --- where the command stands --------------------------------------------------------------


@pytest.mark.parametrize(
    "search",
    [
        "| installerscore",
        "|installerscore",
        "  |  installerscore dest=web* output=trees | table dest tree",
        "\n| installerscore\n| where installer_score > 40",
        "| installerscore  | head 100 | export add_timestamp=f",
        "```first the trees``` | ```all``` installerscore ```of them```",
        '| installerscore dest="a|b [c"',
        '| installerscore | eval x="| installerscore"',
        '| installerscore | `a_filter("| installerscore")` | search dest=a',
        "| tstats count from datamodel=x | append [| installerscore]",
        "search index=x [| installerscore | fields dest]",
        "| installerscore | append [| installerscore output=health]",
        "| multisearch [| installerscore] [search index=x]",
        "| INSTALLERSCORE",
    ],
)
def test_the_command_begins_its_search(search: str) -> None:
    assert starts_search(search)


@pytest.mark.parametrize(
    "search",
    [
        "",
        "installerscore",
        "search installerscore",
        "search index=x | installerscore",
        "search | installerscore",
        "`a_macro` | installerscore",
        "| `a_macro` | installerscore",
        '"quoted" | installerscore',
        "| tstats count from datamodel=x | installerscore",
        "|  | installerscore",
        "```a comment``` search x | installerscore",
        "```| installerscore```",
        "| installerscore_other",
        '| makeresults | eval x="| installerscore"',
        "| append [search index=x | installerscore]",
        "| installerscore | append [search index=x | installerscore]",
        "| installerscore | append [| `a_macro` | installerscore]",
        '| installerscore dest="never closed',
        "| installerscore | `never_closed",
        "| installerscore ```never closed",
        "| installerscore | append [ search x",
        "| installerscore ]",
        "litsearch index=x | installerscore",
    ],
)
def test_the_command_does_not_begin_its_search_or_may_not(search: str) -> None:
    assert not starts_search(search)


@pytest.mark.parametrize(
    "piece", ['"', "`", "```", "[", "\\", "| ", '"\\', "```a``` ", "| installerscore ", "a "]
)
def test_reading_the_search_takes_no_longer_than_its_length(piece: str) -> None:
    """Patterns are C's work and cannot be counted: twice the length must not cost four times."""
    costs = []
    for pieces in (100_000, 200_000):
        search, times = "| installerscore " + piece * pieces, []
        for _ in range(3):
            start = time.process_time()
            starts_search(search)
            times.append(time.process_time() - start)
        costs.append(min(times))
    assert costs[1] < 3 * costs[0] + 0.002  # what the first sign ends takes no time to compare


@pytest.mark.parametrize("encoded", [False, True])
def test_getinfo_answers_as_a_generating_command(app: App, python: str, encoded: bool) -> None:
    search = f"{ALONE} | head 5"
    with scp.Session(app.folder, python) as session:
        reply = session.getinfo("", search=quote(search) if encoded else search)
        assert session.close() == (0, "")
    assert reply.raw == (
        b'chunked 1.0,61,0\n{"generating":true,"run_in_preview":false,"type":"reporting"}'
    )


# --- what it gives -------------------------------------------------------------------------


def test_the_same_rows_as_after_the_macro(app: App) -> None:
    alone = app.run(f"{ALONE} dest=WEB* minscore=40", DATA)
    macro = app.run('| `installer_endpoint_events("WEB*")` | installerscore minscore=40', DATA)
    assert alone.rows == macro.rows != []
    assert alone.messages == macro.messages


@pytest.mark.parametrize("arguments", ["", "output=processes minscore=50", "output=health"])
def test_the_same_rows_as_from_a_pipe(app: App, python: str, events, arguments: str) -> None:
    alone = run(app, python, FakeSplunkd({}, export=lambda form: exported(events)), arguments)
    piped = [{**row, "_time": row[TIME]} for row in events]
    for row in piped:
        del row[TIME]
    assert alone.rows == scp.run(app.folder, piped, arguments, python=python).rows != []


def test_splunkd_is_asked_once_as_the_searcher_would(app: App, python: str) -> None:
    splunkd = FakeSplunkd({}, export=NOTHING)
    result = run(app, python, splunkd, "dest=web*", owner="a b", app="an_app")
    assert (result.rows, result.messages) == ([], [])
    path, session = splunkd.requests[-1]
    assert path == "/servicesNS/a%20b/an_app/search/v2/jobs/export"
    assert session == "Splunk a-key"
    assert splunkd.forms == [
        {
            "search": '| `installer_endpoint_events("web*")` | rename _time as installer_epoch',
            "earliest_time": "1700000000.250",
            "latest_time": "1700003600.000",
            "output_mode": "json",
            "preview": "false",
        }
    ]


@pytest.mark.parametrize("latest", [0, "0", "+Infinity", None])
def test_a_time_range_without_end_has_none_in_the_request(app: App, python: str, latest) -> None:
    splunkd = FakeSplunkd({}, export=NOTHING)
    run(app, python, splunkd, earliest_time=0, latest_time=latest)
    assert splunkd.forms[0]["earliest_time"] == "0.000"
    assert "latest_time" not in splunkd.forms[0]


def test_several_values_and_odd_characters_arrive(app: App, python: str) -> None:
    row = {
        "installer_epoch": "1700000000.5",
        "dest": ["h,1", "$2"],
        "process_id": 7,
        "process_name": "dpkg",
        "process": 'dpkg -i "a\nb".deb \u00fc\ud800\x00',
    }
    bare = {"dest": None, "process": {}, "x": True}
    splunkd = FakeSplunkd({}, export=lambda form: _lines([row, bare]))
    (tree,) = run(app, python, splunkd).rows
    assert (tree["dest"], tree["process_id"], float(tree["_time"])) == ("h,1", "7", 1700000000.5)


def _lines(results: list[Any]) -> Iterator[bytes]:
    for result in results:
        yield json.dumps({"preview": False, "result": result}).encode() + b"\n"
    yield b'{"preview":false,"lastrow":true}\n'


def test_previews_are_not_counted_twice(app: App, python: str) -> None:
    row = {"installer_epoch": "1", "dest": "h", "process_id": "7", "process_name": "dpkg",
           "process": "dpkg -i a.deb"}  # fmt: skip
    preview = json.dumps({"preview": True, "lastrow": True, "result": row}).encode() + b"\n"
    splunkd = FakeSplunkd({}, export=lambda form: [preview, *_lines([row])])
    (health,) = run(app, python, splunkd, "output=health").rows
    assert health["rows"] == "1"


def test_what_the_search_for_the_events_says_is_passed_on(app: App, python: str) -> None:
    cut = "[subsearch]: Subsearch produced 10000 results, truncating to maxout 10000."
    lines = [
        said(("INFO", cut), ("DEBUG", "of no interest"), ("WARN", "a peer\nis slow")),
        *exported([]),
        said(("INFO", cut), ("ERROR", "x" * 1000)),
    ]
    result = run(app, python, FakeSplunkd({}, export=lambda form: lines))
    assert [(message.level, message.text) for message in result.messages] == [
        ("INFO", f"The search for the events says: {cut}"),
        ("WARN", "The search for the events says: a peer is slow."),
        ("WARN", f"The search for the events says: {'x' * 300}...."),
    ]


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_the_examples_of_the_search_assistant_run_and_find_something(app: App, number: int) -> None:
    """Each finds one of the chains; a host of an example is one that they ran on."""
    help_text = stanzas(app.folder / "default" / "searchbnf.conf")["installerscore-command"]
    assert f"example{number}" in help_text
    result = app.run(help_text[f"example{number}"], DATA)
    assert result.rows
    assert not [message for message in result.messages if message.startswith("ERROR")]


def test_there_is_no_example_that_is_not_run(app: App) -> None:
    help_text = stanzas(app.folder / "default" / "searchbnf.conf")["installerscore-command"]
    assert "example6" not in help_text


# --- where it does not fetch ---------------------------------------------------------------


@pytest.mark.parametrize(
    "search", ["", "search index=x | installerscore", "| `a_macro` | installerscore"]
)
def test_anywhere_else_nothing_is_fetched(app: App, python: str, search: str) -> None:
    splunkd = FakeSplunkd({}, export=NOTHING)
    result = run(app, python, splunkd, search=search)
    assert result.getinfo.metadata["required_fields"]
    assert "generating" not in result.getinfo.metadata
    assert splunkd.forms == []


def test_where_it_cannot_tell_it_reads_rows_and_says_so(app: App, python: str) -> None:
    splunkd = FakeSplunkd({}, export=NOTHING)
    search = "| installerscore | append [search x | installerscore]"
    result = run(app, python, splunkd, search=search)
    assert [(m.level, m.text) for m in result.messages] == [("WARN", UNSURE)]
    assert splunkd.forms == []
    row = {"dest": "h", "process_id": 7, "process_name": "dpkg", "process": "dpkg -i a.deb"}
    result = scp.run(app.folder, [row], python=python, search=search)
    assert len(result.rows) == 1
    assert "WARN" not in {m.level for m in result.messages if "more than once" in m.text}


def test_a_preview_fetches_nothing(app: App, python: str) -> None:
    splunkd = FakeSplunkd({}, export=NOTHING)
    result = run(app, python, splunkd, preview=True)
    assert result.getinfo.metadata["generating"] is True
    assert (result.rows, result.messages, splunkd.requests) == ([], [], [])


def test_getinfo_alone_asks_splunkd_nothing(app: App, python: str) -> None:
    splunkd = FakeSplunkd({}, export=NOTHING)
    with serving(splunkd), scp.Session(app.folder, python) as session:
        session.getinfo("", search=ALONE, splunkd_uri=splunkd.uri, session_key="a-key")
        assert session.close() == (0, "")
    assert splunkd.requests == []


def test_requests_after_the_answer_are_answered_with_nothing(app: App, python: str, events) -> None:
    splunkd = FakeSplunkd({}, export=lambda form: exported(events))
    with serving(splunkd), scp.Session(app.folder, python) as session:
        session.getinfo("", search=ALONE, splunkd_uri=splunkd.uri, session_key="k")
        replies = [session.execute(b"", finished) for finished in (False, False, True)]
        assert session.close() == (0, "")
    assert [bool(reply.rows) for reply in replies] == [True, False, False]
    assert [reply.metadata["finished"] for reply in replies] == [True] * 3
    assert len(splunkd.forms) == 1


@pytest.mark.parametrize("info", [{"sid": "rt_1"}, {"earliest_time": "rt-5m"}])
def test_real_time_is_refused(app: App, python: str, info: dict[str, str]) -> None:
    splunkd = FakeSplunkd({}, export=NOTHING)
    assert "real time" in error(run(app, python, splunkd, **info))
    assert splunkd.requests == []


def test_dest_after_a_pipe_is_one_sentence(app: App, python: str) -> None:
    result = run(app, python, FakeSplunkd({}), "dest=a", search="`m` | installerscore dest=a")
    assert 'installer_endpoint_events("web*")' in error(result)


@pytest.mark.parametrize(
    "value",
    [
        '"a b"', r'"a\"b"', '"a`b"', "a|b", "a]b", "a[b", "$x$", "a,b", "a(b)", "a'b", "a=b",
        '""', "*" * 256, r'"a\\b"', '"a\nb"',
    ],
)  # fmt: skip
def test_a_host_cannot_become_spl(value: str) -> None:
    args, _ = scp.split_arguments(f"dest={value}")
    options = installerscore_options.parse(args, ".")
    assert (options.dest, len(options.problems)) == (None, 1)


def test_what_is_no_host_is_one_sentence(app: App, python: str) -> None:
    splunkd = FakeSplunkd({}, export=NOTHING)
    text = error(run(app, python, splunkd, 'dest="a\nb|c"', search=ALONE))
    assert "dest=a b|c is not the name of a host" in text
    assert splunkd.requests == []


@pytest.mark.parametrize("value", ["web*", "*", "a-1.example.com", "WS_4", "fe80::1", "h\u00f6st"])
def test_a_host_is_one_string_of_the_search(value: str) -> None:
    args, _ = scp.split_arguments(f"dest={value}")
    dest = installerscore_options.parse(args, ".").dest
    splunkd = FakeSplunkd({}, export=NOTHING)
    with serving(splunkd):
        info = {"splunkd_uri": splunkd.uri, "session_key": "k", "app": "", "owner": "", **RANGE}
        list(Fetch(SimpleNamespace(**info), dest).bodies())
    (search,) = [form["search"] for form in splunkd.forms]
    assert search.startswith(f'| `installer_endpoint_events("{value}")` |')


# --- when splunkd refuses or fails ---------------------------------------------------------

REMEDY = "it can also read them from a pipe: | `installer_endpoint_events` | installerscore."
FATAL = said(("FATAL", "Error in 'tstats' command: no such data model."))
GOOD = list(exported(DATA["Endpoint.Processes"][:10]))


def failure(splunkd: FakeSplunkd, **info: str) -> str:
    """What the command would tell the user."""
    with serving(splunkd):
        given = {"splunkd_uri": splunkd.uri, "session_key": "k", "app": "", "owner": "", **info}
        with pytest.raises(InstallerTreesError) as failed:
            list(Fetch(SimpleNamespace(**RANGE, **given), None).bodies())
    assert str(failed.value).endswith(REMEDY)
    return str(failed.value)


def test_a_search_that_fails_half_way_gives_an_error_and_no_rows(app: App, python: str) -> None:
    splunkd = FakeSplunkd({}, export=lambda form: [*GOOD, FATAL])
    text = error(run(app, python, splunkd))
    assert "(Error in 'tstats' command: no such data model)" in text
    assert text.endswith(REMEDY)


@pytest.mark.parametrize(
    ("status", "body", "parts"),
    [
        (400, said(("FATAL", "Unknown search command 'x'.")), ["400", "Unknown search command"]),
        (401, said(("ERROR", "Unauthorized")), ["session", "log in"]),
        (403, b"", ["role", "capability"]),
        (404, b"<html>", ["search/v2/jobs/export"]),
        (500, b"[]", ["500"]),
        (503, said(("FATAL", "too many searches of this user")), ["too many searches of this"]),
        (302, b"", ["302"]),
        (204, b"", ["204"]),
    ],
)
def test_refusal_is_one_sentence(status: int, body: bytes, parts: list[str]) -> None:
    text = failure(FakeSplunkd({}, export=lambda form: [body], export_status=status))
    assert all(part in text for part in parts), text


@pytest.mark.parametrize(
    ("lines", "part"),
    [
        pytest.param([FATAL], "(Error in 'tstats' command: no such data model)", id="fatal"),
        pytest.param([], "ended early", id="nothing"),
        pytest.param([b"\n \n"], "ended early", id="blank lines"),
        pytest.param(GOOD[:5], "ended early", id="cut between rows"),
        pytest.param([*GOOD[:5], GOOD[5][:20]], "something else", id="cut in a row"),
        pytest.param([b"<html>\n"], "something else", id="html"),
        pytest.param([b"dest,process\na,b\n"], "something else", id="csv"),
        pytest.param([b"[1]\n"], "something else", id="no object"),
        pytest.param([b"[" * 100_000], "something else", id="deep"),
        pytest.param([b'{"messages":["x"]}\n'], "something else", id="odd messages"),
        pytest.param([b'{"messages":7}\n'], "something else", id="a number of messages"),
        pytest.param([b'{"result":[1]}\n'], "something else", id="odd result"),
        pytest.param([b"\xff\xfe\n"], "something else", id="not UTF-8"),
    ],
)
def test_a_broken_answer_is_one_sentence(lines: list[bytes], part: str) -> None:
    assert part in failure(FakeSplunkd({}, export=lambda form: lines))


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
LINES = st.one_of(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(("preview", "lastrow", "messages"), VALUES)
        | {"result": st.dictionaries(st.sampled_from(["dest", TIME, "process", "a,b\n"]), VALUES)},
    ).map(lambda item: json.dumps(item).encode()),
    st.sampled_from([b'{"lastrow":true}', b""]),
    st.binary(max_size=20),
)


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(st.lists(LINES, max_size=5))
def test_any_answer_gives_tables_or_one_sentence(lines: list[bytes]) -> None:
    class Answered(Fetch):
        def _answer(self) -> io.BytesIO:
            return io.BytesIO(b"\n".join(lines))

    fetch, said_last = Answered(None, None), REMEDY
    try:
        for body in fetch.bodies():
            header, *rows = csv.reader(io.StringIO(body.decode(), newline=""))
            assert {len(row) for row in rows} == {len(header)}
    except InstallerTreesError as error:
        said_last = str(error)
    assert said_last.endswith(REMEDY)
    assert all(text.endswith(".") and "\n" not in text for _, text in fetch.messages)


@pytest.mark.parametrize(
    ("info", "part"),
    [
        ({"session_key": ""}, "gave this search no session"),
        ({"splunkd_uri": ""}, "gave this search no session"),
        ({"splunkd_uri": "http://127.0.0.1:1"}, "refused"),
        ({"splunkd_uri": "http://[oops"}, "connection to splunkd failed"),
        ({"splunkd_uri": "gopher://127.0.0.1:1"}, "connection to splunkd failed"),
    ],
)
def test_no_splunkd_is_one_sentence(info: dict[str, str], part: str) -> None:
    assert part in failure(FakeSplunkd({}, export=NOTHING), **info)


def test_a_session_that_is_none_is_not_shown(app: App, python: str) -> None:
    text = error(run(app, python, FakeSplunkd({}), session_key="a\r\nX-Other: b"))
    assert "gave this search no session" in text
    assert "X-Other" not in text


def test_a_splunkd_that_falls_silent_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installerscore_fetch, "IDLE_SECONDS", 0.2)

    def export(form: dict[str, str]) -> Iterator[bytes]:
        yield GOOD[0]
        time.sleep(1)

    assert "sent nothing for 0.2 seconds" in failure(FakeSplunkd({}, export=export))
