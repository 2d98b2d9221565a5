"""Write the dashboards, package/default/data/ui/views/*.xml, from dashboards/*.yml.

A source is a Dashboard Studio definition with three differences: `searches` with their queries in
blocks (`extend` makes a chain), `{{fragment}}` in a query, and `rows` of panels with their widths
in place of coordinates. dashboards/shared.yml is read before each source, so its anchors hold
there.

    python tools/build_dashboards.py [--check]
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import yaml

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "dashboards"
VIEWS = ROOT / "package" / "default" / "data" / "ui" / "views"

WIDTH = 1200
"""Width of a row in Dashboard Studio's grid."""
THEME = "dark"
_FRAGMENT = re.compile(r"\{\{(\w+)\}\}")
_TEMPLATE = """<dashboard version="2" theme="{theme}">
    <label>{title}</label>
    <description>{description}</description>
    <definition><![CDATA[
{definition}
    ]]></definition>
    <meta type="hiddenElements"><![CDATA[
{hidden}
    ]]></meta>
</dashboard>
"""
Definition = dict[str, Any]


def sources() -> list[Path]:
    """Return the sources of all dashboards."""
    return [path for path in sorted(SOURCE.glob("*.yml")) if path.name != "shared.yml"]


def definition(path: Path) -> Definition:
    """Return the Dashboard Studio definition that a source stands for.

    Raises:
        ValueError: A row is not as wide as the grid, or a fragment is not defined.
    """
    shared = (SOURCE / "shared.yml").read_text(encoding="utf-8")
    loaded = yaml.safe_load(shared + "\n" + path.read_text(encoding="utf-8"))
    fragments = {**loaded["shared"]["fragments"], **loaded.get("fragments", {})}
    return {
        "title": loaded["title"],
        "description": loaded["description"],
        "dataSources": {
            name: _data_source(search, fragments) for name, search in loaded["searches"].items()
        },
        "visualizations": loaded["visualizations"],
        "inputs": loaded["inputs"],
        "defaults": loaded.get("defaults", {}),
        "layout": _layout(path.stem, loaded),
    }


def xml(path: Path) -> str:
    """Return the text of a view."""
    studio = definition(path)
    return _TEMPLATE.format(
        theme=THEME,
        title=escape(studio["title"]),
        description=escape(studio["description"]),
        definition=json.dumps(studio, indent=2, ensure_ascii=False),
        hidden=json.dumps({"hideEdit": False, "hideOpenInSearch": False, "hideExport": False}),
    )


def _data_source(search: Definition, fragments: dict[str, str]) -> Definition:
    query = search["query"].strip()
    while found := _FRAGMENT.search(query):
        if found[1] not in fragments:
            raise ValueError(f"{search['name']}: the fragment {found[1]} is not defined")
        query = query.replace(found[0], fragments[found[1]].strip())
    options = {"query": query, **search.get("options", {})}
    if "extend" in search:
        options = {"extend": search["extend"], **options}
    kind = "ds.chain" if "extend" in search else "ds.search"
    return {"type": kind, "name": search["name"], "options": options}


def _layout(name: str, loaded: Definition) -> Definition:
    structure, y = [], 0
    for row in loaded["rows"]:
        if sum(row["panels"].values()) != WIDTH:
            raise ValueError(f"{name}: the row of {', '.join(row['panels'])} is not {WIDTH} wide")
        x = 0
        for item, width in row["panels"].items():
            position = {"x": x, "y": y, "w": width, "h": row["height"]}
            structure.append({"item": item, "type": "block", "position": position})
            x += width
        y += row["height"]
    return {
        "type": "grid",
        "options": {"width": WIDTH},
        "structure": structure,
        "globalInputs": list(loaded["inputs"]),
    }


def main() -> int:
    """Write the views, or with --check say which would change."""
    check, stale = "--check" in sys.argv, 0
    for path in sources():
        view, text = VIEWS / f"{path.stem}.xml", xml(path)
        if view.exists() and view.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        print(f"{view.relative_to(ROOT)} {'is stale' if check else 'written'}")
        if not check:
            view.parent.mkdir(parents=True, exist_ok=True)
            view.write_text(text, encoding="utf-8")
    return int(check and stale > 0)


if __name__ == "__main__":
    sys.exit(main())
