"""Whatever way a chunk is read, its rows are those of `csv.reader`, and each is found again."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from installer_trees import batches

CELLS = st.text(alphabet='ab,"\n $é', max_size=6)
ROWS = st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=8)


def read(body: bytes) -> tuple[list[str], list[list[str]], list[list[str]]]:
    """Return the header, the rows as they were read, and as they are read again by their places."""
    names, start = batches.header(body)
    rows, again = [], []
    for batch in batches.batches(body, start):
        assert len(batch.bounds) == len(batch.rows) + 1
        rows += batch.rows
        for first, last in zip(batch.bounds, batch.bounds[1:]):
            again += csv.reader(io.StringIO(body[first:last].decode(), newline="\n")) or [[]]
    return names, rows, again


def reference(body: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(body.decode(), newline="\n")))


@given(ROWS, st.sampled_from(["\n", "\r\n"]), st.sampled_from([1, 20, 10_000]))
@settings(deadline=None)
@example([["a\nb", "c"], ["d", "e"]], "\n", 10_000)
@example([['"', "\n"], ["a", "b"], ['"', ""]], "\n", 1)
def test_rows_are_those_of_csv_reader(rows: list[list[str]], end: str, window: int) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator=end).writerows([["x", "y"], *rows])
    body = text.getvalue().encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "BATCH_BYTES", window)
        names, found, again = read(body)
    assert names == ["x", "y"]
    assert found == rows == again


@given(st.text(alphabet='a,"\n', max_size=30), st.sampled_from([1, 7, 10_000]))
@settings(deadline=None)
@example('a,"b\nc,d', 10_000)
@example('a,b"c\na,b', 10_000)
@example('"a\n\n\n,b"\nc,d\n', 1)
def test_broken_quotes_are_read_as_csv_reader_reads_them(text: str, window: int) -> None:
    body = b"x,y\n" + text.encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "BATCH_BYTES", window)
        _, found, again = read(body)
    assert found == again == reference(body)[1:]


@pytest.mark.parametrize(
    ("row", "expected"),
    [('$a$;$b$,c"', False), ("x,$a$;$b$", True), ('x,"$a,b$;$c$"', True), ("x,costs 5$,", False)],
)
def test_multivalues_are_noticed(row: str, expected: bool) -> None:
    body = f"x,y\n{row}\n".encode()
    assert next(batches.batches(body, 4)).multivalued is expected


def test_lines_without_a_quote_do_not_wait_for_the_csv_reader(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = b"x,y\n" + b"a,b\n" * 1000 + b'"c,d",e\n'
    monkeypatch.setattr(batches, "_read", None)
    (batch,) = batches.batches(body, 4)
    assert batch.rows == [["a", "b"]] * 1000 + [["c,d", "e"]]
