"""One HTML file that holds the whole answer: no script, nothing loaded from anywhere.

The page is built as elements, so that a text can only ever be a text. Its policy forbids scripts
and all loading, should a browser disagree.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterable
from typing import Any, TextIO
from xml.etree.ElementTree import Element, SubElement, tostring

from installer_trees.catalogue import Catalogue
from installer_trees.pipeline import Kept, Pipeline

from .. import __version__
from ..clean import visible
from ..times import shown
from . import SEVERITIES, Overview, Row, as_list
from .style import CSS
from .svg import picture

MOST_TREES = 200
TOP_SIGNALS = 4
_FACTS = (
    ("Host", "dest"),
    ("User", "user"),
    ("Installer", "installer_family"),
    ("Started by", "parent_process"),
    ("Processes", "process_count"),
    ("Hosts with the same tree", "dest_prevalence"),
    ("Linked by", "link_method"),
    ("Allowlist", "allowlist"),
    ("Tree id", "installer_tree_id"),
    ("Fingerprint", "tree_fingerprint"),
)


class Report:
    """Collects the highest trees and writes the page when all have come.

    Args:
        stream: Where to write.
        pipeline: Gives the processes of a tree.
        overview: What is known of all trees.
        most: How many trees to show.
    """

    def __init__(
        self, stream: TextIO, pipeline: Pipeline, overview: Overview, most: float = MOST_TREES
    ) -> None:
        self.most = most
        self._stream = stream
        self._pipeline = pipeline
        self._overview = overview
        self._signals = _by_id(pipeline.catalogue)
        self._rows: list[Row] = []
        self._sections: list[Element] = []

    def add(self, kept: Kept, row: Row) -> None:
        """Take a tree."""
        self._rows.append(row)
        self._sections.append(self._tree(kept, row, len(self._rows)))

    def close(self) -> None:
        """Write the page."""
        page = Element("html", {"lang": "en"})
        _head(page)
        body = SubElement(page, "body")
        _add(body, "h1", "Installer trees")
        self._summary(body)
        if self._rows:
            self._table(body)
        for section in self._sections:
            body.append(section)
        made = f"Made by installerscore {__version__} at {shown(time.time())}. All times are UTC."
        _add(body, "footer", made)
        self._stream.write("<!DOCTYPE html>\n")
        self._stream.write(tostring(page, encoding="unicode", method="html"))
        self._stream.write("\n")
        self._stream.flush()

    def _summary(self, body: Element) -> None:
        total, severities = self._overview.trees, self._overview.severities
        counts = SubElement(body, "p", {"class": "counts"})
        _add(counts, "strong", f"{total:,} tree{'s' * (total != 1)}")
        for severity in SEVERITIES:
            if severities[severity]:
                text = f"{severities[severity]:,} {severity}"
                _add(counts, "span", text, {"class": f"badge {severity}"})
        if total > len(self._rows):
            _add(body, "p", f"Shown are the {len(self._rows):,} with the highest scores.")
        _add(body, "p", self._overview.report.summary())
        for text in self._overview.report.warnings:
            _add(body, "p", text)
        for _, text in self._overview.messages:
            _add(body, "p", text)

    def _table(self, body: Element) -> None:
        table = SubElement(SubElement(body, "div", {"class": "wide"}), "table")
        heads = SubElement(SubElement(table, "thead"), "tr")
        for name in ("Score", "Family", "Host", "User", "Started", "Root command", "Top signals"):
            _add(heads, "th", name, {"scope": "col"})
        rows = SubElement(table, "tbody")
        for number, row in enumerate(self._rows, 1):
            cells = SubElement(rows, "tr")
            severity = str(row["installer_severity"])
            link = {"href": f"#tree-{number}", "class": f"badge {severity}"}
            score = f"{row['installer_score']} {severity}"
            _add(SubElement(cells, "td"), "a", score, link)
            for text in (row["installer_family"], row["dest"], row["user"], shown(row["_time"])):
                _add(cells, "td", text)
            _add(cells, "td", row["process"] or row["process_name"], {"class": "command"})
            _add(cells, "td", " ".join(as_list(row["signal"])[:TOP_SIGNALS]), {"class": "signals"})

    def _tree(self, kept: Kept, row: Row, number: int) -> Element:
        """Return the section of one tree."""
        severity = str(row["installer_severity"])
        section = Element("section", {"id": f"tree-{number}"})
        title = SubElement(section, "h2")
        _add(title, "span", f"{row['installer_score']} {severity}", {"class": f"badge {severity}"})
        title[-1].tail = visible(f" {row['installer_family']} on {row['dest']}")
        _add(section, "p", row["risk_message"])
        when = " to ".join(filter(None, map(shown, (row["first_time"], row["last_time"]))))
        facts = [("Time", when)]
        facts += [(label, ", ".join(map(str, _values(row[name])))) for label, name in _FACTS]
        _definitions(section, [(label, text) for label, text in facts if text])
        drawn = list(self._pipeline.process_rows([kept], only_drawn=True))
        quiet = not row["signal"]
        holder = _details(section, "The tree, in which nothing was found") if quiet else section
        figure = SubElement(holder, "figure")
        figure.append(picture(drawn, self._pipeline.settings))
        left_out = int(row["process_count"]) - len(drawn)
        if left_out:
            _add(figure, "figcaption", f"{left_out:,} more processes are not drawn.")
        self._reasons(section, row)
        self._threats(section, row)
        text = _details(section, "The tree as text")
        _add(text, "pre", "\n".join(map(visible, as_list(row["tree"]))), raw=True)
        return section

    def _reasons(self, section: Element, row: Row) -> None:
        """Say which signals made the score, and what is known of each."""
        details = as_list(row["signal_detail"])
        if not details:
            return
        _add(section, "h3", "Why")
        items = SubElement(section, "ul", {"class": "reasons"})
        for detail in details:
            item = SubElement(items, "li")
            signal = self._signals.get(detail.split(" ", 1)[0])
            if signal is None:
                _add(item, "code", detail)
                continue
            more = _details(item, detail, "code")
            _definitions(more, signal)

    def _threats(self, section: Element, row: Row) -> None:
        values = as_list(row["threat_object"])
        if values:
            _add(section, "h3", "Look for these elsewhere")
            items = SubElement(section, "ul")
            for value, kind in zip(values, as_list(row["threat_object_type"])):
                item = SubElement(items, "li")
                _add(item, "code", value)
                item[-1].tail = visible(f" ({kind})")


def _by_id(catalogue: Catalogue) -> dict[str, list[tuple[str, str]]]:
    """Return what the page says of each signal."""
    return {
        signal.signal_id: [
            ("Weight", f"{signal.weight:g}"),
            ("ATT&CK", ", ".join(signal.mitre_technique_id)),
            ("Why it matters", signal.rationale),
            ("Known false positives", signal.known_false_positives),
            ("Source", signal.source),
        ]
        for signal in catalogue.signals
    }


def _head(page: Element) -> None:
    digest = base64.b64encode(hashlib.sha256(CSS.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = SubElement(page, "head")
    SubElement(head, "meta", {"charset": "utf-8"})
    SubElement(head, "meta", {"http-equiv": "Content-Security-Policy", "content": policy})
    SubElement(head, "meta", {"name": "viewport", "content": "width=device-width"})
    SubElement(head, "meta", {"name": "referrer", "content": "no-referrer"})
    SubElement(head, "title").text = "Installer trees"
    SubElement(head, "style").text = CSS


def _add(
    parent: Element,
    tag: str,
    text: Any,
    attributes: dict[str, str] | None = None,
    raw: bool = False,
) -> Element:
    """Add an element with a text; `raw` is for texts that are safe already and keep their lines."""
    element = SubElement(parent, tag, attributes or {})
    element.text = str(text) if raw else visible(str(text))
    return element


def _details(parent: Element, summary: str, tag: str = "span") -> Element:
    element = SubElement(parent, "details")
    _add(SubElement(element, "summary"), tag, summary)
    return element


def _definitions(parent: Element, pairs: Iterable[tuple[str, str]]) -> None:
    listed = SubElement(parent, "dl")
    for label, text in pairs:
        _add(listed, "dt", label)
        _add(listed, "dd", text)


def _values(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
