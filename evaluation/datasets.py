"""The data sets that are measured: the project's own, the optional shared ones, the user's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from . import ROOT
from .labels import load
from .model import BUILT_WITH, HELD_OUT, LOOKED_AT, DataSet, EvaluationError, Recording

SHARED = ROOT.parent / "shared"
WINDOWS_LABELS = Path(__file__).with_name("windows_labels.json")
WRITTEN = "written from public sources"
OPEN = "unseen, open"


def own() -> Iterator[DataSet]:
    """Yield the data sets that are part of the project."""
    mixed = "14 real Linux installs, the rest written"
    yield load(ROOT / "samples", "samples", origin=mixed, part=BUILT_WITH)
    unseen = ROOT / "tests" / "unseen"
    yield load(unseen / "open", OPEN, origin=WRITTEN, part=LOOKED_AT)
    yield load(unseen / "hard", "hard cases", origin=WRITTEN, part=LOOKED_AT)
    real = "strace on Debian 12, real; the malicious ones are harmless packages"
    yield load(ROOT / "tests" / "recorded", "installs, recorded", origin=real, part=LOOKED_AT)
    yield load(unseen / "held_out", "unseen, held out", origin=WRITTEN, part=HELD_OUT)


def shared(folder: Path) -> Iterator[DataSet | str]:
    """Yield the developer's data sets; where one is missing, a sentence that says so."""
    for name in ("linux", "windows"):
        place = folder / "data" / name
        if not place.is_dir():
            yield f"{name} recordings: not measured, there is no folder {_shown(place)}"
        elif name == "linux":
            real = "auditd on Debian 12, real"
            yield load(place, "linux, recorded", origin=real, part=BUILT_WITH)
        else:
            yield load(
                place,
                "windows, recorded",
                windows_labels(),
                origin="Sysmon and 4688 of public attack recordings, real",
                part=BUILT_WITH,
                strict=False,
            )


def windows_labels() -> dict[str, Recording]:
    """Return which public Windows recordings show installer abuse; all others are background."""
    content = json.loads(WINDOWS_LABELS.read_text(encoding="utf-8"))
    return {name: Recording(name, **entry) for name, entry in content.items()}


def given(folder: Path) -> DataSet:
    """Return the data set of a folder that the user names.

    Raises:
        EvaluationError: The folder does not hold labeled events.
    """
    data = load(folder, folder.resolve().name)
    if not any(r.label in ("malicious", "benign") for r in data.recordings):
        raise EvaluationError(f"Nothing in {folder} is labeled malicious or benign.")
    return data


def _shown(path: Path) -> str:
    try:
        return f"../{path.relative_to(ROOT.parent)}"
    except ValueError:
        return str(path)
