"""The work that the engine does over a small fixed input, counted and not timed.

    python -m bench.counted            # says what it costs now, against what was accepted
    python -m bench.counted --accept   # takes the present costs as the accepted ones

Three counts for each stage: `calls` are calls of Python's and C's functions, `bytecodes` the
instructions that CPython's interpreter runs. Both are the same in every run of one Python version.
Work inside one call of C, such as a regular expression, shows in neither; so `instructions` of the
processor are counted too, by valgrind where it is installed, for the reading of rows. They depend
on how Python was compiled, so they are given as a multiple of what `csv.reader` needs.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import ROOT, generate

PATH = Path(__file__).resolve().parent / "counted_work.json"
LOOKUPS = ROOT / "package" / "lookups"
ALLOWED = 1.1
STREAMS = (
    generate.Stream(1_500, share=0.1, chunk=500),
    generate.Stream(500, share=0.3, guids=False, chunk=500),
)
VALGRIND_STREAM = generate.Stream(1_000, share=0)
ROW_BY_ROW = ("read rows", "write trees", "write processes")
"""Stages whose bytecodes are counted too; in the others they are too many to count quickly."""

Counts = dict[str, dict[str, float]]
"""Numbers by stage and by what is counted."""


class Counter:
    """Counts calls, or bytecodes, while it is switched on."""

    def __init__(self, kind: str) -> None:
        self.count = 0
        self._on: Callable[[], None] = self._calls if kind == "calls" else self._bytecodes

    @contextmanager
    def on(self) -> Iterator[None]:
        """Count what happens inside of the `with`."""
        self._on()
        try:
            yield
        finally:
            sys.setprofile(None)
            sys.settrace(None)

    def _calls(self) -> None:
        def profile(frame: object, event: str, argument: object) -> None:
            if event in ("call", "c_call"):
                self.count += 1

        sys.setprofile(profile)

    def _bytecodes(self) -> None:
        def trace(frame: Any, event: str, argument: object) -> Any:
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
            if event == "opcode":
                self.count += 1
            return trace

        for _ in range(2):  # Python 3.12 and later give opcodes from the second time on
            sys.settrace(trace)
            (lambda: None)()
        self.count = 0


def stages() -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield the stages of a search, each as a function that does its work."""
    from installer_trees.model import Settings
    from installer_trees.pipeline import Kept, Pipeline
    from installer_trees.render import TREE_COLUMNS
    from installerscore_run import encoded, load

    bodies = [(number, list(generate.bodies(stream))) for number, stream in enumerate(STREAMS)]
    loaded: list[Any] = []
    yield "load the catalogue", lambda: loaded.append(load(str(LOOKUPS)))
    pipelines = [Pipeline(loaded[0], Settings()) for _ in STREAMS]
    read = [(pipelines[number].add, body) for number, some in bodies for body in some]
    yield "read rows", lambda: [add(body) for add, body in read]
    kept: list[list[Kept]] = []
    yield "link, match and score", lambda: kept.extend(p.trees() for p in pipelines)
    found = list(zip(pipelines, kept))
    yield (
        "write trees",
        lambda: [_size(encoded(TREE_COLUMNS, p.tree_rows(trees))) for p, trees in found],
    )
    yield (
        "write processes",
        lambda: [_size(encoded(p.process_columns(), p.process_rows(k))) for p, k in found],
    )


def _size(pieces: Iterable[bytes]) -> int:
    return sum(map(len, pieces))


def counted(kind: str) -> dict[str, int]:
    """Run every stage once and return what each costs."""
    costs = {}
    for name, run in stages():
        if kind == "calls" or name in ROW_BY_ROW:
            counter = Counter(kind)
            with counter.on():
                run()
            costs[name] = counter.count
        else:
            run()
    return costs


def count(python: str) -> Counts:
    """Count the work under an interpreter, in fresh processes with a fixed hash seed."""
    found: Counts = {}
    for kind in ("calls", "bytecodes"):
        output = _child([python], "--count", kind).stdout
        for stage, number in json.loads(output).items():
            found.setdefault(stage, {})[kind] = number
    return found


def instructions(python: str) -> float | None:
    """Return the cost of reading rows as a multiple of `csv.reader`'s; None without valgrind."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        return None
    command = [valgrind, "--tool=callgrind", "--callgrind-out-file=" + os.devnull, python]
    spent = {}
    for what in ("nothing", "reader", "rows"):
        said = _child(command, "--work", what).stderr
        found = re.search(r"Collected : (\d+)", said)
        assert found is not None, said
        spent[what] = int(found[1])
    return (spent["rows"] - spent["nothing"]) / (spent["reader"] - spent["nothing"])


def _child(python: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": ""}
    command = [*python, "-m", "bench.counted", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=True
    )


def work(what: str) -> None:
    """Do something for valgrind to look at: all the same but for what reads the rows."""
    from installer_trees.catalogue import Catalogue
    from installer_trees.model import Settings
    from installer_trees.pipeline import Pipeline

    pipeline = Pipeline(Catalogue(), Settings())
    for body in generate.bodies(VALGRIND_STREAM):
        if what == "rows":
            pipeline.add(body)
        elif what == "reader":
            for _ in csv.reader(io.TextIOWrapper(io.BytesIO(body), "utf-8", newline="\n")):
                pass


def accepted() -> dict[str, Counts]:
    """Return the accepted numbers by the version of Python."""
    numbers: dict[str, Counts] = json.loads(PATH.read_text(encoding="utf-8"))
    return numbers


def dearer(now: Counts, before: Counts) -> list[str]:
    """Return a sentence for every number that is more than 10% above the accepted one."""
    limits = ((s, k, n, before.get(s, {}).get(k, 0)) for s, c in now.items() for k, n in c.items())
    return [
        f"{stage}: {number:,} {kind}, accepted are {limit:,}"
        for stage, kind, number, limit in limits
        if number > ALLOWED * limit
    ]


def version(python: str, code: str = "print('%d.%d' % sys.version_info[:2])") -> str:
    """Return the version of an interpreter, such as 3.11."""
    command = [python, "-c", f"import sys; {code}"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    return done.stdout.strip()


def build(python: str) -> str:
    """Return version and compiler of an interpreter, on which its instructions depend."""
    return "instructions on " + version(python, "print(sys.version.replace(chr(10), ' '))")


def main() -> None:
    """Compare or accept the numbers of every Python that Splunk ships and of this one."""
    parser = argparse.ArgumentParser(prog="python -m bench.counted", description=__doc__)
    parser.add_argument("--accept", action="store_true", help="write the numbers")
    parser.add_argument("--count", choices=("calls", "bytecodes"), help=argparse.SUPPRESS)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.count:
        print(json.dumps(counted(options.count)))
    elif options.work:
        work(options.work)
    else:
        _report(options.accept)


def _report(accept: bool) -> None:
    import interpreters

    numbers = accepted() if PATH.exists() else {}
    now: dict[str, Counts] = {}
    found = map(interpreters.find, interpreters.SPLUNK_PYTHONS)
    for python in dict.fromkeys([sys.executable, *filter(None, found)]):
        now[version(python)] = count(python)
    ratio = instructions(sys.executable)
    if ratio is not None:
        now[build(sys.executable)] = {"read rows": {"times csv.reader": round(ratio, 2)}}
    for name, counts in sorted(now.items()):
        print(name, json.dumps(counts, indent=2), sep="\n")
        for sentence in dearer(counts, numbers.get(name, {})):
            print("DEARER:", sentence)
    numbers.update(now)
    if accept:
        PATH.write_text(json.dumps(numbers, indent=2, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
