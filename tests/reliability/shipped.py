"""The names that users build on, as a built add-on has them."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

from spl.conf import stanzas

Names = dict[str, list[str]]

OUTPUTS = """
import json, sys
sys.path.insert(0, sys.argv[1])
from installer_trees import health, render
print(json.dumps([render.TREE_COLUMNS, render.PROCESS_COLUMNS, health.HEALTH_COLUMNS]))
"""


def names(app: Path) -> Names:
    """Return what may stand in somebody's `local/`, searches and dashboards."""
    found: Names = {}
    for conf in ("commands", "macros", "savedsearches", "transforms"):
        found[conf] = sorted(_stanzas(app, conf))
    for conf in ("collections", "ta_installerscore_settings"):
        found[conf] = sorted(
            f"{stanza}/{key}" for stanza, keys in _stanzas(app, conf).items() for key in keys
        )
    found["views"] = sorted(p.stem for p in (app / "default/data/ui/views").glob("*.xml"))
    for path in sorted((app / "lookups").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            found[f"lookups/{path.name}"] = next(csv.reader(file))
    command = [sys.executable, "-B", "-c", OUTPUTS, app / "bin"]
    said = subprocess.run(command, check=True, capture_output=True).stdout
    for output, columns in zip(("trees", "processes", "health"), json.loads(said)):
        found[f"output={output}"] = list(columns)
    return found


def _stanzas(app: Path, conf: str) -> dict[str, dict[str, str]]:
    path = app / "default" / f"{conf}.conf"
    return stanzas(path) if path.is_file() else {}
