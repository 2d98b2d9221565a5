"""Labeled events for the evaluation: the formats that a user may bring, and the written sets."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from evaluation import ROOT, __main__, datasets, first_sight
from evaluation.labels import load
from evaluation.model import EvaluationError
from evaluation.reading import read

EVENT = {"_time": 1, "dest": "h", "process_name": "cmd.exe", "process_id": 4}
UNSEEN = ROOT / "tests" / "unseen"


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path.parent


def labels(folder: Path) -> dict[str, str]:
    return {r.name: r.label for r in load(folder, "set").recordings}


def test_a_labels_file_names_the_files(tmp_path: Path) -> None:
    write(tmp_path / "a" / "one.jsonl", EVENT)
    write(tmp_path / "two.jsonl.gz", EVENT, EVENT)
    write(tmp_path / "three.jsonl", EVENT)
    content = {"a/one": "malicious", "two": {"label": "benign", "title": "t", "hard": True}}
    (tmp_path / "labels.json").write_text(json.dumps(content))
    data = load(tmp_path, "set")
    assert labels(tmp_path) == {"a/one": "malicious", "two": "benign", "three": "background"}
    assert [r.hard for r in data.recordings] == [False, False, True]
    assert Counter(data.recording_of) == {0: 1, 1: 1, 2: 2}


def test_a_csv_of_labels_names_the_recordings_of_a_column(tmp_path: Path) -> None:
    write(tmp_path / "all.jsonl", {**EVENT, "recording": "r1"}, {**EVENT, "recording": "r2"})
    (tmp_path / "labels.csv").write_text("recording,label\nr1,Malicious\n")
    assert labels(tmp_path) == {"r1": "malicious", "r2": "background"}


def test_a_label_column_in_csv_events(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text(
        "Processes.dest,Processes.process,Processes.process_id,_time,label,source_dataset\n"
        "h1,cmd /c a,4,2026-01-02T03:04:05Z,benign,x\n"
        "h1,cmd /c b,5,1767323045,malicious,x\n"
        "h2,cmd /c c,unknown,1,0,y\n"
    )
    data = load(tmp_path, "set")
    assert labels(tmp_path) == {"x": "malicious", "y": "benign"}
    assert data.rows[0] == {
        "dest": "h1",
        "process": "cmd /c a",
        "process_id": "4",
        "_time": 1767323045.0,
    }
    assert "process_id" not in data.rows[2], "CIM's filler is no value"


def test_different_labels_in_a_file_without_recordings(tmp_path: Path) -> None:
    rows = [{**EVENT, "label": label, "dest": dest} for label, dest in (("1", "a"), ("0", "a"))]
    write(tmp_path / "f.jsonl", *rows, {**EVENT, "label": "1", "dest": "b"})
    assert labels(tmp_path) == {"f/1/a": "malicious", "f/0/a": "benign", "f/1/b": "malicious"}


def test_no_detector_sees_a_label(tmp_path: Path) -> None:
    write(
        tmp_path / "f.jsonl", {**EVENT, "label": "benign", "label_process": "x", "installer": "y"}
    )
    assert load(tmp_path, "set").rows == (EVENT,)


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "holds no events"),
        ({"a.jsonl": '{"a": 1}\n'}, "holds no events"),
        ({"a.jsonl": json.dumps(EVENT)}, "have no labels: add a column label"),
        ({"a.jsonl": "{]"}, "a.jsonl cannot be read as events"),
        ({"a.jsonl": json.dumps({**EVENT, "label": "odd"})}, "the label 'odd'"),
        ({"a.jsonl": json.dumps(EVENT), "labels.json": "[]"}, "is not an object of labels"),
        ({"a.jsonl": json.dumps(EVENT), "labels.csv": "a,b\n"}, "needs the columns recording"),
        (
            {"a.jsonl": json.dumps(EVENT), "labels.json": '{"b": "benign"}'},
            "has a label but no events for b",
        ),
    ],
)
def test_a_folder_that_will_not_do(tmp_path: Path, files: dict[str, str], sentence: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(EvaluationError, match=sentence):
        load(tmp_path, "set")


def test_the_command_line_says_what_is_wrong_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert __main__.main(["--data", str(tmp_path / "gone")]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "gone is not a folder" in err


def test_missing_shared_data_is_said(tmp_path: Path) -> None:
    said = list(datasets.shared(tmp_path))
    assert len(said) == 2
    assert all(isinstance(s, str) and "there is no folder" in s for s in said)


@pytest.mark.parametrize("system", ["windows", "macos"])
def test_unseen_trees_are_many_about_half_benign_and_enough_held_out(system: str) -> None:
    count: Counter[tuple[str, str]] = Counter()
    for part in ("open", "held_out"):
        content = json.loads((UNSEEN / part / "labels.json").read_text(encoding="utf-8"))
        for name, entry in content.items():
            assert entry["source"], f"{name} names no public source"
            if name.startswith(f"{system}/"):
                count[part, entry["label"]] += 1
    total = sum(count.values())
    benign = count["open", "benign"] + count["held_out", "benign"]
    held = count["held_out", "benign"] + count["held_out", "malicious"]
    assert total >= {"windows": 30, "macos": 15}[system]
    assert 0.45 <= benign / total <= 0.6
    assert total / 5 <= held <= total / 2


def test_unseen_events_are_cim_and_in_order() -> None:
    known = set().union(*(row for row in read(ROOT / "samples/windows/win_inno_vscode.jsonl")))
    more = set("dest_ip dest_port src transport app url file_path file_name file_hash".split())
    more |= set("src_ip src_port process_hash process_exec process_current_directory".split())
    more |= set("registry_path registry_key_name registry_value_name registry_value_data".split())
    more |= set("service_name service_path start_mode sourcetype".split())
    for path in sorted(UNSEEN.rglob("*.jsonl")):
        rows = list(read(path))
        assert [r["_time"] for r in rows] == sorted(r["_time"] for r in rows), path.name
        for row in rows:
            assert set(row) <= known | more, f"{path.name}: {set(row) - known - more}"


@pytest.mark.parametrize("page", ["README.md", "docs/limitations.md"])
def test_pages_say_the_sums_of_what_was_found_at_first_sight(page: str) -> None:
    """The figures are data; a page that repeats them must not fall behind."""
    text = " ".join((ROOT / page).read_text(encoding="utf-8").split())
    for name, kinds in (
        (first_sight.RECORDED, ["found", "quiet_found", "flagged", "hard_flagged"]),
        (first_sight.UNSEEN, ["found", "flagged"]),
    ):
        for kind in kinds:
            found, of = first_sight.total(name, kind)
            assert {f"{found:,}", f"{of:,}"} <= set(re.findall(r"\d[\d,]*\d|\d", text)), kind


def test_what_was_found_at_first_sight_adds_up() -> None:
    for name in (first_sight.UNSEEN, first_sight.RECORDED):
        for row in first_sight.rounds(name):
            for kind, (of, _) in first_sight.KINDS.items():
                if row[kind]:
                    assert 0 <= int(row[kind]) <= int(row[of]), (row["round"], kind)
        header, rows = first_sight.table(name)
        assert {len(row) for row in rows} == {len(header)}
        assert len(rows) == len(first_sight.rounds(name)) + 1
    assert sum(int(r["malicious"] or 0) for r in first_sight.rounds("recorded")) <= len(
        list((ROOT / "tests" / "recorded" / "malicious").iterdir())
    )
