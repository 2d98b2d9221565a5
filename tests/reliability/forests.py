"""Random process events: what sensors send, and what nobody should.

A forest is made from a number alone, so a failure can be run again by its number.
"""

from __future__ import annotations

import random
from typing import Any

START = 1_700_000_000
LIFETIME_HOURS = 1

Row = dict[str, Any]

LINUX = [
    "apt-get install a",
    "dpkg -i b",
    "/bin/sh /var/lib/dpkg/info/b.postinst configure",
    "sh -c x",
    "bash",
    "setsid sh -c y",
    "curl http://x",
    "id",
    "python3 /usr/bin/pip list",
    "a-name-of-sixteen -x",
    "cp agent /opt/acme/bin/agent",
    "/opt/acme/bin/agent run",
    "systemd",
]
WINDOWS = [
    "msiexec.exe /i C:\\x\\a.msi",
    '"C:\\Windows\\System32\\msiexec.exe" /i "b.msi"',
    "C:\\Windows\\system32\\msiexec.exe /V",
    "C:\\Windows\\Installer\\MSI1.tmp",
    "setup.exe",
    "cmd.exe /c run a.msi",
    "CMD /c x",
    "powershell.exe -c b.msi",
]
MACOS = [
    "installer -pkg /Users/u/one.pkg -target /",
    "installer -pkg /Users/u/two.pkg -target /",
    "package_script_service",
    "bash /tmp/PKInstallSandbox/Scripts/postinstall /Users/u/one.pkg /",
    "bash /tmp/PKInstallSandbox/Scripts/preinstall /Users/u/one.pkg /Users/u/two.pkg",
    "launchd",
]


def forest(number: int) -> list[Row]:
    """The rows of one forest."""
    rng = random.Random(number)
    make = rng.choice((nonsense, nonsense, lives, lives, lives))
    rows = make(rng)
    for _ in range(rng.choice((0, 0, 1, 3))):  # what a sensor or a forwarder sends twice
        rows.append(dict(rng.choice(rows)))
    if rng.random() < 0.05:
        rows += crowd(rng)
    rng.shuffle(rows)
    return rows


def crowd(rng: random.Random) -> list[Row]:
    """Processes of another host, so that few of all rows name a GUID or a parent."""
    times = [START + rng.randrange(9) for _ in range(rng.randint(30, 60))]
    return [
        {
            "_time": t,
            "dest": "crowd",
            "process_name": "idle",
            "process_id": str(1000 + i),
            "process_hash": f"c{i}",
        }
        for i, t in enumerate(times)
    ]


def nonsense(rng: random.Random) -> list[Row]:
    """Rows whose ids, times and names have nothing to do with each other."""
    system = rng.choice((LINUX, WINDOWS, MACOS, LINUX + WINDOWS + MACOS))
    hosts = rng.choice((["h1"], ["h1", "H1", "h2", ""], ["1", "2", "3"]))
    ids = ["", *map(str, range(1, rng.choice((3, 5, 9))))]
    guids = rng.choice(([""], ["", "g1", "g2", "g3"], ["g1", "g2", "g3", "g4", "1", "2"]))
    times = rng.choice(([0], [0, 1, 1.5, 2, 4000], [0, 1, 2, 3, 4, 5, 6, 7, 3601, "", "nan"]))
    rows = []
    for i in range(rng.randint(2, 14)):
        time = rng.choice(times)
        row = {
            "_time": time if isinstance(time, str) else START + time,
            "dest": rng.choice(hosts),
            "user": rng.choice(("", "u", "v")),
            **_program(rng.choice(system)),
            "process_id": rng.choice(ids),
            "process_guid": rng.choice(guids),
            "process_hash": f"row{i}",
            "parent_process_id": rng.choice(ids),
            "parent_process_guid": rng.choice(guids),
            **_parent(rng.choice([*system, "", "", ""])),
        }
        _spoil(rng, row, hosts)
        rows.append(row)
    return rows


def _program(command: str) -> Row:
    first = command.split('"')[1] if command.startswith('"') else command.split(" ")[0]
    return {"process": command, "process_name": first.replace("\\", "/").rsplit("/", 1)[-1]}


def _parent(command: str) -> Row:
    return {f"parent_{name}": value for name, value in _program(command).items()}


def _spoil(rng: random.Random, row: Row, hosts: list[str]) -> None:
    """Take something away, or make a network event of a process."""
    kind = rng.randrange(12)
    if kind == 0:
        row["dest_ip"] = "203.0.113.9"
        row["src"] = rng.choice([*hosts, ""])
        for name in [name for name in row if name.startswith("parent_") or name == "process"]:
            del row[name]
    elif kind == 1:
        row["process"] = "-"
    elif kind == 2:
        row["parent_process"] = "unknown"
    elif kind == 3:
        row["process_name"] = "-"
    elif kind == 4:
        row["process_path"] = "C:\\x\\msiexec.exe"
    elif kind == 5 and row["process_id"].isdigit():
        row["process_id"] = hex(int(row["process_id"]))


def lives(rng: random.Random) -> list[Row]:
    """A history that may have happened, and then what sensors made of it.

    Processes start one after the other with ids that are soon used again; some fork without exec,
    some exec, some are left to init. Each host has its own sensors.
    """
    rows: list[Row] = []
    for host in range(rng.choice((1, 1, 2))):
        system = rng.choice((LINUX, WINDOWS, MACOS))
        rows += _sensed(rng, _history(rng, system, f"h{host}"))
    return rows


def _history(rng: random.Random, system: list[str], host: str, simple: bool = False) -> list[Row]:
    """Whole rows, each true: every process with its id, GUID, parent and time.

    In a simple history every process calls exec once, parents outlive their children, and more
    time passes between two processes than between two images of one.
    """
    time = float(START)
    pids = rng.choice((4, 8, 30))
    alive: list[Row] = []
    rows: list[Row] = []
    for number in range(rng.randint(2, 16)):
        time += rng.choice((0, 0.1, 0.5, 1, 3, 10, rng.choice((100, 1800, 4000)))) + 6 * simple
        unix = system is not WINDOWS and not simple
        exec_of = rng.choice(alive) if alive and unix and rng.random() < 0.15 else None
        above = rng.choice(alive[-3:]) if alive and rng.random() < 0.85 else None
        if exec_of is not None:
            above = exec_of["above"]
        pid = exec_of["pid"] if exec_of else 2 + number % pids if rng.random() < 0.9 else 2
        if simple:
            alive, taken = alive[-3:], {one["pid"] for one in alive[-3:]}
            pid = next(p for p in range(2 + number % pids, 99) if p not in taken)
        alive = [one for one in alive if one["pid"] != pid]
        me: Row = {"pid": pid, "above": above, "guid": f"{host}-{number}"}
        me["command"] = rng.choice(system)
        fork = above is not None and unix and rng.random() < 0.1
        if fork:  # it has the command line of its parent, and no sensor that waits for exec sees it
            me["command"] = above["command"]
        left = above is not None and unix and rng.random() < 0.15
        row = {
            "_time": time,
            "dest": host,
            "user": rng.choice(("u", "u", "v")),
            **_program(me["command"]),
            "process_id": str(pid),
            "process_guid": me["guid"],
            "process_hash": f"{host}-row{number}",
            "parent_process_id": str(above["pid"]) if above else "1",
            "parent_process_guid": above["guid"] if above else f"{host}-init",
            **_parent(
                above["command"]
                if above
                else ""
                if simple
                else rng.choice(("systemd", "launchd", ""))
            ),
        }
        if left:  # the parent ended first
            init = _parent("systemd" if system is LINUX else "launchd")
            row.update(init, parent_process_id="1", parent_process_guid=f"{host}-init")
        alive.append(me)
        if not fork:
            rows.append(row)
    return rows


def truth(number: int) -> list[Row]:
    """A simple history with nothing lost; the GUIDs say who is whose parent."""
    rng = random.Random(number)
    rows = [
        row for i in (0, 1) for row in _history(rng, rng.choice((LINUX, WINDOWS)), f"h{i}", True)
    ]
    rng.shuffle(rows)
    return rows


def _sensed(rng: random.Random, rows: list[Row]) -> list[Row]:
    """What arrives of true rows."""
    has_guids = rng.random() < 0.5
    has_parents = rng.random() < 0.8
    whole_seconds = rng.random() < 0.3
    lost = rng.choice((0.0, 0.0, 0.1, 0.3))
    skew = rng.choice((0.0, 0.0, 0.5, 3.0))
    second = rng.random() < 0.25
    ends = rng.random() < 0.15
    arrived = []
    for true in rows:
        if rng.random() < lost:
            continue
        row = dict(true)
        row["_time"] += rng.uniform(-skew, skew) if rng.random() < 0.3 else 0
        if whole_seconds:
            row["_time"] = int(row["_time"])
        if not has_guids or rng.random() < 0.1:
            del row["process_guid"], row["parent_process_guid"]
        if not has_parents or rng.random() < 0.1:
            del row["parent_process"], row["parent_process_name"]
        arrived.append(row)
        if second and rng.random() < 0.6:
            arrived.append(_second_sensor(rng, row))
        if ends and rng.random() < 0.6:
            arrived.append(_end(rng, row))
        if rng.random() < 0.15:
            arrived.append(_connection(rng, row))
    for row in arrived if rng.random() < 0.1 else []:
        row["process_id"] = rng.choice((row["process_id"], f" {row['process_id']}"))
        row["process_name"] = rng.choice((row["process_name"], f"/opt/x/{row['process_name']}"))
    return arrived or rows


def _second_sensor(rng: random.Random, row: Row) -> Row:
    """The same process as another sensor tells it: a little later, sometimes less.

    It has no GUID, or GUIDs of its own.
    """
    copy = {name: value for name, value in row.items() if "guid" not in name}
    copy["_time"] += rng.choice((0, 0.5, 1.9, 2.5))
    copy["process_hash"] += "b"
    if rng.random() < 0.4:
        for name in ("process_guid", "parent_process_guid"):
            if name in row:
                copy[name] = "{" + row[name] + "}"
    if rng.random() < 0.3:
        del copy["process"]
    elif rng.random() < 0.5:
        copy["process"] = rng.choice((f"{copy['process']} ", copy["process"].upper()))
    return copy


def _end(rng: random.Random, row: Row) -> Row:
    """What a sensor tells of a process that ends: its program, as name or as path."""
    kept = ("dest", "user", "process_name", "process_id", "process_guid")
    end = {name: row[name] for name in kept if name in row}
    end["_time"] = row["_time"] + rng.choice((0, 0.5, 8, 3000))
    end["process_hash"] = row["process_hash"] + "x"
    if rng.random() < 0.5:
        end["process"] = end["process_path"] = f"/opt/{end['process_name']}"
    return end


def _connection(rng: random.Random, row: Row) -> Row:
    """A connection that a process made."""
    event = {name: row[name] for name in row if name in ("process_name", "process_id")}
    event["_time"] = row["_time"] + rng.choice((-0.5, 0, 0.5, 30))
    event["process_hash"] = row["process_hash"] + "e"
    event["dest_ip"] = "203.0.113.9"
    if "process_guid" in row and rng.random() < 0.8:
        event["process_guid"] = row["process_guid"]
    sides = {"dest": "peer", "src": row["dest"]}, {"dest": row["dest"]}
    reported = {"dest": "peer", rng.choice(("dvc", "host")): row["dest"]}
    event.update(rng.choice((*sides, reported)))
    return event
