"""The benchmark measures what it says, and the work of the engine stays what it was."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import scp

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import counted, generate, measure, report, results  # noqa: E402
from bench.cases import CASES, PROCESSES, TREES  # noqa: E402
from bench.generate import Stream  # noqa: E402

ROWS = 1_200


@pytest.fixture(scope="module")
def narrow() -> list[dict[str, Any]]:
    stream = Stream(20_000, chunk=5_000)
    return [row for body in generate.bodies(stream) for row in scp.decode_body(body)]


def test_the_same_seed_gives_the_same_bytes_and_another_one_does_not() -> None:
    first, again, other = (b"".join(generate.frames(Stream(100, seed=s))) for s in (1, 1, 2))
    assert first == again != other


def test_rows_are_about_400_bytes_of_15_columns_with_twins_newest_first(
    narrow: list[dict[str, Any]],
) -> None:
    body = next(generate.bodies(Stream(5_000)))
    assert 380 < len(body) / 5_000 < 420
    assert body.split(b"\n", 1)[0].count(b",") + 1 == 30
    times = [float(row["_time"]) for row in narrow]
    assert times == sorted(times, reverse=True)
    assert len(narrow) == 20_000


def test_two_in_a_hundred_rows_grow_from_an_installer_in_nested_trees(
    narrow: list[dict[str, Any]],
) -> None:
    parents = {row["process_guid"]: row["parent_process_guid"] for row in narrow}
    roots = {row["process_guid"] for row in narrow if row["process_name"] == "msiexec.exe"}
    depths: Counter[int] = Counter()
    for guid in parents:
        depth = 0
        while guid in parents and guid not in roots:
            guid, depth = parents[guid], depth + 1
        if guid in roots:
            depths[depth] += 1
    assert 0.015 < sum(depths.values()) / len(narrow) < 0.025
    assert max(depths) >= 3


def test_trees_run_across_the_borders_of_chunks(narrow: list[dict[str, Any]]) -> None:
    chunk_of = {row["process_guid"]: i // 5_000 for i, row in enumerate(narrow)}
    links = [(chunk_of[r["process_guid"]], chunk_of.get(r["parent_process_guid"])) for r in narrow]
    assert any(parent is not None and parent > child for child, parent in links)
    assert not any(parent is not None and parent < child for child, parent in links)


def test_the_wide_variant_has_60_columns_and_raw() -> None:
    row = next(scp.decode_body(next(generate.bodies(Stream(1, wide=True)))))
    assert len(row) == 61
    assert len(row["_raw"]) > 300


def test_without_guids_only_process_ids_tie_processes() -> None:
    rows = list(generate.rows(Stream(500, guids=False)))
    place = generate.COLUMNS.index("parent_process_guid")
    assert {row[place] for row in rows} == {""}
    assert {row[generate.COLUMNS.index("process_guid")] for row in rows} == {""}


def test_a_stream_of_ten_million_rows_is_made_as_it_is_read() -> None:
    assert next(generate.bodies(Stream(10_000_000, chunk=100))).count(b"\n") == 101


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bench") / "stream.scp"
    measure.write_stream(Stream(ROWS, share=1.0, chunk=400), path)
    return path


def replies(command: measure.Command, stream: Path) -> Iterator[scp.Reply]:
    output = io.BytesIO()
    with (stream.parent / "output").open("w+b") as file:
        cost = measure.run(command, stream, sys.executable, file)
        file.seek(0)
        output.write(file.read())
    assert cost.cpu > 0
    assert cost.memory > 5
    output.seek(0)
    while (reply := scp.read_frame(output)) is not None:
        yield reply


@pytest.mark.parametrize(
    ("name", "back"),
    [
        ("bytes", 0),
        ("reader", 0),
        ("round-trip", ROWS),
        ("sdk-streaming", ROWS),
        ("sdk-eventing", ROWS),
        ("sdk-reading", 100),
    ],
)
def test_a_baseline_returns_the_rows_that_it_should(
    built_app: Path, stream: Path, name: str, back: int
) -> None:
    rows = [row for reply in replies(measure.baseline(name), stream) for row in reply.rows]
    sent = list(generate.rows(Stream(ROWS, share=1.0)))[:back]
    assert [[row[column] for column in generate.COLUMNS] for row in rows] == sent


def test_the_command_is_measured_while_it_scores_and_returns_all_rows(
    built_app: Path, stream: Path
) -> None:
    found = {
        output: [r for reply in replies(measure.installerscore(output), stream) for r in reply.rows]
        for output in ("trees", "processes")
    }
    ids = {row["installer_tree_id"] for row in found["trees"]}
    assert len(ids) == len(found["trees"]) > 50
    place = generate.COLUMNS.index("process_guid")
    sent = {row[place] for row in generate.rows(Stream(ROWS, share=1.0))}
    assert len(sent & {row["process_guid"] for row in found["processes"]}) > 0.99 * len(sent)


def test_a_command_that_fails_gives_no_figure(stream: Path) -> None:
    command = measure.Command("broken", ("-c", "import sys; sys.exit('on purpose')"))
    with pytest.raises(measure.CommandFailedError, match="on purpose"):
        measure.run(command, stream, sys.executable)


def made_up_run(case: str, rows: int, **costs: list[list[float]]) -> results.Run:
    named = {name.replace("_", " "): cost for name, cost in costs.items()}
    return results.Run(case, rows, "3.11.7", "a machine", {"x": "1"}, (0.5, 1.0), named)


def test_ratios_are_taken_round_by_round() -> None:
    run = made_up_run(
        "narrow",
        1_000_000,
        installerscore_trees=[[1.0, 90], [4.0, 100], [3.0, 95]],
        reader=[[1.0, 20], [2.0, 20], [3.0, 20]],
    )
    assert run.ratio(TREES, "reader") == results.Spread(1.0, 1.0, 2.0)
    assert run.memory(TREES) == results.Spread(95, 90, 100)
    table = report.goals({run.key: run})
    assert "| against `csv.reader` alone | 1 | **1** (1 to 2) | yes |" in table
    assert "| peak memory, 10M rows | 400 MiB | not measured |  |" in table


def test_cost_must_grow_in_step_with_the_rows() -> None:
    """The machine was twice as slow in the hour of the large run: that is no growth."""
    costs = ([[3.0, 90]], [[1.0, 20]]), ([[69.0, 90]], [[20.0, 20]])
    sizes = (1_000_000, 10_000_000)
    runs = [
        made_up_run("narrow", rows, installerscore_trees=own, reader=reader)
        for rows, (own, reader) in zip(sizes, costs)
    ]
    table = report.goals({run.key: run for run in runs})
    said = "ten times that of 1M, both in `csv.reader` | 0.9 to 1.1 | **1.15** | no |"
    assert said in table


def test_a_run_replaces_the_one_before_of_the_same_stream(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    for cpu in (1.0, 2.0):
        results.save(made_up_run("narrow", 10, reader=[[cpu, 1.0]]), path)
    results.save(made_up_run("wide", 10, reader=[[3.0, 1.0]]), path)
    found = results.load(path)
    assert [run.cpu("reader").median for run in found.values()] == [2.0, 3.0]


def test_the_page_on_performance_says_what_was_measured() -> None:
    text = report.DOC.read_text(encoding="utf-8")
    assert text == report.replaced(text, report.generated(results.load())), "run bench.report"
    assert PROCESSES in {command.name for command in CASES["all"].commands}


@pytest.mark.slow
def test_the_work_over_a_fixed_input_is_what_was_accepted(python: str) -> None:
    """`make bench-accept` takes the present numbers, when a change is worth its cost."""
    version = counted.version(python)
    dearer = counted.dearer(counted.count(python), counted.accepted()[version])
    assert dearer == [], f"more than 10% dearer under Python {version}; see docs/performance.md"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
def test_the_instructions_to_read_rows_are_what_was_accepted() -> None:
    before = counted.accepted().get(counted.build(sys.executable))
    if before is None:
        pytest.skip("no number was accepted for this build of Python")
    ratio = counted.instructions(sys.executable)
    assert ratio is not None
    assert counted.dearer({"read rows": {"times csv.reader": ratio}}, before) == []


def test_counting_finds_work_that_is_ten_percent_dearer() -> None:
    before = {"read rows": {"calls": 100.0}}
    assert counted.dearer({"read rows": {"calls": 110}}, before) == []
    assert counted.dearer({"read rows": {"calls": 111}}, before) == [
        "read rows: 111 calls, accepted are 100.0"
    ]


@pytest.mark.parametrize("kind", ["calls", "bytecodes"])
def test_counted_work_grows_with_what_is_done(kind: str) -> None:
    costs = []
    for n in (1_000, 2_000):
        counter = counted.Counter(kind)
        with counter.on():
            [json.dumps(i) for i in range(n)]
        costs.append(counter.count)
    assert 1.9 < costs[1] / costs[0] < 2.1
