"""Records -> rows with CIM fields -> the engine, in chunks as the search command gets them."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from installer_trees.memo import Memo

from .cim import Layout, Unknown
from .readers import Broken, Record
from .readers.audit import LINE, Joiner
from .readers.objects import of_text
from .readers.windows import MALFORMED, parsed
from .tables import Source
from .times import epoch, is_epoch
from .values import text

CHUNK_ROWS = 2_000
CIM = "cim"
_AROUND = ("_time", "host")
_HEADERS = 5_000

Take = Callable[[bytes], None]
Epoch = Callable[[str], str]


@dataclass
class Tally:
    """What became of the records of one file.

    Attributes:
        used: Rows that went to the engine, by source.
        unused: Records of a known source that say nothing about processes, by what they are.
        unknown: Records of no known source.
        columns: The names in the first of those.
        bare: Process creations without a command line, by source.
        processes: Process creations, by source.
        odd: Process creations, by the columns that were not understood.
        nameless: Rows that did not say on which host they happened.
        timeless: Rows with a time that could not be read.
        time: The first of those.
    """

    used: Counter[str] = field(default_factory=Counter)
    unused: Counter[str] = field(default_factory=Counter)
    unknown: int = 0
    columns: tuple[str, ...] = ()
    bare: Counter[str] = field(default_factory=Counter)
    processes: Counter[str] = field(default_factory=Counter)
    odd: Counter[Unknown] = field(default_factory=Counter)
    nameless: int = 0
    timeless: int = 0
    time: str = ""


class _Chunk:
    """Rows with one header that wait to be sent."""

    def __init__(self, header: list[str]) -> None:
        self.header = header
        self.time = header.index("_time") if "_time" in header else None
        self.rows: list[list[str]] = []

    def body(self) -> bytes:
        """Return the waiting rows as the CSV of a chunk, and forget them."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(self.header)
        writer.writerows(self.rows)
        self.rows = []
        return buffer.getvalue().encode("utf-8", "replace")


class Feed:
    """Takes records of any source, and hands the engine rows with CIM fields.

    Args:
        take: Takes rows, as the CSV of a chunk: the engine.
        sources: The source tables, by name.
        forced: The only source to use, None to tell it by the content.
    """

    def __init__(self, take: Take, sources: dict[str, Source], forced: str | None = None) -> None:
        self._take = take
        self._sources = list(sources.values())
        self._forced = forced
        self._chunks: dict[tuple[str, ...], _Chunk] = {}
        self._candidates: Memo[tuple[str, ...], list[Source]] = Memo(_HEADERS)
        self._layouts: Memo[tuple[bool, tuple[str, ...]], Layout | None] = Memo(_HEADERS)
        self.tally = Tally()
        self._file = self._host = ""
        self._epoch: Epoch = epoch
        self._broken = Broken()
        self._joiner = Joiner(self._broken)

    def alike(self, take: Take) -> Feed:
        """Return a feed that does the same with records, and hands the rows to another."""
        return Feed(take, {source.name: source for source in self._sources}, self._forced)

    def begin(self, file: str, host: str, broken: Broken, epoch: Epoch) -> Tally:
        """Begin a file: `host` stands in where its records name none. Return its counts."""
        self.tally = Tally()
        self._file, self._host, self._epoch = file, host, epoch
        self._broken, self._joiner = broken, Joiner(broken)
        return self.tally

    def add(self, record: Record) -> None:
        """Take in one record; rows that are CIM already win over what their source has besides."""
        layout = self._layout(record)
        if layout is not None:
            self._add_cim(layout, record)
            return
        source = self._source(record)
        if "_raw" in record and (source is None or source.event(record) is None):
            self._add_raw(record)
        else:
            self._add_of(source, record)

    def is_event(self, record: Record) -> bool:
        """Tell whether a record itself says who did what, whatever else it holds."""
        if self._layout(record) is not None or self._layout(record, loose=True) is not None:
            return True
        source = self._source(record)
        return source is not None and source.event(record) is not None

    def end(self) -> None:
        """End a file."""
        for record in self._joiner.end():
            self._add_known(record)

    def flush(self) -> None:
        """Hand over all rows that wait."""
        for chunk in self._chunks.values():
            self._send(chunk)

    def _source(self, record: Record) -> Source | None:
        """Tell where a record comes from: the first source that knows it.

        Several may know one, so what came before it must not decide.
        """
        if self._forced is not None:
            return next((s for s in self._sources if s.name == self._forced), None)
        names = tuple(record)
        candidates = self._candidates.get(names)
        if candidates is None:
            candidates = [source for source in self._sources if source.may_know(names)]
            self._candidates.keep(names, candidates)
        return next((source for source in candidates if source.knows(record)), None)

    def _add_known(self, record: Record) -> None:
        self._add_of(self._source(record), record)

    def _add_of(self, source: Source | None, record: Record) -> None:
        if source is not None:
            self._add_mapped(source, record)
            return
        of_windows = record.get("Channel") and record.get("EventID")
        layout = self._layout(record, loose=True) if not of_windows else None
        if layout is not None:
            self._add_cim(layout, record)
        else:
            self._refuse(record)

    def _refuse(self, record: Record) -> None:
        """Count a record of no known source; a Windows event at least says what it is."""
        if record.get("Channel") and record.get("EventID"):
            self.tally.unused[f"{text(record['Channel'])} {text(record['EventID'])}"] += 1
            return
        self.tally.unknown += 1
        self.tally.columns = self.tally.columns or tuple(map(str, record))

    def _add_mapped(self, source: Source, record: Record) -> None:
        event = source.event(record)
        if event is None:
            sign = text(source.sign(record)) or "other"
            self.tally.unused[f"{source.title} {sign}"] += 1
            return
        row = event.row(record)
        header = tuple(event.fields)
        place = header.index(event.host_field)
        if not row[place]:
            row[place] = text(record.get("host"))  # Splunk says where it got an event from
        if not row[place]:
            row[place] = self._host
            self.tally.nameless += 1
        self.tally.used[source.title] += 1
        if event.kind == "process":
            self._count(source.title, not row[header.index("process")])
        row.append(self._file)
        self._append((*header, "source"), row)

    def _count(self, title: str, bare: bool) -> None:
        """Count a process creation; `bare` tells that it has no command line."""
        self.tally.processes[title] += 1
        if bare:
            self.tally.bare[title] += 1

    def _layout(self, record: Record, loose: bool = False) -> Layout | None:
        """Return how a record with CIM names is handed on, None if it has none."""
        if self._forced not in (None, CIM):
            return None
        header = tuple(record)
        key = (loose, header)
        if key not in self._layouts:
            self._layouts.keep(key, Layout.of(header, loose))
        return self._layouts[key]

    def _add_cim(self, layout: Layout, record: Record) -> None:
        row = [value if type(value) is str else text(value) for value in record.values()]
        other = layout.other_event(row)
        if other:
            self.tally.unused[f"event {other}"] += 1
            return
        if layout.is_process(row):
            self._count(layout.title, layout.is_bare(row))
            if layout.unknown:
                self.tally.odd[layout.unknown] += 1
        nameless = layout.is_nameless(row)
        if not layout.hosts:
            row.append("")
        if nameless:
            row[layout.host] = self._host
            self.tally.nameless += 1
        self.tally.used[layout.title] += 1
        self._append(layout.header, row)

    def _add_raw(self, record: Record) -> None:
        """Take in an event of Splunk that kept nothing but its raw text."""
        raw = text(record["_raw"])
        around = {name: record[name] for name in _AROUND if name in record}
        objects = []
        if raw.lstrip().startswith("{"):
            objects = list(of_text(raw, self._broken, self.is_event))
        start = raw.find("<Event")
        if objects:
            for one in objects:
                self.add({**around, **one, "_raw": ""} if "_raw" in one else {**around, **one})
        elif start >= 0:
            found = parsed(raw[start:].strip())
            if found is None and self._layout(record, loose=True) is None:
                self._broken.add(MALFORMED)
            else:
                self._add_known(record if found is None else found)
        elif LINE.search(raw):
            for one in self._joiner.add(raw):
                self._add_known({"node": text(record.get("host")), **_filled(one)})
        else:
            self._add_known(record)

    def _append(self, header: tuple[str, ...], row: list[str]) -> None:
        chunk = self._chunks.get(header)
        if chunk is None:
            if len(self._chunks) >= _HEADERS:
                self.flush()
                self._chunks.clear()
            chunk = self._chunks[header] = _Chunk(list(header))
        if chunk.time is not None and row[chunk.time]:
            written = row[chunk.time].strip()
            moment = self._epoch(written)
            known = is_epoch(moment)
            row[chunk.time] = moment if known else written
            if written and not known:
                self.tally.timeless += 1
                self.tally.time = self.tally.time or written
        chunk.rows.append(row)
        if len(chunk.rows) >= CHUNK_ROWS:
            self._send(chunk)

    def _send(self, chunk: _Chunk) -> None:
        if chunk.rows:
            self._take(chunk.body())


def _filled(record: Record) -> Record:
    """Leave out what is empty, so that a stand-in counts."""
    return {name: value for name, value in record.items() if value}


def described(tally: Tally, most: int = 6) -> Iterator[str]:
    """Yield in words what a file held besides what was used, the most frequent first."""
    for what, count in tally.unused.most_common(most):
        yield f"{what} ({count:,})"
