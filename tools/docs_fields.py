"""The field reference: what the command reads and returns, from the engine's own lists."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from docs_markdown import code, codes, page, table
from installer_trees import drawing, render, threats
from installer_trees.health import HEALTH_COLUMNS
from installer_trees.layout import ALIASES, DATA_MODELS, FIELDS, LINK_FIELDS, MISSING, TARGET_FIELDS
from installer_trees.render import PROCESS_COLUMNS, TREE_COLUMNS

DESCRIPTIONS = Path(__file__).with_name("field_descriptions.yml")

INTRODUCTION = """
Names are those of CIM where CIM has one. *mv* marks multivalue fields. The [command
reference](../command.md) says how the outputs are chosen and ordered.
"""

INPUT = """
A field may come plain (`process_name`) or with the name of a data model object before it
(`Processes.process_name`): {models}. Where a field has several values, the first counts. These
stand for a missing value: {missing}, and the GUID of zeros.
"""


def pages() -> dict[str, str]:
    """Return the text of the page, by its path below docs/reference.

    Raises:
        ValueError: A column has no description, or a description no column.
    """
    described: dict[str, dict[str, str]] = yaml.safe_load(DESCRIPTIONS.read_text(encoding="utf-8"))
    shown = sorted({word for word in MISSING if word and "0000" not in word}, key=str.lower)
    models = codes(f"{model}." for model in DATA_MODELS)
    lines = ["## `output=trees`", "", "One row a tree, in this column order.", ""]
    lines += _columns("trees", TREE_COLUMNS, described["trees"])
    lines += ["", "## `output=processes`", "", "Every column of the input, then these.", ""]
    lines += _columns("processes", PROCESS_COLUMNS, described["processes"])
    lines += ["", "## `output=health`", "", "One row a data source.", ""]
    lines += _columns("health", HEALTH_COLUMNS, described["health"])
    lines += ["", "## Fields that are read", ""]
    lines += [INPUT.format(models=models, missing=codes(shown)).strip(), ""]
    lines += _inputs(described["input"])
    source = "the engine's column lists and tools/field_descriptions.yml"
    return {"fields.md": page("Fields", source, INTRODUCTION, lines)}


def _columns(output: str, names: Iterable[str], described: dict[str, str]) -> list[str]:
    _check(output, set(names), set(described))
    values = {**vars(drawing), **vars(threats), **vars(render)}
    bounds = {name: f"{value:,}" for name, value in values.items() if type(value) is int}
    return table(("field", "meaning"), ((code(n), described[n].format(**bounds)) for n in names))


def _inputs(described: dict[str, Any]) -> list[str]:
    """Return a table of the input fields: those that link processes first."""
    _check("input", set(FIELDS), set(described))
    first = dict.fromkeys((*LINK_FIELDS, *TARGET_FIELDS))
    order = [*first, *sorted(FIELDS - first.keys())]
    other = {name: alias for alias, name in ALIASES.items()}
    return table(
        ("field", "meaning"),
        ((code(n) + (f" or {code(other[n])}" if n in other else ""), described[n]) for n in order),
    )


def _check(output: str, names: set[str], described: set[str]) -> None:
    """Refuse descriptions that do not fit the columns."""
    missing, unknown = sorted(names - described), sorted(described - names)
    if missing or unknown:
        raise ValueError(
            f"tools/field_descriptions.yml, {output}: describe {', '.join(missing) or 'no more'}, "
            f"take out {', '.join(unknown) or 'nothing'}"
        )
