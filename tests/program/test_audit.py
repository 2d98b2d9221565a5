"""Audit logs: quoting, long arguments, interleaved lines, addresses, names or numbers of calls."""

from __future__ import annotations

import socket
import struct

import pytest

from installerscore_cli.readers import Broken
from installerscore_cli.readers.audit import OPEN_EVENTS, Joiner

CALL = "arch=c000003e syscall={call} success=yes exit=0 a0=1 a1=2 a2={a2} ppid=10 pid=11 uid=0"
END = ' comm="sh" exe="/usr/bin/dash"'


def joined(*lines: str) -> list[dict]:
    joiner = Joiner(Broken())
    found = [record for line in lines for record in joiner.add(line)]
    return found + list(joiner.end())


def line(kind: str, rest: str, serial: int = 1, node: str = "") -> str:
    start = f"node={node} " if node else ""
    return f"{start}type={kind} msg=audit(1795310565.913:{serial}): {rest}\n"


def call(number: str = "59", a2: str = "0", **options) -> str:
    return line("SYSCALL", CALL.format(call=number, a2=a2) + END, **options)


@pytest.mark.parametrize(
    ("rest", "arguments"),
    [
        ('argc=2 a0="ls" a1="-l"', ["ls", "-l"]),
        ('argc=2 a0="sh" a1=6120622263', ["sh", 'a b"c']),
        ('argc=2 a0="sh" a1=""', ["sh", ""]),
        ('argc=2 a0="c" a1_len=8 a1[0]="ab" a1[1]="cd"', ["c", "abcd"]),
        ('argc=2 a0="c" a1_len=8 a1[0]=6120 a1[1]=62C3A4', ["c", "a b\u00e4"]),
        ('argc=1 a0=2F746D702F7C20\x1dX="y"', ["/tmp/| "]),
    ],
)
def test_arguments(rest, arguments):
    (record,) = joined(call(), line("EXECVE", rest))
    assert record["args"] == arguments


def test_arguments_over_several_records_keep_their_order():
    first = "argc=12 " + " ".join(f'a{i}="{i}"' for i in range(6))
    second = " ".join(f'a{i}="{i}"' for i in range(6, 12))
    (record,) = joined(call(), line("EXECVE", first), line("EXECVE", second))
    assert record["args"] == [str(i) for i in range(12)]


def test_lines_of_two_events_may_be_mixed():
    first, second = joined(
        call(serial=1),
        call(serial=2),
        line("EXECVE", 'a0="b"', serial=2),
        line("EXECVE", 'a0="a"', serial=1),
    )
    assert (first["args"], second["args"]) == (["a"], ["b"])


def test_the_same_number_on_two_nodes_is_two_events():
    first, second = joined(
        call(node="web01"),
        call(node="web02"),
        line("EXECVE", 'a0="b"', node="web02"),
        line("EXECVE", 'a0="a"', node="web01"),
    )
    assert [(r["node"], r["args"]) for r in (first, second)] == [("web01", ["a"]), ("web02", ["b"])]


def test_an_end_of_event_hands_it_over_at_once():
    joiner = Joiner(Broken())
    assert not list(joiner.add(call()))
    assert not list(joiner.add(line("EXECVE", 'a0="a"')))
    assert len(list(joiner.add(line("EOE", "")))) == 1


def test_few_events_wait_at_a_time():
    joiner = Joiner(Broken())
    ready = [r for i in range(3 * OPEN_EVENTS) for r in joiner.add(call(serial=i))]
    assert len(ready) == 2 * OPEN_EVENTS


def test_an_enriched_log_has_names():
    rest = CALL.format(call="59", a2="0") + END + '\x1dARCH=x86_64 SYSCALL=execve UID="deploy"'
    (record,) = joined(line("SYSCALL", rest), line("EXECVE", 'a0="id"'))
    assert (record["audit_event"], record["UID"]) == ("execve", "deploy")


def test_the_title_stands_in_for_lost_arguments():
    (record,) = joined(call(), line("PROCTITLE", "proctitle=6C73002D6C"))
    assert (record["args"], record["proctitle"]) == ([], "ls -l")


def address(family: int, port: int, raw: bytes) -> str:
    filler = bytes(4) if family == 10 else b""
    return (struct.pack("<H", family) + struct.pack(">H", port) + filler + raw).hex().upper()


@pytest.mark.parametrize(
    ("saddr", "peer"),
    [
        (address(2, 443, socket.inet_aton("198.51.100.7")), ("198.51.100.7", "443")),
        (address(10, 80, socket.inet_pton(socket.AF_INET6, "2001:db8::7")), ("2001:db8::7", "80")),
        (address(2, 0, socket.inet_aton("198.51.100.7")), None),
        ("01002F72756E2F736F636B6574", None),
        ("0200", None),
        ("xyz", None),
    ],
)
def test_addresses(saddr, peer):
    (record,) = joined(call("42"), line("SOCKADDR", f"saddr={saddr}"))
    found = (record["address"], record["port"]) if record["audit_event"] == "connect" else None
    assert found == peer


@pytest.mark.parametrize(
    ("number", "flags", "path", "changed"),
    [
        ("257", "241", 'name="x" nametype=CREATE', ["/etc/x"]),
        ("257", "80000", 'name="x" nametype=NORMAL', []),
        ("257", "80001", 'name="x" nametype=NORMAL', ["/etc/x"]),
        ("82", "0", 'name="/a/b" nametype=DELETE', ["/a/b"]),
        ("257", "241", 'name="/etc" nametype=PARENT', []),
        ("90", "0", 'name="x" nametype=NORMAL', []),
    ],
)
def test_files_that_are_changed(number, flags, path, changed):
    records = joined(call(number, flags), line("CWD", 'cwd="/etc"'), line("PATH", path))
    assert [r["path"] for r in records if r["audit_event"] == "path"] == changed


def test_a_line_that_is_no_record_is_counted():
    broken = Broken()
    assert not list(Joiner(broken).add("Nov 22 web01 kernel: out of memory\n"))
    assert not list(Joiner(broken).add("----\n"))
    assert broken.count == 1
