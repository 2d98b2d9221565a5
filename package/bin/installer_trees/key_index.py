"""Rows by key: which rows have one GUID, one process id, one command line."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import compress

SPARSE = 16
CHAIN = 8
"""Rows that share a slot of a table: few keys are asked for, so that a small table is worth it."""
_IS_ZERO = bytes(value == 0 for value in range(256))


class KeyIndex:
    """Rows by key: a hash table in two arrays, some 5 bytes a row where a dict takes 100.

    It is built when it is first asked: good data never needs some of them. Where few rows count, a
    dict of those is smaller.

    Args:
        keys: Key of each row, 0 for none.
        skip: Rows with a true value here are left out.
    """

    def __init__(self, keys: array[int], skip: bytes = b"") -> None:
        self._keys = keys
        self._skip = skip
        self._mask = -1
        self._heads = self._next = array("i")
        self._few: dict[int, list[int]] | None = None
        self._expected: dict[int, list[int]] = {}

    def expect(self, keys: Iterable[int]) -> None:
        """Look for the rows of some keys in one pass: while no other is asked, no table is built.

        A pass costs a tenth of the table and no memory; many keys are left to the table.
        """
        if self._mask >= 0:
            return
        new: dict[int, list[int]] = {k: [] for k in keys if k and k not in self._expected}
        if not new or len(new) > len(self._keys) / SPARSE:
            return
        for row in compress(range(len(self._keys)), map(new.__contains__, self._keys)):
            if not (self._skip and self._skip[row]):
                new[self._keys[row]].append(row)
        self._expected.update(new)

    def _build(self) -> None:
        keys, size = self._keys, 16
        wanted = min(len(keys) - keys.count(0), self._skip.count(0) if self._skip else len(keys))
        if wanted < len(keys) / SPARSE:
            self._mask, self._few = 0, defaultdict(list)
            for row in self._rows_with_keys():
                self._few[keys[row]].append(row)
            return
        while size < len(keys) / CHAIN:
            size *= 2
        self._mask = mask = size - 1
        self._heads = heads = array("i", [-1]) * size
        self._next = following = array("i", [-1]) * len(keys)
        for row in self._rows_with_keys():
            slot = keys[row] & mask
            following[row] = heads[slot]
            heads[slot] = row

    def _rows_with_keys(self) -> Iterator[int]:
        rows = range(len(self._keys))
        if not self._skip:
            return compress(rows, self._keys)
        return (row for row in compress(rows, self._skip.translate(_IS_ZERO)) if self._keys[row])

    def rows(self, key: int) -> Iterator[int]:
        """Yield the rows that have this key, in no particular order."""
        if not key:
            return
        if self._mask < 0:
            if key in self._expected:
                yield from self._expected[key]
                return
            self._build()
        if self._few is not None:
            yield from self._few.get(key, ())
            return
        keys, following = self._keys, self._next
        row = self._heads[key & self._mask]
        while row >= 0:
            if keys[row] == key:
                yield row
            row = following[row]
