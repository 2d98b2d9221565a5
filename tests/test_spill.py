"""The temporary file: small in memory, large on disk, gone at the end, clear when it fails."""

from __future__ import annotations

from pathlib import Path

import pytest
from installer_trees import spill
from installer_trees.errors import SpillError
from installer_trees.spill import Spill


@pytest.mark.parametrize("directory", [None, "missing", "here"])
def test_bytes_come_back_from_anywhere_and_nothing_stays(
    directory: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spill, "MEMORY_BYTES", 64)
    where = {None: None, "missing": str(tmp_path / "none"), "here": str(tmp_path)}[directory]
    store = Spill(where)
    places = [store.append(bytes([i]) * 100) for i in range(10)]
    assert places == list(range(0, 1000, 100))
    assert store.size == 1000
    assert store.read(250, 100) == bytes([2]) * 50 + bytes([3]) * 50
    assert store.append(b"end") == 1000
    assert store.read(1000, 3) == b"end"
    store.close()
    assert list(tmp_path.iterdir()) == []


def test_a_short_file_is_said() -> None:
    store = Spill()
    store.append(b"abc")
    with pytest.raises(SpillError, match="shorter than what was written"):
        store.read(0, 4)


def test_a_full_disk_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def seek(self, place: int) -> None:
            pass

        def write(self, data: bytes) -> None:
            raise OSError(28, "No space left on device")

    store = Spill()
    monkeypatch.setattr(store, "_file", Full())
    with pytest.raises(SpillError) as failed:
        store.append(b"x")
    assert str(failed.value) == (
        "the temporary copy of the input could not be written in the dispatch directory "
        "(No space left on device); free disk space or narrow the search"
    )
