"""Write docs/coverage.md from detections/coverage.csv.

python tools/build_coverage.py [--check]
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from pathlib import Path

from build_detections import searches
from savedsearch_keys import slug

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "detections" / "coverage.csv"
PAGE = ROOT / "docs" / "coverage.md"
Row = dict[str, str]

INTRODUCTION = """# Coverage of public rules

<!-- Written by tools/build_coverage.py from detections/coverage.csv: change it there. -->

What is known in public about the abuse of software installers, rule by rule, and what covers it
here: signals, which add to the score of an installer's process tree, and saved searches, which
stand alone. A rule counts as covered where one of them finds the behavior that it describes, not
where it copies it. Many rules watch every program and installers among them; for those only the
part about installers is covered, and the note says so. What is not covered says why.

`core` rules are about installers, `related` ones name an installer among other programs,
`reference` ones are LOLBAS entries.
"""


def rules() -> list[Row]:
    """Return the rows of the table."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def is_covered(rule: Row) -> bool:
    """Tell whether a signal or search covers a rule."""
    return bool(rule["signals"] or rule["searches"])


def page() -> str:
    """Return the text of the page."""
    names = {slug(s["name"]): s["name"] for s in searches()}
    return "\n".join([INTRODUCTION, *_summary(), *_tables(names)]) + "\n"


def _summary() -> list[str]:
    found = Counter((rule["source"], is_covered(rule)) for rule in rules())
    lines = ["| source | rules | covered | not covered |", "|---|---|---|---|"]
    for source in sorted({source for source, _ in found}):
        yes, no = found[source, True], found[source, False]
        lines.append(f"| {source} | {yes + no} | {yes} | {no} |")
    yes = sum(n for (_, covered), n in found.items() if covered)
    total = sum(found.values())
    return [*lines, f"| all | {total} | {yes} | {total - yes} |"]


def _tables(names: dict[str, str]) -> list[str]:
    lines = []
    for source in sorted({rule["source"] for rule in rules()}):
        lines += ["", f"## {source}", "", "| rule | tier | signals | searches | note |"]
        lines.append("|---|---|---|---|---|")
        for rule in rules():
            if rule["source"] == source:
                chosen = ", ".join(names[s] for s in rule["searches"].split())
                note = rule["note"] if is_covered(rule) else f"Not covered. {rule['note']}"
                cells = (rule["rule"], rule["tier"], rule["signals"], chosen, note)
                lines.append("| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |")
    return lines


def main() -> int:
    """Write the page, or with --check say whether it would change."""
    stale = not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page()
    if stale and "--check" not in sys.argv:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page(), encoding="utf-8")
    if stale:
        print(f"{PAGE.relative_to(ROOT)} {'is stale' if '--check' in sys.argv else 'written'}")
    return int(stale and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
