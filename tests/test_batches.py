"""Whatever way a chunk is read, its rows are those of `csv.reader`, and each is found again."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

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
    for batch in whole(body, start):
        assert len(batch.bounds) == len(batch.rows) + 1
        rows += batch.rows
        for first, last in zip(batch.bounds, batch.bounds[1:]):
            again += csv.reader(io.StringIO(body[first:last].decode(), newline="\n")) or [[]]
    return names, rows, again


def whole(body: bytes, start: int, twins: int = 0) -> Iterator[batches.Batch]:
    """Yield the rows of a chunk: by lines, and from where that is no longer possible, by rows."""
    for batch in batches.batches(body, start, twins):
        yield batch
        start = batch.bounds[-1]
    if start < len(body):
        yield from batches.lines(body, start)


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


@given(
    st.lists(st.tuples(CELLS, CELLS, st.sampled_from(["", "", "", "$a$;$b$"])), max_size=8),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([1, 20, 10_000]),
)
@settings(deadline=None)
@example([("", "", "")], "\n", 10_000)
@example([("a\n,,", "", ""), ("b", ",,", "")], "\n", 10_000)
@example([("a", "b,,", ""), ("b", "c", "$a$;$b$")], "\n", 1)
def test_empty_twins_are_left_out_and_nothing_else(
    rows: list[tuple[str, str, str]], end: str, window: int
) -> None:
    text = io.StringIO()
    full = [[a, b, many, ""] for a, b, many in rows]
    csv.writer(text, lineterminator=end).writerows([["x", "y", "__mv_x", "__mv_y"], *full])
    body = text.getvalue().encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "BATCH_BYTES", window)
        _, start = batches.header(body)
        found = []
        for batch in whole(body, start, 2):
            assert {len(row) for row in batch.rows} == ({2} if batch.plain else {4})
            found += [[*row, "", ""] if batch.plain else row for row in batch.rows]
    assert found == full


def test_twins_are_left_out_line_by_line_where_all_are_empty() -> None:
    body = b"x,y,__mv_x,__mv_y\n" + b'"a,b",,,\nc,d,,\n' * 100
    (batch,) = batches.batches(body, 18, 2)
    assert batch.plain
    assert batch.rows == [["a,b", ""], ["c", "d"]] * 100


@pytest.mark.parametrize("row", ["a,b,c,", "a,b,,c", "a,b,", "a"])
def test_a_line_whose_twins_are_not_empty_keeps_those_of_all(row: str) -> None:
    body = f"x,y,__mv_x,__mv_y\na,b,,\n{row}\n".encode()
    (batch,) = batches.batches(body, 18, 2)
    assert not batch.plain
    assert batch.rows == [["a", "b", "", ""], row.split(",")]


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


def test_lines_without_a_quote_do_not_wait_for_the_csv_reader() -> None:
    body = b"x,y\n" + b"a,b\n" * 1000 + b'"c,d",e\n'
    (batch,) = batches.batches(body, 4)
    assert batch.rows == [["a", "b"]] * 1000 + [["c,d", "e"]]
