"""Splunk conf files, lookups and macros of an app folder."""

from __future__ import annotations

import csv
from pathlib import Path

from addonfactory_splunk_conf_parser_lib import TABConfigParser

from .combining import Lookup
from .macros import Macro, read

Stanzas = dict[str, dict[str, str]]


def stanzas(path: Path) -> Stanzas:
    """Return the stanzas of a conf file; lines that end in a backslash go on."""
    parser = TABConfigParser()
    parser.read(path, encoding="utf-8")
    return {
        name: {k: _joined(v) for k, v in keys.items()} for name, keys in parser.item_dict().items()
    }


def _joined(value: str) -> str:
    return value.replace("\\\n", "\n")


def app_macros(app: Path) -> dict[str, Macro]:
    """Return the macros that an app ships."""
    return read(stanzas(app / "default" / "macros.conf"))


def app_lookups(app: Path) -> dict[str, Lookup]:
    """Return the lookups of an app: files with their rows, KV store collections empty."""
    lookups = {}
    for name, keys in stanzas(app / "default" / "transforms.conf").items():
        if keys.get("external_type") == "kvstore":
            columns = [column.strip() for column in keys["fields_list"].split(",")]
            lookups[name] = Lookup([], columns, {}, True, 100)
            continue
        if "filename" not in keys:
            continue
        with (app / "lookups" / keys["filename"]).open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            rows = [dict(row) for row in reader]
        kinds = [k.strip().rstrip(")").split("(") for k in keys.get("match_type", "").split(",")]
        lookups[name] = Lookup(
            rows,
            list(reader.fieldnames or ()),
            {column: kind for kind, column in (k for k in kinds if len(k) == 2)},
            keys.get("case_sensitive_match", "true") in ("1", "true"),
            int(keys.get("max_matches", "100")),
        )
    return lookups
