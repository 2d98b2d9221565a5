"""The engine against the model, over random forests, and against histories that are known.

python tests/reliability/test_trees.py 100000 [first]   # as many forests as you like
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

if __name__ == "__main__":
    HERE = Path(__file__).resolve().parents[2]
    sys.path[:0] = [str(HERE / name) for name in ("package/bin", "tools", "tests")]

import pytest
from engine import body
from installer_trees.links import Linker
from installer_trees.model import Settings
from installer_trees.pipeline import Pipeline

from reliability.comparing import CATALOGUE, difference, smallest
from reliability.forests import Row, forest, truth

FORESTS = 4_000
PARTS = 8
HISTORIES = 1_000


@pytest.mark.parametrize("part", range(PARTS))
def test_the_engine_says_what_the_model_says(part: int) -> None:
    for number in range(part, FORESTS, PARTS):
        if difference(forest(number)):
            pytest.fail(f"forest {number}: {shown(number)}", pytrace=False)


def shown(number: int) -> str:
    """The fewest rows of a forest on which the two differ, and in what."""
    rows = smallest(forest(number))
    return "\n".join([*map(str, rows), difference(rows)])


@pytest.mark.parametrize("guids", [True, False], ids=["by GUID", "by process id"])
def test_the_parents_of_a_whole_history_are_the_true_ones(guids: bool) -> None:
    for number in range(HISTORIES):
        rows = truth(number)
        given = rows if guids else [without_guids(row) for row in rows]
        assert found_parents(given) == true_parents(rows), f"history {number}"


def without_guids(row: Row) -> Row:
    return {name: value for name, value in row.items() if "guid" not in name}


def true_parents(rows: list[Row]) -> dict[str, str]:
    """The mark of each row's parent, as the GUIDs tell it; nothing where there is none."""
    marks = {row["process_guid"]: row["process_hash"] for row in rows}
    return {row["process_hash"]: marks.get(row["parent_process_guid"], "") for row in rows}


def found_parents(rows: list[Row]) -> dict[str, str]:
    pipeline = Pipeline(CATALOGUE, Settings())
    pipeline.add(body(rows))
    linker = Linker(pipeline.store, CATALOGUE, 86_400.0)
    marks = [linker.process(row).process_hash for row in range(len(pipeline.store))]
    parents = (linker.parent_of(row)[0] for row in range(len(marks)))
    return {mark: marks[row] if row >= 0 else "" for mark, row in zip(marks, parents)}


# What the model found in the engine, each as the fewest rows that showed it.

FOUND = {
    "a host with the name of a process id": [
        {"dest": "1", "process_name": "bash", "process_id": "1", "parent_process_id": "2"},
        {"dest": "2", "process": "installer -pkg a", "process_id": "1"},
    ],
    "a child that names a copy of its parent": [
        {"dest": "h", "process": "bash /one.pkg", "process_guid": "g3", "parent_process_id": "2"},
        {"dest": "h", "process_name": "launchd", "process_id": "0x2", "process_guid": "g1"},
        {"dest": "h", "process": "installer -pkg /one.pkg", "process_guid": "g1"},
    ],
    "two processes that take over one": [
        {"dest": "h", "process_name": "dpkg", "process_id": "2", "process_guid": "g4"},
        {"dest": "h", "user": "v", "process": "dpkg -i b", "process_id": "2", "_time": 5},
        {"dest": "h", "user": "v", "process": "dpkg -i b", "process_id": "1", "_time": 5},
        {"dest": "h", "process": "dpkg -i a", "process_id": "1", "process_guid": "g4", "_time": 5},
    ],
    "stand-ins that say the same": [
        {"dest": "h", "process_name": "bash", "process_id": "3", "_time": 5}
        | {"parent_process": "installer -pkg /two.pkg"},
        {"dest": "h", "process_name": "package_script_service", "process_id": "3", "_time": 5},
        {"dest": "h", "process_name": "bash", "process_id": "4", "_time": 5}
        | {"parent_process": "installer -pkg /two.pkg"},
    ],
    "a circle through a process left to init": [
        {"dest": "h", "process_name": "dpkg", "process_id": "1", "_time": 1}
        | {"parent_process_guid": "g2"},
        {"dest": "h", "user": "u", "process": "apt-get install a", "process_guid": "g2"}
        | {"parent_process_guid": "g1"},
        {"dest": "h", "user": "u", "process_name": "sh", "process_id": "2", "process_guid": "g1"}
        | {"parent_process_id": "1", "parent_process_name": "python3", "_time": 2},
    ],
    "a circle below what a service manager started": [
        {"dest": "h", "process": "launchd", "process_id": "4", "_time": 3}
        | {"parent_process": "bash /tmp/a/b/postinstall /Users/u/one.pkg /"},
        {"dest": "h", "user": "v", "process_id": "2", "parent_process": "launchd", "_time": 3}
        | {"process": "bash /tmp/a/b/postinstall /Users/u/one.pkg /"},
        {"dest": "h", "process": "installer -pkg /Users/u/one.pkg -target /", "process_id": "2"}
        | {"_time": 2},
        {"dest": "h", "process": "installer -pkg /Users/u/two.pkg -target /", "process_id": "9"}
        | {"parent_process": "launchd", "_time": 23},
    ],
}


@pytest.mark.parametrize("name", FOUND)
def test_what_the_model_found_stays_mended(name: str) -> None:
    rows = [{"process_hash": f"row{i}", **row} for i, row in enumerate(FOUND[name])]
    for order in (rows, rows[::-1], rows[1:] + rows[:1]):
        assert difference(order) == ""


def main(count: int, first: int = 0) -> int:
    """Compare many forests; returns how many differ."""
    start, wrong = time.process_time(), 0
    for number in range(first, first + count):
        if difference(forest(number)):
            wrong += 1
            print(f"forest {number}: {shown(number)}", flush=True)
    spent = time.process_time() - start
    print(f"{count:,} forests from {first:,}: {wrong:,} differ; {spent:,.0f} CPU s")
    return wrong


if __name__ == "__main__":
    sys.exit(bool(main(*map(int, sys.argv[1:]))))
