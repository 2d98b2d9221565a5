"""Inputs whose shape breaks programs that are quick on ordinary ones.

Each shape is a function of a size that yields events, dicts with CIM names. tests/test_shapes.py
counts the work at small sizes; `make bench` measures the built command at the full ones.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from . import generate
from .generate import Stream

Event = dict[str, Any]
START = 1_767_225_600
APT: Event = {"process_name": "apt-get", "process": "apt-get install -y suite", "process_id": 10}
MSI: Event = {
    "process_name": "msiexec.exe",
    "process": "msiexec.exe /i suite.msi /qn",
    "process_id": 10,
}


FORKING: Event = {
    "process_name": "dash",
    "process": "/bin/sh /var/lib/dpkg/info/a.postinst configure",
}
OF_A_FORK: Event = {
    "parent_process_name": FORKING["process_name"],
    "parent_process": FORKING["process"],
}


def _event(number: int, above: int | None = None, guids: bool = False, **fields: Any) -> Event:
    """Return a process of host `h`; process ids are 10 and up, in the order of the numbers."""
    event: Event = {"_time": START + number / 1000, "dest": "h", "user": "root"}
    event.update(process_id=10 + number, **({"process_guid": f"g{number}"} if guids else {}))
    if above is not None:
        event["parent_process_id"] = 10 + above
        if guids:
            event["parent_process_guid"] = f"g{above}"
    return {**event, **fields}


def many_children(n: int, guids: bool = True) -> Iterator[Event]:
    """One installer with n children."""
    yield _event(0, guids=guids, **APT)
    for i in range(1, n):
        yield _event(i, 0, guids, process_name="tar", process=f"tar -xf part-{i}.tar")


def many_suspicious_children(n: int) -> Iterator[Event]:
    """One installer with n children that signals look at, with conditions on their siblings."""
    yield _event(0, **APT)
    for i in range(1, n):
        name, line = (("chmod", f"chmod +x /tmp/a{i}"), ("sh", f"sh /tmp/a{i}"))[i % 2]
        yield _event(i, 0, process_name=name, process=line)


def deep_chain(n: int, guids: bool = True) -> Iterator[Event]:
    """A chain of n processes, each the parent of the next."""
    yield _event(0, guids=guids, **APT)
    for i in range(1, n):
        yield _event(i, i - 1, guids, process_name="sh", process=f"sh -c step-{i}")


def deep_chain_of_suspects(n: int) -> Iterator[Event]:
    """A chain in which every process is looked at with conditions on its ancestors."""
    yield _event(0, **APT)
    for i in range(1, n):
        yield _event(i, i - 1, process_name="curl", process=f"curl http://a.example/{i}")


def _generated(stream: Stream, **fields: Any) -> Iterator[Event]:
    for row in reversed(list(generate.rows(stream))):
        yield {**dict(zip(generate.COLUMNS, row)), **fields}


def one_host(n: int) -> Iterator[Event]:
    """All events on one host, 2% under installers."""
    return _generated(Stream(n), dest="h")


def many_hosts(n: int) -> Iterator[Event]:
    """Ten events a host; on every tenth host an installer with two children."""
    for host in range(n // 10):
        for i in range(10):
            if host % 10 or i > 2:
                event = _event(i, 0, process_name="sleep", process=f"sleep {i}")
            elif i:
                event = _event(i, 0, process_name="tar", process=f"tar -xf part-{i}.tar")
            else:
                event = _event(i, **APT)
            yield {**event, "dest": f"h{host}"}


def one_time(n: int, guids: bool = True) -> Iterator[Event]:
    """All rows at one moment."""
    return _generated(Stream(n, share=0.2, guids=guids), _time=START)


def only_installers(n: int) -> Iterator[Event]:
    """Every row asks for an install of its own."""
    for i in range(n):
        yield _event(i, **{**MSI, "process": f"msiexec /i p{i}.msi /qn", "process_id": 10 + i})


def nested_installers(n: int) -> Iterator[Event]:
    """Every row is an installer that the one before it started."""
    yield _event(0, **MSI)
    for i in range(1, n):
        yield _event(i, i - 1, process_name="msiexec.exe", process=f"msiexec /i p{i}.msi /qn")


def served_requests(n: int) -> Iterator[Event]:
    """One Windows Installer service that works through requests, a custom action for each."""
    yield _event(0, process_name="msiexec.exe", process="msiexec.exe /V")
    for i in range(1, n):
        if i % 2:
            yield _event(i, process_name="msiexec.exe", process=f"msiexec /i p{i}.msi /qn")
        else:
            yield _event(i, 0, process_name=f"MSI{i}.tmp", process=f"MSI{i}.tmp p{i - 1}.msi")


def one_process_id(n: int) -> Iterator[Event]:
    """One process id that is used again and again, by installers and by their children."""
    for i in range(n):
        name, line = (("apt-get", f"apt-get install p{i}"), ("sh", f"sh -c s{i}"))[i % 2]
        again = {"process_id": 10 + i % 2, "parent_process_id": 11 - i % 2}
        yield {**_event(i, process_name=name, process=line), **again}


def copies(n: int) -> Iterator[Event]:
    """One process that arrived n times under an installer."""
    yield _event(0, guids=True, **APT)
    for _ in range(1, n):
        yield _event(1, 0, True, process_name="sh", process="sh -c x")


def copies_without_guid(n: int) -> Iterator[Event]:
    """As `copies`, where a process id and a command line are all that tells processes apart."""
    yield _event(0, **APT)
    for i in range(1, n):
        yield _event(1, 0, process_name="sh", process=f"sh -c x{i % 2}")


def forked_shells(n: int) -> Iterator[Event]:
    """Children of forks that never called exec: only the parent's command line ties them."""
    yield _event(0, **APT)
    for i in range(1, n):
        if i % 2:
            yield _event(i, 0, **FORKING)
        else:
            yield _event(i, n + i, process_name="tar", process=f"tar -xf part-{i}.tar", **OF_A_FORK)


def forked_shells_with_guids(n: int) -> Iterator[Event]:
    """Likewise where there are GUIDs, and every hundredth child forks in its turn."""
    yield _event(0, guids=True, **APT)
    yield _event(1, 0, True, **FORKING)
    for i in range(2, n):
        line = FORKING if i % 100 == 0 else {"process_name": "tar", "process": f"tar -x {i}"}
        yield _event(i, n + i, True, **line, **OF_A_FORK)


def one_command_line(n: int) -> Iterator[Event]:
    """Processes that have one command line, and each say that their parent has it too."""
    line = {"process_name": "worker", "process": "worker -j"}
    yield _event(0, **APT)
    yield _event(1, 0, **line)
    for i in range(2, n):
        yield _event(i, n + i, parent_process_name="worker", parent_process="worker -j", **line)


def shells_that_exec(n: int) -> Iterator[Event]:
    """Shells of one parent that each become an installer of their own."""
    for i in range(n):
        name, line = (
            ("sh", f"sh -c 'pip install p{i}'"),
            ("python3", f"python3 /usr/bin/pip install p{i - 1}"),
        )[i % 2]
        again = {"process_id": 10 + i // 2, "parent_process_id": 5}
        yield {**_event(i, process_name=name, process=line), **again}


def absent_parents(n: int) -> Iterator[Event]:
    """Children that each call another installer their parent, all by one process id."""
    for i in range(n):
        yield _event(i, -5, process_name="cmd.exe", process=f"cmd.exe /c {i}",
                     parent_process_name="msiexec.exe",
                     parent_process=f"msiexec.exe /i p{i}.msi")  # fmt: skip


def own_parents(n: int) -> Iterator[Event]:
    """Circles: every two installers are each other's parent, and every third its own."""
    for i in range(n):
        above = i if i % 3 == 0 else i + 1 if i % 3 == 1 else i - 1
        yield _event(i, above, True, process_name="apt-get", process=f"apt-get install p{i}")


def left_to_init(n: int) -> Iterator[Event]:
    """Background shells that scripts of an installer left to process 1."""
    yield _event(0, **APT)
    for i in range(1, n):
        if i % 2:
            yield _event(i, 0, process_name="sh", process=f"sh -c 'work {i} &'")
        else:
            yield {**_event(i, process_name="bash", process=f"bash work-{i}"),
                   "parent_process_id": 1}  # fmt: skip


def busy_process(n: int) -> Iterator[Event]:
    """One child of an installer that opens n connections and writes n files."""
    yield _event(0, **APT)
    yield _event(1, 0, process_name="curl", process="curl http://a.example/")
    for i in range(2, n):
        target: Event = {"dest_ip": f"203.0.113.{i % 250}", "dest_port": 443}
        if i % 2:
            target = {"file_path": f"/etc/cron.d/job-{i}", "action": "created"}
        yield {**_event(i, process_name="curl"), "process_id": 11, **target}


def long_line(n: int) -> Iterator[Event]:
    """One installer with a child whose command line has n characters."""
    yield _event(0, **APT)
    yield _event(1, 0, process_name="sh", process="sh -c " + "x" * n)


def long_installer_line(n: int) -> Iterator[Event]:
    """An installer whose own command line has n characters, all of them of interest to patterns."""
    words = "/i pip install -m http://a.example/a.msi -- "
    line = "msiexec.exe " + words * (n // len(words))
    yield _event(0, process_name="msiexec.exe", process=line)
    yield _event(1, 0, process_name="python3", process="python3 " + words * (n // len(words)))


@dataclass(frozen=True)
class Shape:
    """A shape with its sizes.

    Attributes:
        make: Yields the events of a size.
        full: The size that must go through.
        small: A size at which counting the work takes a moment.
        rows: Whether the size is a number of rows; else one of characters.
    """

    make: Callable[[int], Iterable[Event]]
    full: int
    small: int = 300
    rows: bool = True

    @property
    def title(self) -> str:
        """What the shape is."""
        return str(self.make.__doc__).rstrip(".")


def _without_guids(
    make: Callable[..., Iterator[Event]], note: str
) -> Callable[[int], Iterator[Event]]:
    def without(n: int) -> Iterator[Event]:
        return make(n, guids=False)

    without.__doc__ = f"{str(make.__doc__).rstrip('.')}, {note}."
    return without


BY_ID = "tied by process ids alone"
SHAPES = {
    "many children": Shape(many_children, 100_000),
    "many children by id": Shape(_without_guids(many_children, BY_ID), 100_000),
    "many suspicious children": Shape(many_suspicious_children, 100_000),
    "deep chain": Shape(deep_chain, 50_000),
    "deep chain by id": Shape(_without_guids(deep_chain, BY_ID), 50_000),
    "deep chain of suspects": Shape(deep_chain_of_suspects, 50_000),
    "one host": Shape(one_host, 1_000_000, 1_500),
    "many hosts": Shape(many_hosts, 1_000_000, 1_500),
    "one time": Shape(one_time, 100_000, 1_000),
    "one time by id": Shape(_without_guids(one_time, BY_ID), 100_000, 1_000),
    "only installers": Shape(only_installers, 100_000, 150),
    "nested installers": Shape(nested_installers, 50_000),
    "served requests": Shape(served_requests, 50_000, 400),
    "one process id": Shape(one_process_id, 100_000),
    "copies": Shape(copies, 100_000),
    "copies without guid": Shape(copies_without_guid, 100_000),
    "forked shells": Shape(forked_shells, 100_000),
    "forked shells with guids": Shape(forked_shells_with_guids, 100_000),
    "one command line": Shape(one_command_line, 100_000),
    "shells that exec": Shape(shells_that_exec, 20_000),
    "absent parents": Shape(absent_parents, 100_000, 200),
    "own parents": Shape(own_parents, 100_000, 150),
    "left to init": Shape(left_to_init, 100_000),
    "busy process": Shape(busy_process, 100_000),
    "long line": Shape(long_line, 10_000_000, 300_000, rows=False),
    "long line of an installer": Shape(long_installer_line, 10_000_000, 300_000, rows=False),
}


def frames(name: str, size: int, chunk: int = generate.CHUNK_ROWS) -> Iterator[bytes]:
    """Yield a shape as execute requests, the newest row first."""
    events = list(SHAPES[name].make(size))[::-1]
    columns = list(dict.fromkeys(field for event in events for field in event))
    for start in range(0, len(events), chunk):
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(events[start : start + chunk])
        yield generate.frame(text.getvalue().encode(), start + chunk >= len(events))
