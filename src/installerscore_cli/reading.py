"""Reads all files into the engine, and says what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from .cim import Unknown, lacking
from .errors import DatesError, InputError, MissingPackageError
from .feed import Feed, Tally, described
from .inputs import FORM_NAMES, Item, Opened, opened, seems_data
from .readers import Broken, Record, audit, objects, table, text, windows
from .readers.mended import Damage
from .tables import Source
from .times import DAY, MONTH, READ, Dates, order

STEP = 1_000
"""Records between two looks at how far a file was read."""

SHOWN_CHARS = 60
"""Characters of a value that a sentence holds at most."""

NAMED = 3
"""Names that a sentence holds at most."""

COLUMNS = 12
"""Columns that a sentence holds at most."""

EXPECTED = (
    "CIM columns (dest or host, process_id or process_guid, process or process_name, plain or with "
    "a data-model prefix such as Processes.dest)"
)

_GET_WINEVENT = frozenset(("Message", "Id", "TimeCreated"))

Moved = Callable[[Item, int], None]


@dataclass
class Report:
    """What was read.

    Attributes:
        files: Files with rows for the engine, by the sources that they hold.
        rows: Rows for the engine, by source.
        skipped: Files of folders that hold nothing of use.
        warnings: Sentences for the user.
        failed: Whether a file could not be read to its end, so that the answer is not whole.
        records: All records, used or not.
    """

    files: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    skipped: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    failed: bool = False
    records: int = 0

    def summary(self) -> str:
        """Return in one or two sentences what was read."""
        if not self.rows:
            return f"Read {self.records:,} events; none was of use."
        said = "; ".join(
            f"{name}: {count:,} events of {self.files[name]:,} file{'s' * (self.files[name] > 1)}"
            for name, count in self.rows.most_common()
        )
        rest = self.records - sum(self.rows.values())
        left = f" Records of no use here: {rest:,}." if rest > 0 else ""
        names = ", ".join(self.skipped[:NAMED]) + (", ..." if len(self.skipped) > NAMED else "")
        passed = f" Files passed over: {len(self.skipped):,} ({names})." if self.skipped else ""
        return f"{said}.{left}{passed}"


class Reader:
    """Reads files into a feed.

    Args:
        feed: Takes the records.
        sources: The source tables, to say what was looked for.
        form: The form of all files, None to tell it by their content.
        host: The host of records that name none; None takes the folder of the file.
        moved: Is told how many bytes of a file were read so far.
    """

    def __init__(
        self,
        feed: Feed,
        sources: dict[str, Source],
        form: str | None = None,
        host: str | None = None,
        moved: Moved = lambda item, place: None,
    ) -> None:
        self._feed = feed
        self._sources = sources
        self._form = form
        self._host = host
        self._moved = moved
        self.report = Report()
        self._bare: Counter[str] = Counter()
        self._processes: Counter[str] = Counter()
        self._nameless: dict[str, None] = {}
        self._missed: dict[str, list[str]] = {}

    def read(self, items: list[Item]) -> Report:
        """Read all files; a file that was named and cannot be used ends it.

        Raises:
            InputError: A named file cannot be used, or no file holds anything of use.
        """
        reasons: dict[str, list[str]] = {}
        for item in items:
            self._file(item, reasons)
        self._feed.flush()
        self._judge(items, reasons)
        self._warn()
        return self.report

    def _file(self, item: Item, reasons: dict[str, list[str]]) -> None:
        """Read a file; where it cannot be read to its end, what stands before counts.

        Raises:
            InputError: It was named and nothing in it is of use, or a package is missing.
        """
        broken, damage = Broken(), Damage()
        dates = Dates(lambda: self._order(item))
        host = self._host or item.folder
        tally = self._feed.begin(item.name, host, broken, dates.epoch)
        try:
            with opened(item) as file:
                self._content(item, file, tally, broken, damage, reasons)
        except InputError as error:
            ends = isinstance(error, (DatesError, MissingPackageError))
            if ends or (item.named and not tally.used):
                raise
            self.report.failed = True
            read = "; what stands before was read." if tally.used else "."
            self.report.warnings.append(str(error).rstrip(".") + read)
        finally:
            self._take(item, tally, broken, damage)
            self.report.warnings.extend(f"{item.name}: {said}" for said in _disordered(dates))

    def _order(self, item: Item) -> str:
        """Read a file ahead to the first date that shows whether its days or months come first.

        Returns:
            `MONTH` or `DAY`; empty where no date shows it, or it can be read only once.
        """
        if item.path is None or not item.path.is_file():
            return ""
        shown: list[str] = []

        def look(time: str) -> str:
            shown.extend(filter(None, [order(time)]))
            return time

        feed = self._feed.alike(lambda body: None)
        broken = Broken()
        feed.begin(item.name, "", broken, look)
        with suppress(InputError), opened(item) as file:
            form = self._form or file.form
            for record in _records(file, form, broken, Damage(), feed.is_event):
                feed.add(record)
                if shown:
                    break
        return shown[0] if shown else ""

    def _content(
        self,
        item: Item,
        file: Opened,
        tally: Tally,
        broken: Broken,
        damage: Damage,
        reasons: dict[str, list[str]],
    ) -> None:
        form, failure = self._form or file.form, None
        if form:
            try:
                records = _records(file, form, broken, damage, self._feed.is_event)
                self._records(item, records, file)
            except InputError as error:
                failure = type(error)(f"{item.name}: {error}.")
        cut = file.cut or damage.cut or broken.cut
        data = seems_data(item, file)
        if tally.unknown and not tally.used and not tally.unused:
            self._useless(item, self._unknown(tally), reasons, data)
        elif failure is not None:
            raise failure
        elif cut:
            raise InputError(f"{item.name}: could not be read to its end ({cut}).")
        elif not form:
            self._useless(item, file.problem, reasons, data)
        elif not tally.used and (tally.unused or broken.count):
            self._useless(item, _nothing_of_use(tally, broken), reasons, data)
        elif self._form and file.form != self._form and not tally.used:
            self._useless(item, _other_form(self._form, file), reasons, data)
        elif not tally.used and broken.empty > 1:
            self._useless(item, _empty(broken), reasons, data)

    def _records(self, item: Item, records: Iterator[Record], file: Opened) -> None:
        try:
            for count, record in enumerate(records, 1):
                self._feed.add(record)
                self.report.records += 1
                if count % STEP == 0:
                    self._moved(item, file.raw.tell() if file.raw.seekable() else 0)
        finally:
            self._feed.end()
        self._moved(item, item.size)

    def _take(self, item: Item, tally: Tally, broken: Broken, damage: Damage) -> None:
        """Add the counts of a file to those of all."""
        report = self.report
        report.rows.update(tally.used)
        report.files.update(dict.fromkeys(tally.used, 1))
        report.records += broken.empty
        self._bare.update(tally.bare)
        self._processes.update(tally.processes)
        if tally.nameless and self._host is None:
            self._nameless[item.folder] = None
        if broken.count and tally.used:
            many = f"{broken.count:,} records are" if broken.count > 1 else "1 record is"
            report.warnings.append(
                f"{item.name}: {many} broken, and read as far as possible: {broken.example}."
            )
        if tally.used:
            report.warnings.extend(f"{item.name}: {said}" for said in damage.said())
        if tally.timeless:
            many = f"{tally.timeless:,} times" if tally.timeless > 1 else "1 time"
            report.warnings.append(
                f"{item.name}: {many} could not be read, first {tally.time[:SHOWN_CHARS]!r}; "
                f"what can be read is {READ}."
            )
        if sum(tally.odd.values()) * 2 > sum(tally.processes.values()):
            report.warnings.append(f"{item.name}: {_not_understood(tally.odd)}.")
        if tally.unknown and tally.used:
            report.warnings.append(f"{item.name}: {tally.unknown:,} records are of no known kind.")

    def _useless(self, item: Item, why: str, reasons: dict[str, list[str]], data: bool) -> None:
        """Pass over a file of a folder; a file that was named is an error."""
        if item.named:
            raise InputError(f"{item.name}: {why}.")
        reasons.setdefault(why, []).append(item.name)
        if data:
            self._missed.setdefault(why, []).append(item.name)
        self.report.skipped.append(item.name)

    def _unknown(self, tally: Tally) -> str:
        shown = _columns(tally.columns)
        if set(tally.columns) >= _GET_WINEVENT:
            return (
                "is an export of Get-WinEvent, which keeps what counts in a message only: copy the "
                "EVTX file, or export XML with wevtutil qe LOG /lf:true /e:Events"
            )
        lacks = lacking(tally.columns)
        if lacks:
            return f"has no column {lacks}; found {shown}"
        titles = ", ".join(source.title for source in self._sources.values())
        return (
            f"has no columns that are known: expected {EXPECTED}, or those of {titles}; "
            f"found {shown}"
        )

    def _judge(self, items: list[Item], reasons: dict[str, list[str]]) -> None:
        """Refuse input in which nothing was of use, unless it is well-formed and empty."""
        report = self.report
        if report.rows:
            return
        if items and not report.skipped and not report.failed:
            read = _listed([item.name for item in items])
            report.warnings.append(f"There are no rows in {read}, so there is nothing to score.")
            return
        if report.failed:
            raise InputError(report.warnings[0])
        if not items:
            raise InputError("There are no files in the folders that were given.")
        why = _most(reasons)
        if len(items) == 1:
            raise InputError(f"{why}.")
        raise InputError(
            f"None of the {len(items):,} files there holds events of processes; {why}."
        )

    def _warn(self) -> None:
        missed = sum(map(len, self._missed.values()))
        if missed:
            many = f"{missed:,} files that look" if missed > 1 else "1 file that looks"
            were, them = ("were", "them") if missed > 1 else ("was", "it")
            self.report.warnings.append(
                f"{many} like data {were} passed over, and nothing in {them} was scored; "
                f"{_most(self._missed)}."
            )
        for title, count in self._bare.items():
            if count * 2 > self._processes[title]:
                self.report.warnings.append(
                    f"{count:,} of {self._processes[title]:,} process creations of {title} have no "
                    "command line, so most signals cannot see them; have the source log them."
                )
        if self._nameless:
            self.report.warnings.append(
                "Some events name no host and were taken as those of "
                f"{_listed(list(self._nameless))}; --host NAME sets it."
            )


def _records(
    file: Opened, form: str, broken: Broken, damage: Damage, is_event: objects.IsEvent
) -> Iterator[Record]:
    if form == "evtx":
        return windows.evtx_records(windows.seekable(file.stream), broken)
    stream = text(file.stream, file.head, damage)
    if form == "csv":
        return table.records(stream, broken)
    if form == "json":
        return objects.records(stream, broken, is_event)
    if form == "xml":
        return windows.xml_records(stream, broken)
    return audit.records(stream, broken)


def _listed(names: list[str]) -> str:
    """Name the first ones and count the others."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _columns(names: tuple[str, ...]) -> str:
    """Name the first columns and count the others."""
    more = f" and {len(names) - COLUMNS} more" if len(names) > COLUMNS else ""
    return ", ".join(names[:COLUMNS]) + more


def _counted(names: list[str]) -> str:
    """Name the first file and count the others."""
    return names[0] + (f" and {len(names) - 1:,} more" if len(names) > 1 else "")


def _most(reasons: dict[str, list[str]]) -> str:
    """Say why files are of no use, what holds for most of them first."""
    often = sorted(reasons.items(), key=lambda found: -len(found[1]))[:NAMED]
    return "; ".join(f"{_counted(names)}: {reason}" for reason, names in often)


def _disordered(dates: Dates) -> Iterator[str]:
    """Say what is not plain in the dates of a file."""
    proof, against = dates.proof[:SHOWN_CHARS], dates.against[:SHOWN_CHARS]
    other = MONTH if dates.first == DAY else DAY
    if against:
        yield (
            f"its dates have the {dates.first} first in {proof!r} and the {other} first in "
            f"{against!r}, so those that could be both may be wrong; write them as 2026-12-13."
        )
    elif dates.first == DAY:
        yield f"its dates have the day first, as in {proof!r}, and were all read so."


def _not_understood(odd: Iterable[Unknown]) -> str:
    """Say which columns of process creations were not understood."""
    pairs = dict.fromkeys(pair for unknown in odd for pair in unknown)
    names = list(dict.fromkeys(name for name, _ in pairs))
    expected = ", ".join(dict.fromkeys(field for _, field in pairs))
    many = f"columns {', '.join(names)} were" if len(names) > 1 else f"column {names[0]} was"
    return f"the {many} not understood; expected {expected}"


def _nothing_of_use(tally: Tally, broken: Broken) -> str:
    held = ", ".join(described(tally))
    if not held:
        return f"could not be read: {broken.example}"
    return f"holds no process creations, connections, file or registry changes; found {held}"


def _other_form(form: str, file: Opened) -> str:
    """Say what a file is in which nothing of the form that was asked for was found."""
    if not file.form:
        return file.problem
    return (
        f"is not {FORM_NAMES[form]}, but {FORM_NAMES[file.form]} by its content; leave out --format"
    )


def _empty(broken: Broken) -> str:
    return (
        f"holds no events, but {broken.empty:,} objects with an empty list in their place; found "
        f"{_columns(broken.names)}"
    )
