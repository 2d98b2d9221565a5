"""A progress bar on standard error, where that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from .clean import visible
from .inputs import Item
from .reading import Moved

_NAME_WIDTH = 40


@contextmanager
def bar(items: Sequence[Item], wanted: bool) -> Iterator[Moved]:
    """Show how much of the files was read; yields what is to be told of it."""
    if not wanted or not sys.stderr.isatty():
        yield lambda item, place: None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    total = sum(item.size for item in items) or None
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Reading", total=total)
        before = 0
        current: Item | None = None

        def moved(item: Item, place: int) -> None:
            nonlocal before, current
            if current is not None and item is not current:
                before += current.size
            current = item
            name = visible(item.name)[-_NAME_WIDTH:]
            progress.update(task, completed=before + place, description=name)

        yield moved
