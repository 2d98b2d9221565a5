"""The commands that read events: `score`, `processes` and `health`."""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TextIO

from installer_trees.columns import NO_TIME
from installer_trees.health import HEALTH_COLUMNS
from installer_trees.model import Settings
from installer_trees.pipeline import Kept, Pipeline
from installer_trees.render import TREE_COLUMNS

from . import resources
from .errors import InputError, OutputError
from .feed import Feed
from .inputs import FORMS, STDIN, Item, items
from .options import SEVERITIES
from .output import named
from .progress import bar
from .reading import Reader, Report
from .tables import Source
from .times import shown
from .views import Overview, View, html, listing, plain
from .views.terminal import Screen

Say = Callable[[str, str], None]

LEFT_OUT = "{count:,} rows beyond --max-events {most} were left out; read fewer files, or raise it."
NOTHING, FOUND, UNUSABLE = 0, 1, 2
_SUFFIXES = {".html": "html", ".htm": "html", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


def run(options: argparse.Namespace, sources: dict[str, Source], say: Say) -> int:
    """Read the events and answer; return the exit code.

    Raises:
        InputError: The input cannot be used.
    """
    given = _items(options.files)
    saved = _saved(getattr(options, "save", []), given)
    settings = Settings(minscore=getattr(options, "min_score", 0), maxevents=options.max_events)
    catalogue = resources.load(options.signals, options.allowlist)
    pipeline = Pipeline(catalogue, settings, tempfile.gettempdir())
    try:
        report = _read(options, sources, given, pipeline)
        if options.command == "health":
            _health(options, pipeline)
            code = NOTHING
        else:
            code = _answer(options, pipeline, report, saved)
        _warn(pipeline, report, options, say)
        cut = report.failed or pipeline.store.counters.over_limit
        return code or (UNUSABLE if cut else NOTHING)
    finally:
        pipeline.close()


def _items(files: Sequence[str]) -> list[Item]:
    if not files and (sys.stdin is None or sys.stdin.isatty()):
        raise InputError("No files given; name files or folders, or pipe events in.")
    return items(files or [STDIN])


def _saved(names: Sequence[str], given: Sequence[Item]) -> list[tuple[Path, str]]:
    """Return the files to write, each with the form that its suffix asks for."""
    saved = []
    read = {item.path.resolve() for item in given if item.path and not item.problem}
    for name in names:
        path = Path(name)
        form = _SUFFIXES.get(path.suffix.lower())
        if form is None:
            raise InputError(f"--save {name}: the suffix must be .html, .csv or .jsonl.")
        if path.resolve() in read:
            raise InputError(f"--save {name}: that is a file to read; choose another name.")
        if not path.parent.is_dir():
            raise InputError(f"--save {name}: there is no folder {path.parent}.")
        saved.append((path, form))
    return saved


def _read(
    options: argparse.Namespace,
    sources: dict[str, Source],
    given: list[Item],
    pipeline: Pipeline,
) -> Report:
    form = options.format if options.format in FORMS else None
    forced = None if form else options.format
    feed = Feed(pipeline.add, sources, forced)
    with bar(given, not options.quiet) as moved:
        report = Reader(feed, sources, form, options.host, moved).read(given)
    unusable = pipeline.unusable()
    if unusable:
        raise InputError(unusable)
    return report


def _answer(
    options: argparse.Namespace,
    pipeline: Pipeline,
    report: Report,
    saved: Sequence[tuple[Path, str]],
) -> int:
    """Score, and write the trees or their processes in every form that was asked for."""
    found = pipeline.trees(options.min_score)
    kept = [one for one in found if _within(one, options)]
    if found and not kept:
        first = shown(min(one.first for one in found))
        last = shown(max(one.last for one in found))
        report.warnings.append(
            "No tree ran in the time of --since and --until; of other times there "
            f"{'is' if len(found) == 1 else 'are'} {len(found):,}, from {first} to {last} UTC."
        )
    if options.command == "processes":
        _rows(options, pipeline.process_columns(), pipeline.process_rows(kept))
        return NOTHING
    severities = Counter(one.score.severity for one in kept)
    scores = [one.score.value for one in kept]
    overview = Overview(scores, severities, report, pipeline.messages(LEFT_OUT))
    with ExitStack() as stack:
        views = [_view(options, options.output, sys.stdout, pipeline, overview)]
        for path, form in saved:
            stream = stack.enter_context(_written(path))
            views.append(_view(options, form, stream, pipeline, overview))
        for number, one in enumerate(kept):
            wanted = [view for view in views if number < view.most]
            if not wanted:
                break
            row = next(pipeline.tree_rows([one]))
            for view in wanted:
                view.add(one, row)
        for view in views:
            view.close()
    return FOUND if _reached(kept, options.fail_on) else NOTHING


def _within(one: Kept, options: argparse.Namespace) -> bool:
    """Tell whether a tree ran in the time that was asked for; one without times did."""
    if one.first == NO_TIME:
        return True
    return bool(one.last >= options.since and one.first <= options.until)


def _reached(kept: Sequence[Kept], severity: str | None) -> bool:
    """Tell whether a tree is at least of a severity."""
    if severity is None:
        return False
    return any(one.score.severity in SEVERITIES[SEVERITIES.index(severity) :] for one in kept)


def _view(
    options: argparse.Namespace,
    form: str,
    stream: TextIO,
    pipeline: Pipeline,
    overview: Overview,
) -> View:
    """Return what writes trees in a form."""
    most = math.inf if options.top in (0, None) else options.top
    if form == "jsonl":
        return plain.JsonLines(_utf8(stream), most)
    if form == "csv":
        return plain.Csv(_utf8(stream), TREE_COLUMNS, options.raw, most)
    if form == "html":
        most = html.MOST_TREES if options.top is None else most
        return html.Report(_utf8(stream), pipeline, overview, most)
    most = listing.MOST_TREES if options.top is None else most
    return listing.Listing(Screen(stream), overview, most, options.draw, options.quiet)


def _rows(
    options: argparse.Namespace, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]
) -> None:
    """Write rows that are not trees."""
    stream = _utf8(sys.stdout)
    if options.output == "csv":
        table = plain.Csv(stream, columns, options.raw)
        for row in rows:
            table.write(row)
    else:
        for row in rows:
            plain.write_json(stream, row)


def _health(options: argparse.Namespace, pipeline: Pipeline) -> None:
    rows = pipeline.health_rows()
    if options.output == "table":
        listing.health(Screen(sys.stdout), rows)
    else:
        _rows(options, HEALTH_COLUMNS, rows)


def _utf8(stream: TextIO) -> TextIO:
    """Let a stream carry data as UTF-8, whatever the terminal of this machine has."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(encoding="utf-8", newline="\n")
    return stream


@contextmanager
def _written(path: Path) -> Iterator[TextIO]:
    """Open a file that appears under its name when it is whole, and not at all otherwise.

    Until then it is in a folder that nobody else may enter: in its place may lie what others put
    there, such as a link. The file itself has the permissions of any new one.

    Raises:
        OutputError: It cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=".installerscore-", dir=path.parent) as private:
            part = Path(private, path.name)
            with part.open("w", encoding="utf-8", newline="\n") as stream:
                yield named(stream, str(path))
            part.replace(path)
    except BrokenPipeError:  # whoever reads the standard output has gone: no fault of the file
        raise
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}).") from None


def _warn(pipeline: Pipeline, report: Report, options: argparse.Namespace, say: Say) -> None:
    """Say on standard error what was wrong with the input, and what was read.

    A table of trees, which is for people, ends with what was read, so that a copy of it tells it.
    """
    shown = options.quiet or (options.command == "score" and options.output == "table")
    if not shown:
        say("info", report.summary())
    for text in report.warnings:
        say("warning", text)
    for level, text in pipeline.messages(LEFT_OUT):
        if level == "WARN":
            say("warning", text)
        elif not shown:
            say("info", text)
