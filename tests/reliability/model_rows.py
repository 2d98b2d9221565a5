"""The rows of the model: what is missing, what cannot be used, what is an installer."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

MISSING = {"", "-", "unknown", "null", "00000000-0000-0000-0000-000000000000"}

Row = dict[str, Any]

CONTENT = (
    "dest user process_name process process_path process_exec original_file_name process_id "
    "process_guid process_integrity_level process_current_directory process_hash "
    "parent_process_name parent_process parent_process_path parent_process_id parent_process_guid"
).split()
"""Rows of one time are ordered by these fields, so that arrival decides nothing."""


class Kind(NamedTuple):
    """What an installer is: `root` asks for an install, the other two do the work of others."""

    name: str
    word: str
    family: str
    role: str
    serves: tuple[str, ...]


KINDS = (
    Kind("msiexec.exe", "/V", "msi", "service", ("msi", "exe")),
    Kind("msiexec.exe", "/i", "msi", "root", ()),
    Kind("setup.exe", "", "exe", "root", ()),
    Kind("MSI1.tmp", "", "msi", "stage", ("msi",)),
    Kind("apt-get", "install", "deb", "root", ()),
    Kind("dpkg", "-i", "deb", "root", ()),
    Kind("installer", "-pkg", "macos_pkg", "root", ()),
    Kind("package_script_service", "", "macos_pkg", "service", ("macos_pkg",)),
)
"""The same installers as in the catalogue of the test that compares."""


def cleaned(row: Row) -> Row:
    """Missing values empty, names without folders, ids decimal, nobody its own parent."""
    names = [*CONTENT, "host", "dvc", "src", "dest_ip"]
    clean: Row = {
        name: "" if str(row.get(name, "")) in MISSING else str(row[name]) for name in names
    }
    clean["reporter"] = (clean["dvc"] or clean["host"]).lower()
    clean["dest"] = clean["dest"] or clean["host"] or clean["dvc"]
    clean["host"] = clean["dest"].lower()
    for prefix in ("", "parent_"):
        if not clean[prefix + "process_name"]:
            path = clean[prefix + "process_path"]
            first = clean[prefix + "process"].split(" ")[0]
            clean[prefix + "process_name"] = file_name(path or first)
        name = clean[prefix + "process_name"].strip()
        clean[prefix + "process_name"] = file_name(name) if name[:1] == "/" else name
    for key, name in (("pid", "process_id"), ("guid", "process_guid")):
        own, above = decimal(clean[name]), decimal(clean["parent_" + name])
        clean[key], clean["parent_" + key] = own, "" if above == own else above
    try:
        clean["time"] = float(row.get("_time", ""))
    except ValueError:
        clean["time"] = math.inf
    if not math.isfinite(clean["time"]):
        clean["time"] = math.inf
    return clean


def decimal(number: str) -> str:
    """Windows event 4688 has process ids in hexadecimal."""
    number = number.strip()
    return str(int(number, 16)) if number.startswith("0x") else number


def usable(row: Row) -> bool:
    """A host, an id, and for a process creation a name."""
    if not row["pid"] and not row["guid"]:
        return False
    if row["dest_ip"]:
        return bool(row["host"] or row["src"] or row["reporter"])
    return bool(row["host"] and row["process_name"])


def kind_of(row: Row) -> Kind | None:
    for kind in KINDS:
        if row["process_name"].lower() == kind.name.lower() and kind.word in row["process"]:
            return kind
    return None


def kind_of_parent(row: Row) -> Kind | None:
    parent = {"process_name": row["parent_process_name"], "process": row["parent_process"]}
    return kind_of(parent)


def package(line: str) -> str:
    """The file that a request names: the word after its switch."""
    words = line.split()
    for switch in ("/i", "-pkg"):
        if switch in words[:-1]:
            return file_name(words[words.index(switch) + 1]).lower()
    return ""


def file_name(path: str) -> str:
    return path.strip('"').replace("\\", "/").rsplit("/", 1)[-1]


def same_name(a: str, b: str) -> bool:
    """Case and `.exe` do not count, and Linux cuts a name after 15 characters."""
    a, b = (n.lower()[:-4] if n.lower().endswith(".exe") else n.lower() for n in (a, b))
    return a == b or (a[:15] == b[:15] and 15 in (len(a), len(b)))
