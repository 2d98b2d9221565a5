"""Reference pages for saved searches and macros."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from addonfactory_splunk_conf_parser_lib import TABConfigParser
from build_detections import searches
from docs_markdown import anchor, block, code, codes, escaped, folded, page, table, techniques
from savedsearch_keys import NEEDS, Search, is_report, line, slug, stanza_name

ROOT = Path(__file__).resolve().parent.parent
MACROS = ROOT / "package" / "default" / "macros.conf"

SHORT = 80

SEARCHES = """
All rules and scheduled reports come disabled; the reports without a schedule run when you open
them. Names in *Settings > Searches, reports, and alerts* begin with `Installer`; every search ends
in a filter macro of its own, for what you know and do not want to see. *Finding* says whether a
search raises a finding (notable event) in Enterprise Security; rules without it raise risk alone,
reports neither. [Detections](../detections.md) says how they are built and proved.
"""

MACRO_PAGE = """
Change macros under *Settings > Advanced search > Search macros*, app *Installer Abuse Detection*
(TA-installerscore): your copy is kept in `local/` and survives an upgrade.
[Detections](../detections.md#macros) has the ones that are made for changing. *Everywhere* means
that every app sees the macro; the others work in this app only.
"""


def pages() -> dict[str, str]:
    """Return the text of both pages, by their path below docs/reference."""
    return {"searches.md": _searches(), "macros.md": _macros()}


def _searches() -> str:
    found = searches()
    header = ("search", "type", "reads", "ATT&CK", "risk", "finding")
    lines = table(header, map(_row, sorted(found, key=lambda s: (is_report(s), s["name"]))))
    for search in found:
        lines += ["", *_search(search)]
    return page("Saved searches", "detections/", SEARCHES, lines)


def _row(search: Search) -> list[str]:
    return [
        f"[{escaped(search['name'])}](#{slug(search['name'])})",
        search["type"],
        ", ".join(search["needs"]),
        techniques(search.get("mitre_attack", [])),
        _risk(search),
        _finding(search),
    ]


def _risk(search: Search) -> str:
    scores = [str(o["score"]) for o in search.get("risk", {}).get("objects", [])]
    return " ".join(scores) or "-"


def _finding(search: Search) -> str:
    return str(search["notable"]["severity"]) if "notable" in search else "-"


def _search(search: Search) -> list[str]:
    name = search["name"]
    lines = [anchor(slug(name)), "", f"## {escaped(name)}", "", escaped(search["description"]), ""]
    lines += [*table(("", ""), _facts(search)), ""]
    needs = [NEEDS[need]["how_to"] for need in search["needs"]]
    how_to = " ".join([*needs, search.get("how_to_implement", "")])
    lines += [f"**What it needs:** {escaped(how_to)}", ""]
    if "known_false_positives" in search:
        lines += [f"**Known false positives:** {escaped(search['known_false_positives'])}", ""]
    if "references" in search:
        lines += ["**References:** " + ", ".join(f"<{url}>" for url in search["references"]), ""]
    return lines + folded("Search", block(search["search"], "spl"))


def _facts(search: Search) -> Iterable[tuple[str, str]]:
    schedule = search.get("schedule", {})
    times = (schedule.get("earliest", "-70m@m"), schedule.get("latest", "-10m@m"))
    yield "stanza", code(stanza_name(search))
    yield "filter", code(f"{slug(search['name'])}_filter")
    yield "time range", f"{code(times[0])} to {code(times[1])}"
    yield "schedule", code(schedule["cron"]) if "cron" in schedule else "none, run it by hand"
    if "mitre_attack" in search:
        yield "ATT&CK", techniques(search["mitre_attack"])
    if "throttle" in search:
        throttle = search["throttle"]
        hours = int(throttle["period"].rstrip("s")) // 3600
        yield "throttled by", f"{codes(throttle['fields'])} for {hours} hours"
    if "risk" in search:
        yield "risk message", escaped(line(search["risk"]["message"]))
        objects = (f"{code(o['field'])} ({o['type']})" for o in search["risk"]["objects"])
        yield "risk objects", ", ".join(objects)
        threats = (f"{code(t['field'])} ({t['type']})" for t in search["risk"]["threats"])
        yield "threat objects", ", ".join(threats)
    if "notable" in search:
        title = escaped(search["notable"]["title"])
        yield "finding", f"severity {_finding(search)}, title: {title}"


def _macros() -> str:
    parser = TABConfigParser()
    parser.read(MACROS, encoding="utf-8")
    exported = _exported()
    lines: list[str] = []
    filters: list[str] = []
    for stanza, keys in parser.item_dict().items():
        if stanza.endswith("_filter"):
            filters.append(stanza)
            continue
        name = stanza.partition("(")[0]
        arguments = keys.get("args", "")
        seen = "everywhere" if stanza in exported else "in this app"
        shown = f"{name}({arguments})" if arguments else name
        lines += [anchor(f"macro-{stanza}"), "", f"## {escaped(shown)}", ""]
        lines += [f"{escaped(keys.get('description', ''))} Seen {seen}.", ""]
        definition = keys["definition"].replace("\\\n", "\n")
        if len(definition) <= SHORT and "\n" not in definition:
            lines += [f"Definition: {code(definition)}", ""]
        else:
            lines += [*folded("Definition", block(definition, "text")), ""]
    lines += ["## Filters", "", "One for each saved search, shipped as `search *`:", ""]
    lines += [f"- {code(name)}" for name in filters]
    source = "package/default/macros.conf, which tools/build_detections.py writes"
    return page("Macros", source, MACRO_PAGE, lines)


def _exported() -> set[str]:
    """Return the macros that every app sees."""
    meta = (ROOT / "package" / "metadata" / "default.meta").read_text(encoding="utf-8")
    stanzas = (part.partition("]") for part in meta.split("\n[macros/")[1:])
    return {
        name.replace("%28", "(").replace("%29", ")")
        for name, _, keys in stanzas
        if "export = system" in keys.partition("[")[0]
    }
