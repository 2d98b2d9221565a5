"""Which recording a row belongs to, and what that recording is."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from .model import LABELS, DataSet, EvaluationError, Recording, Row
from .reading import cim, event_files, file_name, is_event, read

RECORDING_COLUMNS = ("recording", "source_file", "source_dataset", "recording_id")
WORDS = {
    **{label: label for label in LABELS},
    **dict.fromkeys(("mal", "attack", "bad", "1", "true", "yes"), "malicious"),
    **dict.fromkeys(("good", "legitimate", "0", "false", "no"), "benign"),
    **dict.fromkeys(("none", "noise", "other"), "background"),
}
Named = tuple[str, Row]


def load(
    folder: Path, name: str, labels: dict[str, Recording] | None = None, **about: Any
) -> DataSet:
    """Read a folder of events with labels.

    Args:
        folder: Holds the events, and a labels file unless they have a column `label`.
        name: What to call the set.
        labels: Recordings by name, for data without a labels file; what is not named is background.
        about: Other fields of the data set.

    Raises:
        EvaluationError: There are no events or no labels, or a file cannot be read.
    """
    if not folder.is_dir():
        raise EvaluationError(f"{folder} is not a folder: give one that holds events and labels.")
    given = labels if labels is not None else _labels_file(folder)
    named: list[Named] = []
    for path in event_files(folder):
        rows = [row for row in read(path) if is_event(row)]
        named += _named(rows, file_name(path, folder), by_file=_names_file(path, folder, given))
    if not named:
        raise EvaluationError(
            f"{folder} holds no events: expected .jsonl or .csv files (also .gz) with CIM fields "
            "such as dest, process_name, process, process_id."
        )
    if not given and not any("label" in row for _, row in named):
        raise EvaluationError(
            f"The events in {folder} have no labels: add a column label (malicious, benign or "
            "background) or a labels.json beside them."
        )
    return _data_set(name, named, given, folder, about)


def _names_file(path: Path, folder: Path, given: dict[str, Recording] | None) -> bool:
    return bool(given) and file_name(path, folder) in (given or ())


def _named(rows: Sequence[Row], file: str, by_file: bool) -> list[Named]:
    """Return the rows, each with the name of its recording.

    A column that names the recording counts; else the file is one recording, unless its rows have
    different labels: then each label and host is one.
    """
    column = None if by_file else next((c for c in RECORDING_COLUMNS if _any(rows, c)), None)
    if column:
        return [(str(row.get(column, file)), row) for row in rows]
    if by_file or len({row.get("label") for row in rows}) < 2:
        return [(file, row) for row in rows]
    return [(f"{file}/{row.get('label', '')}/{row.get('dest', '')}", row) for row in rows]


def _any(rows: Iterable[Row], column: str) -> bool:
    return any(column in row for row in rows)


def _data_set(
    name: str,
    named: Sequence[Named],
    given: dict[str, Recording] | None,
    folder: Path,
    about: dict[str, Any],
) -> DataSet:
    by_recording: dict[str, list[Row]] = {}
    for recording, row in named:
        by_recording.setdefault(recording, []).append(row)
    unknown = sorted(set(given or ()) - set(by_recording))
    if unknown and about.get("strict", True) and given is not None:
        raise EvaluationError(f"{folder} has a label but no events for {unknown[0]}.")
    about = {key: value for key, value in about.items() if key != "strict"}
    recordings = [
        given[key] if given and key in given else _by_column(key, rows, bool(given))
        for key, rows in by_recording.items()
    ]
    place = {key: number for number, key in enumerate(by_recording)}
    return DataSet(
        name,
        tuple(cim(row) for _, row in named),
        tuple(place[recording] for recording, _ in named),
        tuple(recordings),
        **about,
    )


def _by_column(name: str, rows: Sequence[Row], has_file: bool) -> Recording:
    """Return a recording by the labels of its rows: malicious if one is, else benign if one is."""
    said = {label_of(row["label"], name) for row in rows if "label" in row and not has_file}
    label = next((label for label in LABELS if label in said), "background")
    hard = any(str(row.get("hard_benign", "")).lower() in ("true", "1") for row in rows)
    return Recording(name, label, hard=hard)


def label_of(word: Any, where: str) -> str:
    """Return one of the three labels.

    Raises:
        EvaluationError: The word is none of those that are known.
    """
    label = WORDS.get(str(word).strip().lower())
    if label is None:
        raise EvaluationError(
            f"{where} has the label {word!r}: use malicious, benign or background."
        )
    return label


def _labels_file(folder: Path) -> dict[str, Recording] | None:
    """Return the recordings of labels.json or labels.csv, None where there is neither."""
    as_json, as_csv = folder / "labels.json", folder / "labels.csv"
    if as_json.is_file():
        try:
            content = json.loads(as_json.read_text(encoding="utf-8"))
            return {name: _entry(name, entry) for name, entry in content.items()}
        except (ValueError, AttributeError) as error:
            raise EvaluationError(f"{as_json} is not an object of labels: {error}.") from error
    if as_csv.is_file():
        with as_csv.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.DictReader(lines))
        if not rows or not {"recording", "label"} <= set(rows[0]):
            raise EvaluationError(f"{as_csv} needs the columns recording and label.")
        return {row["recording"]: _entry(row["recording"], row) for row in rows}
    return None


def _entry(name: str, entry: Any) -> Recording:
    if not isinstance(entry, dict):
        return Recording(name, label_of(entry, name))
    hard = str(entry.get("hard", "")).lower() in ("true", "1")
    title, case = str(entry.get("title", "")), str(entry.get("case", ""))
    return Recording(name, label_of(entry.get("label"), name), title, hard, case)
