"""What the documentation says: links lead somewhere, code blocks are code, searches run."""

from __future__ import annotations

import ast
import csv
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from posixpath import normpath
from typing import NamedTuple

import build_docs
import engine
import installerscore_options
import pytest
import sample
import yaml
from addonfactory_splunk_conf_parser_lib import TABConfigParser
from conftest import ROOT
from installer_trees import drawing, render
from installer_trees.model import Settings
from installer_trees.regex import MATCH_CHARS
from spl.conf import app_lookups, app_macros
from spl.errors import SplError
from spl.macros import calls, expand
from spl.matching import Row
from spl.pipeline import Command
from spl.runner import Run

from installerscore_cli.views.listing import DRAWN_TREES, MOST_TREES

PACKAGE = ROOT / "package"
MACROS = app_macros(PACKAGE)
FENCE = re.compile(r"^( *)(`{3,})(\S*)[^\n]*\n(.*?)^\1\2 *$", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
LINK = re.compile(r"\]\(<?([^)>\s]+)>?(?: \"[^\"]*\")?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
LANGUAGES = set("spl sh console bat kql text json yaml conf csv python xml".split())


class Block(NamedTuple):
    """A fenced block: where it is, its language, its text."""

    place: str
    language: str
    text: str


def pages() -> dict[str, str]:
    """Return all pages by their path in the repository, generated ones as if they were there."""
    written = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("samples/*.md")]
    texts = {p.relative_to(ROOT).as_posix(): p.read_text(encoding="utf-8") for p in written}
    return {**texts, **{f"docs/{path}": text for path, text in build_docs.pages().items()}}


PAGES = pages()
OWN = {path: text for path, text in PAGES.items() if (ROOT / path).exists()}


def blocks() -> Iterator[Block]:
    """Yield the fenced blocks of all pages that are not generated."""
    for path, text in OWN.items():
        for number, found in enumerate(FENCE.finditer(text), start=1):
            indent, _, language, body = found.groups()
            body = "\n".join(line.removeprefix(indent) for line in body.splitlines())
            yield Block(f"{path} block {number}", language, body)


BLOCKS = list(blocks())


def of(*languages: str) -> pytest.MarkDecorator:
    chosen = [block for block in BLOCKS if block.language in languages]
    return pytest.mark.parametrize("block", chosen, ids=lambda block: block.place)


def test_every_block_says_its_language() -> None:
    """So that none escapes the tests below."""
    assert [b.place for b in BLOCKS if b.language not in LANGUAGES] == []
    assert [path for path, text in PAGES.items() if text.count("\n```") % 2] == []


@of("spl")
def test_a_search_is_one_that_runs(block: Block) -> None:
    """Searches of one block are separated by a blank line."""
    for search in block.text.split("\n\n"):
        try:
            run(search.strip())
        except SplError as error:
            pytest.fail(f"{block.place}: {error}", pytrace=False)


def run(search: str) -> None:
    """Execute a search over nothing; for our command, its options are looked at."""

    def installerscore(
        command: Command, rows: list[Row], run: Run, first: bool
    ) -> tuple[list[Row], list[str]]:
        words = command.arguments.split()
        options = installerscore_options.parse(words, str(PACKAGE / "lookups"))
        assert options.problems == []
        return rows, []

    commands = {"installerscore": installerscore}
    Run({}, MACROS, app_lookups(PACKAGE), commands, 1e9, 0, 1e9).search(
        search.removeprefix("search ")
    )


@pytest.mark.parametrize("path", OWN)
def test_macros_in_the_text_exist(path: str) -> None:
    for _, code in CODE.findall(FENCE.sub("", OWN[path])):
        if "`" in code and "<" not in code:
            for call in calls(code.replace('\\"', '"')):
                assert call.stanza in MACROS, f"{path}: `{call.stanza}` is no macro"


@pytest.mark.parametrize("path", PAGES)
def test_no_code_in_a_table_holds_a_pipe(path: str) -> None:
    """A code host ends the cell there, or the site shows a backslash: write &#124; in <code>."""
    rows = [line for line in FENCE.sub("", PAGES[path]).splitlines() if line.startswith("|")]
    assert [row for row in rows for _, code in CODE.findall(row) if "|" in code] == []


TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))


@of("sh", "console")
def test_commands_of_a_shell_block_exist(block: Block) -> None:
    lines = block.text.splitlines()
    if block.language == "console":
        lines = [line[2:] for line in lines if line.startswith("$ ")]
    bash = shutil.which("bash")
    if bash:
        text = "\n".join(lines)
        done = subprocess.run([bash, "-n"], input=text, text=True, capture_output=True, check=False)
        assert done.stderr == ""
    for line in lines:
        words = line.split("#")[0].split()
        if words[:1] == ["make"]:
            targets = [w for w in words[1:] if "=" not in w and re.fullmatch(r"[a-z-]+", w)]
            assert set(targets) <= TARGETS, line
        for word in words:
            if re.fullmatch(r"(?:tools|docker|tests|bench|samples)/[\w/.-]+", word):
                assert (ROOT / word).exists() or word.startswith("docker/apps"), line


@pytest.mark.parametrize("path", OWN)
def test_commands_name_a_python_that_is_there(path: str) -> None:
    """Plain `python` is on no new Debian, and lacks what the tools need: `.venv/bin/python`."""
    assert re.findall(r"(?<![\w/.])python (?:tools|tests|bench|-m)\b.*", OWN[path]) == []


@of("json", "yaml", "csv", "conf", "python", "xml")
def test_a_block_of_data_or_code_can_be_read(block: Block, tmp_path: Path) -> None:
    if block.language == "json":
        json.loads(block.text)
    elif block.language == "yaml":
        assert yaml.safe_load(block.text)
    elif block.language == "csv":
        assert len({len(row) for row in csv.reader(block.text.splitlines())}) == 1
    elif block.language == "python":
        compile(block.text, block.place, "exec")
    elif block.language == "xml":
        ElementTree.fromstring(block.text)
    else:
        conf = tmp_path / "block.conf"
        conf.write_text(block.text, encoding="utf-8")
        parser = TABConfigParser()
        parser.read(conf, encoding="utf-8")
        assert parser.item_dict()


@pytest.mark.parametrize("path", PAGES)
def test_links_lead_somewhere(path: str) -> None:
    text = CODE.sub("", FENCE.sub("", PAGES[path]))
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, place = target.partition("#")
        page = normpath(f"{path}/../{name}") if name else path
        assert page in PAGES or (ROOT / page).exists(), f"{path}: no {target}"
        if place:
            assert place in anchors(PAGES[page]), f"{path}: no place {target}"


def anchors(text: str) -> set[str]:
    """Return the places of a page that a link can name."""
    found = set(re.findall(r'<a id="([^"]+)"', text))
    for heading in HEADING.findall(FENCE.sub("", text)):
        plain = re.sub(r"[^\w\s-]", "", re.sub(r"\\(.)", r"\1", heading)).strip().lower()
        found.add(re.sub(r"[-\s]+", "-", plain))
    return found


def test_bounds_are_those_of_the_engine() -> None:
    characters = (drawing.TREE_CHARS, render.DETAIL_CHARS, render.JSON_CHARS)
    limitations = PAGES["docs/limitations.md"]
    assert "{:,}, {:,} and {:,} characters".format(*characters) in limitations
    assert f"{MATCH_CHARS:,} characters" in limitations
    assert f"{MATCH_CHARS:,} characters" in PAGES["docs/tune.md"]
    assert f"{Settings().maxevents:,} as shipped" in limitations
    assert f"{Settings().tree_lifetime} hours after" in limitations


def test_modules_import_from_their_layer_and_those_above() -> None:
    """The layers are the table of docs/architecture.md, which has every module of the engine."""
    table = PAGES["docs/architecture.md"].partition("| layer |")[2].partition("\n\n")[0]
    rows = [row.split("|")[2] for row in table.splitlines()[2:]]
    layer = {m: i for i, row in enumerate(rows) for m in re.findall(r"`(\w+)\.py`", row)}
    folder = PACKAGE / "bin" / "installer_trees"
    assert layer.keys() == {path.stem for path in folder.glob("*.py")}
    for name in layer:
        for node in ast.walk(ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == 1:
                asked = [node.module] if node.module else [alias.name for alias in node.names]
                assert all(layer[other] <= layer[name] for other in asked), (name, asked)


def test_the_sums_of_the_sample_are_those_of_today() -> None:
    """docs/reliability.md shows what a search says of its rows."""
    pipeline, _ = engine.run(sample.newest_first(sample.load()), engine.shipped())
    (said,) = [text for level, text in pipeline.messages() if level == "INFO"]
    assert said in PAGES["docs/reliability.md"].replace("\n", " ")
    rows = pipeline.store.counters.rows
    assert f"`Sent {rows} events`" in PAGES["docs/splunk.md"]


def test_the_probe_of_the_page_scores_high() -> None:
    """docs/verify.md: what it runs on Linux, as the audit log tells it."""
    page = PAGES["docs/verify.md"]
    pip = re.search(r"^ *(pip install .+)$", page, re.MULTILINE)
    shell = re.search(r"os\.system\(\"(.+?)\"\)", page)
    assert pip is not None
    assert shell is not None
    hook = "pip/_vendor/pyproject_hooks/_in_process/_in_process.py get_requires_for_build_wheel"
    lines = [f"/usr/bin/python3 /usr/bin/{pip[1]}", f"/usr/bin/python3 {hook} /tmp/t"]
    events = [{"process": line, "process_name": "python3"} for line in lines]
    events += [{"process": f"sh -c {shell[1]}", "process_name": "dash", "parent": 1}]
    events += [{"process": line, "parent": 2} for line in shell[1].split("; ")]
    events[1]["parent"] = 0
    (row,) = engine.tree_rows(engine.completed(events), engine.shipped())
    assert row["installer_severity"] in ("high", "critical")


def test_the_number_of_filters_is_about_that_of_today() -> None:
    """docs/detections.md says how many texts the question for hosts asks for."""
    question = expand('`installer_hosts("*", "", "Processes.dest", 0, 1)`', MACROS)
    lists = re.findall(r"IN \((.*?)\)", question)
    filters = sum(len(re.findall(r'"(?:[^"\\]|\\.)*"', texts)) for texts in lists)
    said = re.search(r"with some ([\d,]+) filters", PAGES["docs/detections.md"])
    assert said is not None
    assert int(said[1].replace(",", "")) == pytest.approx(filters, rel=0.1)


@pytest.mark.parametrize("macro", ["installer_process_events", "installer_endpoint_events"])
def test_the_length_of_a_search_is_about_that_of_today(macro: str) -> None:
    """docs/scale.md says how long the base searches are, since no Splunk has parsed them yet."""
    rows = re.findall(
        rf"^\| `{macro}` \| ([\d,]+) \| (\d+) \| (\d+) \|", PAGES["docs/scale.md"], re.MULTILINE
    )
    ((length, questions, depth),) = rows
    search = expand(f"`{macro}`", MACROS)
    assert int(length.replace(",", "")) == pytest.approx(len(search), rel=0.02)
    assert int(questions) == search.count("eventstats count as hosts")
    assert int(depth) == nesting(f"`{macro}`")


def nesting(text: str) -> int:
    """Return how deep macros are in macros."""
    return max((1 + nesting(MACROS[call.stanza].definition) for call in calls(text)), default=0)


def test_what_is_enabled_as_shipped() -> None:
    """Pages say that all rules and all that is scheduled is disabled, and three reports are not."""
    parser = TABConfigParser()
    parser.read(PACKAGE / "default" / "savedsearches.conf", encoding="utf-8")
    searches = parser.item_dict()
    enabled = {name for name, keys in searches.items() if keys.get("disabled") != "1"}
    assert enabled == {name for name, keys in searches.items() if "cron_schedule" not in keys}
    assert not any(name.endswith(" - Rule") for name in enabled)
    assert len(enabled) == 3
    for page in ("docs/troubleshooting.md", "docs/detections.md"):
        assert "three reports" in PAGES[page]


def test_the_app_is_called_what_splunk_web_calls_it() -> None:
    """The menu shows the label, folders and addresses the id: who names the id says both."""
    manifest = json.loads((PACKAGE / "app.manifest").read_text(encoding="utf-8"))
    label = manifest["info"]["title"]
    for path in ("README.md", "docs/install.md", "docs/configure.md", "docs/splunk.md"):
        assert f"*{label}*" in PAGES[path] or f"*Apps > {label}" in PAGES[path], path
    for path, text in PAGES.items():
        assert not re.search(r"\bapp\s+TA-installerscore\b", text), f"{path}: name it {label}"


def test_every_field_of_the_tables_of_the_page_is_described() -> None:
    """docs/configure.md, signals and allowlist: each field by the label that the page gives it."""
    config = json.loads((ROOT / "globalConfig.json").read_text(encoding="utf-8"))
    tabs = {tab.get("title"): tab for tab in config["pages"]["configuration"]["tabs"]}
    for name in ("Signals", "Allowlist"):
        section = PAGES["docs/configure.md"].partition(f"\n## {name}\n")[2]
        section = section.partition("\n## ")[0].lower()
        for entity in tabs[name]["entity"]:
            field = entity.get("label", "").split(" (")[0]
            assert field.lower() in section, (name, field)


def test_the_trees_that_the_program_shows_are_counted_rightly() -> None:
    assert f"the {MOST_TREES} highest (`--top 0`: all)" in PAGES["docs/program.md"]
    assert DRAWN_TREES == 3
    assert "of the three highest" in PAGES["docs/program.md"]


def test_every_picture_is_shown() -> None:
    """By a page, or by the settings of the site."""
    texts = {**PAGES, "docs/mkdocs.yml": (ROOT / "mkdocs.yml").read_text(encoding="utf-8")}
    named = {
        normpath(f"{path}/../{target}")
        for path, text in texts.items()
        for target in re.findall(r"(?<=[( \"])[\w/.-]+\.(?:png|svg)", text)
    }
    files = (p for p in (ROOT / "docs").rglob("*") if p.suffix in (".png", ".svg"))
    assert {path.relative_to(ROOT).as_posix() for path in files} - named == set()


def test_every_page_is_in_the_navigation() -> None:
    """mkdocs would only leave it out of the menu."""

    class Loader(yaml.SafeLoader):
        """Reads the settings of mkdocs, with tags that only it knows."""

    Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)
    settings = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), Loader)
    listed = set(re.findall(r"'([\w/.-]+\.md)'", str(settings["nav"])))
    own = {path.removeprefix("docs/") for path in PAGES if path.startswith("docs/")}
    assert own == listed
