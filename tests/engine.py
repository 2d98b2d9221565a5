"""Events in, scored trees out: what the engine's tests share."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from installer_trees.catalogue import Catalogue
from installer_trees.model import Settings
from installer_trees.pipeline import Kept, Pipeline
from installerscore_run import load

ROOT = Path(__file__).resolve().parent.parent
LOOKUPS = ROOT / "package" / "lookups"
CASES = ROOT / "tests" / "cases"
START = 1_700_000_000

Event = dict[str, Any]


def shipped() -> Catalogue:
    """Return the catalogue that ships."""
    return load(str(LOOKUPS))


def completed(events: Iterable[Event]) -> list[Event]:
    """Fill in what a case file leaves out: times, process ids, and the fields of parents.

    `parent` names the event that started this one, `by` the one that owns it.
    """
    done: list[Event] = []
    for i, given in enumerate(events):
        event = {"dest": "host1", "user": "user1", "_time": START + i, **given}
        parent, by = event.pop("parent", None), event.pop("by", None)
        if by is not None:
            event.setdefault("process_id", done[by]["process_id"])
            event.setdefault("process_name", done[by]["process_name"])
        else:
            event.setdefault("process_id", 1000 + i)
            event.setdefault("process_name", _name(event))
        if parent is not None:
            above = done[parent]
            event.setdefault("parent_process_id", above["process_id"])
            for field in ("process_name", "process", "process_path"):
                if above.get(field):
                    event.setdefault(f"parent_{field}", above[field])
        done.append(event)
    return done


def _name(event: Event) -> str:
    word = re.match(r'\s*(?:"([^"]*)"|(\S+))', event.get("process", ""))
    path = event.get("process_path") or (word and (word[1] or word[2])) or ""
    return str(path).replace("\\", "/").rsplit("/", 1)[-1]


def body(events: Sequence[Event], columns: Sequence[str] | None = None) -> bytes:
    """Write events as the CSV of one chunk."""
    columns = columns or sorted({name for event in events for name in event})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([event.get(name, "") for name in columns] for event in events)
    return text.getvalue().encode()


def run(
    events: Sequence[Event],
    catalogue: Catalogue,
    settings: Settings | None = None,
    chunk: int = 50_000,
) -> tuple[Pipeline, list[Kept]]:
    """Score events that are cut into chunks of `chunk` rows."""
    pipeline = Pipeline(catalogue, settings or Settings())
    columns = sorted({name for event in events for name in event})
    for start in range(0, len(events), chunk):
        pipeline.add(body(events[start : start + chunk], columns))
    return pipeline, pipeline.trees()


def tree_rows(
    events: Sequence[Event], catalogue: Catalogue, **options: Any
) -> list[dict[str, Any]]:
    """Return the rows of `output=trees`."""
    pipeline, kept = run(events, catalogue, **options)
    return list(pipeline.tree_rows(kept))
