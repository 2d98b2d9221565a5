"""Rows as Splunk sends them: names, kinds, missing values, broken text."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from installer_trees.addresses import address_type
from installer_trees.layout import required_fields
from installer_trees.model import Settings
from installer_trees.pipeline import Pipeline
from installer_trees.rows import EVENT_KINDS, KIND, RowStore
from test_score import catalogue

HEADER = "_time,dest,process_id,parent_process_id,process_name,process"
DPKG = "1700000000,host1,7,1,dpkg,dpkg -i a.deb"
SHELL = "1700000001,host1,8,7,sh,sh -c x"


def pipeline_of(*chunks: bytes, settings: Settings | None = None) -> Pipeline:
    pipeline = Pipeline(catalogue({}), settings or Settings())
    for chunk in chunks:
        pipeline.add(chunk)
    return pipeline


def warnings_of(pipeline: Pipeline) -> list[str]:
    return [text for level, text in pipeline.messages() if level == "WARN"]


def rows_of(*chunks: bytes) -> list[dict[str, Any]]:
    pipeline = pipeline_of(*chunks)
    return list(pipeline.tree_rows(pipeline.trees()))


def chunk(*lines: str, end: str = "\n") -> bytes:
    return (end.join(lines) + end).encode()


GOOD = rows_of(chunk(HEADER, DPKG, SHELL))


BLOCKS = chunk(
    HEADER,
    DPKG,
    "",
    "1700000002,host1,9,7,sh,\"sh -c 'a",
    "",
    "b'\"",
    SHELL + '"',
    "1,h,,,x,",
    SHELL,
)


def contents(store: RowStore) -> list[Any]:
    """Return all that is kept of rows, and the rows as they are read again."""
    columns = (store.time, store.own_pid, store.parent_pid, store.own_command, store.flags)
    return [*map(list, columns), [store.values(row)[1] for row in range(len(store))]]


@given(st.sets(st.integers(1, BLOCKS.count(b"\n") - 1)))
@settings(deadline=None)
def test_a_chunk_in_blocks_is_the_chunk(cuts: set[int]) -> None:
    """Whatever lines the blocks end with: in the midst of a row, or before a blank line."""
    lines = BLOCKS.splitlines(True)
    places = [0, *sorted(cuts), len(lines)]
    blocks = [b"".join(lines[a:b]) for a, b in zip(places, places[1:])]
    whole, parts = (RowStore(catalogue({})) for _ in range(2))
    whole.add(BLOCKS)
    parts.add(blocks[0], blocks[1:])
    assert contents(parts) == contents(whole)
    assert parts.counters == whole.counters
    assert len(whole) == 4


def test_a_row_over_lines_holds_no_more_than_its_blocks(tmp_path: Path) -> None:
    """Such rows are ordinary, PowerShell's above all, and a chunk may have fifty megabytes."""
    peaks = []
    for line in ("sh -c 'a b'", "sh -c 'a\nb'"):
        first = chunk(HEADER, DPKG, f'1700000002,host1,9,7,sh,"{line}"')
        more = (chunk(*[SHELL + "x" * 150] * 500) for _ in range(40))
        store = RowStore(catalogue({}), str(tmp_path))
        tracemalloc.start()
        try:
            store.add(first, more)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        assert len(store) == 2 + 500 * 40
        store.close()
    assert peaks[1] < 1.3 * peaks[0]


def test_a_good_chunk_scores() -> None:
    assert [(row["installer_score"], row["process_count"]) for row in GOOD] == [(30, 2)]


@pytest.mark.parametrize(
    "chunks",
    [
        [chunk(HEADER, DPKG, SHELL, end="\r\n")],
        [chunk(HEADER, DPKG, "", SHELL, "")],
        [chunk(HEADER, DPKG, SHELL).rstrip(b"\n")],
        [chunk(HEADER), chunk(HEADER, SHELL), chunk(HEADER), chunk(HEADER, DPKG), b""],
        [chunk(",".join("Processes." + c if c != "_time" else c for c in HEADER.split(",")),
               DPKG, SHELL)],
        [chunk(HEADER.replace("dest", "host"), DPKG, SHELL)],
        [chunk(HEADER + ",__mv_process", DPKG + ",", SHELL + ",$sh -c x$;$second$")],
        [chunk(HEADER, DPKG), chunk("process," + HEADER.replace(",process,", ",p,"),
                                    "sh -c x," + SHELL)],
    ],
    ids=["crlf", "blank lines", "no newline at the end", "one row a chunk", "prefix", "host",
         "multivalue", "other columns in each chunk"],
)  # fmt: skip
def test_the_same_rows_in_other_clothes(chunks: list[bytes]) -> None:
    assert rows_of(*chunks) == GOOD


def test_quoted_newlines_commas_and_quotes() -> None:
    line = '"1700000001",host1,8,7,sh,"sh -c ""a,\nb"""'
    (row,) = rows_of(chunk(HEADER, DPKG, line, "1700000002,host1,9,8,ls,ls"))
    assert row["tree"][1:] == ['└─ sh -c "a, b" [8]  <-- TST001', "   └─ ls [9]"]


@pytest.mark.parametrize("missing", ["", "-", "unknown", "null", "Unknown"])
def test_what_counts_as_missing(missing: str) -> None:
    line = f"1700000001,{missing},8,7,sh,sh -c x"
    pipeline = pipeline_of(chunk(HEADER, DPKG, line, f"1700000001,h,{missing},7,sh,x",
                                 f"1700000001,h,8,7,{missing},{missing}"))  # fmt: skip
    counters = pipeline.store.counters
    assert (counters.no_dest, counters.no_identity, counters.no_process) == (1, 1, 1)
    assert warnings_of(pipeline) == [
        "1 of 4 rows were not used: they have no host (dest).",
        "1 of 4 rows were not used: they name no process (process_name or process).",
        "1 of 4 rows were not used: they have neither process_id nor process_guid.",
    ]


def test_the_zero_guid_is_no_guid() -> None:
    zero = "{00000000-0000-0000-0000-000000000000}"
    header = HEADER + ",process_guid,parent_process_guid"
    rows = rows_of(chunk(header, f"{DPKG},{zero},{zero}", f"{SHELL},{zero},{zero}"))
    assert [(row["process_count"], row["link_method"]) for row in rows] == [(2, ["pid"])]


def test_hexadecimal_process_ids_are_the_same_ids() -> None:
    (row,) = rows_of(chunk(HEADER, DPKG, "1700000001,host1,0x8,0x7,sh,sh"))
    assert row["process_count"] == 2


def test_a_name_is_taken_from_the_path_or_the_command_line() -> None:
    header = "_time,dest,process_id,parent_process_id,process,process_path"
    (row,) = rows_of(
        chunk(
            header,
            "1700000000,host1,7,1,/usr/bin/dpkg -i a.deb,",
            '1700000001,host1,8,7,"""C:\\odd dir\\sh"" -c x",',
            "1700000002,host1,9,7,-c y,/bin/sh",
        )
    )
    assert row["process_name"] == "dpkg"
    assert [line.endswith("<-- TST001") for line in row["tree"]] == [False, True, True]


@pytest.mark.parametrize(
    "when", ["", "yesterday", "nan", "inf", "-inf", "1e999", "-1", "1700000000000"]
)
def test_a_bad_time_is_kept_and_counted(when: str) -> None:
    pipeline = pipeline_of(chunk(HEADER, DPKG, SHELL.replace("1700000001", when)))
    (row,) = pipeline.tree_rows(pipeline.trees())
    assert row["process_count"] == 2
    assert warnings_of(pipeline) == ["1 rows have no usable _time (epoch seconds); they are last."]


def test_rows_of_the_wrong_width_are_filled_or_cut_and_counted() -> None:
    pipeline = pipeline_of(chunk(HEADER, DPKG + ",more", "1700000001,host1,8,7,sh"))
    (row,) = pipeline.tree_rows(pipeline.trees())
    assert row["process_count"] == 2
    assert pipeline.messages()[0][1].startswith("2 rows had more or fewer cells")


def test_nul_and_bytes_that_are_not_utf8_are_replaced_and_counted() -> None:
    pipeline = pipeline_of(chunk(HEADER, DPKG, SHELL).replace(b"-c x", b"-c \x00\xff\xfe"))
    (row,) = pipeline.tree_rows(pipeline.trees())
    assert row["process_count"] == 2
    assert warnings_of(pipeline) == [
        "1 NUL bytes were replaced in the input.",
        "2 bytes that are not UTF-8 were replaced in the input.",
    ]


def test_a_lone_carriage_return_does_not_end_a_row() -> None:
    (row,) = rows_of(chunk(HEADER, DPKG, SHELL.replace("-c x", "-c\rx")))
    assert row["process_count"] == 2


def test_a_huge_field_is_read_and_what_was_not_searched_is_said() -> None:
    pipeline = pipeline_of(chunk(HEADER, DPKG, SHELL + "y" * 200_000))
    (row,) = pipeline.tree_rows(pipeline.trees())
    assert row["process_count"] == 2
    knowledge = catalogue({"field": "process", "pattern": "x"})
    other = Pipeline(knowledge, Settings())
    other.add(chunk(HEADER, DPKG, SHELL + "y" * 200_000))
    other.trees()
    assert warnings_of(other) == ["1 values were searched only in their first 32,767 characters."]


def test_rows_beyond_maxevents_are_left_out_and_counted() -> None:
    pipeline = pipeline_of(
        chunk(HEADER, DPKG), chunk(HEADER, SHELL, SHELL), settings=Settings(maxevents=2)
    )
    assert pipeline.store.counters.over_limit == 1
    assert pipeline.messages()[0][1].startswith("1 rows beyond maxevents=2 were left out;")
    assert pipeline.messages("{count} of {most}")[0] == ("WARN", "1 of 2")


def test_what_became_of_every_row_is_said() -> None:
    lines = [DPKG, SHELL, SHELL, "1700000009,host1,9,1,cron,cron", "1700000009,,9,1,cron,cron"]
    pipeline = pipeline_of(chunk(HEADER, *lines))
    said = (
        "Rows read: 5; in installer trees: 3; outside of them: 1; not used: 1. Installer trees: 1"
    )
    pipeline.trees(minscore=90)
    assert pipeline.messages()[-1] == ("INFO", said + "; with a score of at least 90: 0.")
    pipeline.health_rows()
    assert pipeline.messages()[-1] == ("INFO", said + ".")


def test_no_usable_columns_says_what_was_looked_for_and_found() -> None:
    pipeline = pipeline_of(chunk("_raw,index", "hello,main"))
    (message,) = pipeline.messages()
    assert pipeline.unusable() == message[1]
    assert message[0] == "WARN"
    assert "looked for dest, process_name or process, and process_id or process_guid" in message[1]
    assert message[1].endswith("found the columns: _raw, index.")
    for usable in (pipeline_of(chunk(HEADER)), pipeline_of(chunk(HEADER, DPKG))):
        assert usable.unusable() == ""


def test_what_makes_rows_events_is_named() -> None:
    rows = chunk("_time,dest,process_id,process_name,process,url", "1,h,7,dpkg,dpkg -i a.deb,/x")
    (message,) = pipeline_of(rows).messages()
    assert "(1 are network, file, registry or service events by what is in url)" in message[1]


NAMES = "_time,dest,process_id,process_name,process,parent_process_id,parent_process_name"


@pytest.mark.parametrize(
    ("name", "above"),
    [("/usr/bin/sh", "/usr/bin/dpkg"), ("sh ", " dpkg"), (r"C:\\bin\\sh", r"\\Device\\x\\dpkg")],
)
def test_a_path_where_the_name_of_a_program_belongs_is_cut(name: str, above: str) -> None:
    rows = f"1,h,7,{above},dpkg -i a.deb,,", f"2,h,8,{name},sh -c id,7,{above}"
    pipeline = pipeline_of(chunk(NAMES, *rows))
    (tree,) = pipeline.trees()
    nodes = pipeline._tree(tree).nodes
    assert [node.process.process_name for node in nodes] == ["dpkg", "sh"]
    assert nodes[1].process.parent_process_name == "dpkg"


@pytest.mark.parametrize("pid", [" 7", "7.0", "0x7", "7 "])
def test_one_id_in_several_forms_is_one(pid: str) -> None:
    rows = f"1,h,{pid},dpkg,dpkg -i a.deb,,", "2,h ,8,sh,sh -c id,7,dpkg"
    pipeline = pipeline_of(chunk(NAMES, *rows))
    (tree,) = pipeline.trees()
    assert len(tree.branch.members) == 2


WORDS_FOR_NO_GUID = ["0", "N/A", "n/a", "None", "NONE", "nan", "(null)", "NULL", "-1", "0x0"]


@pytest.mark.parametrize("own", ["", "{{A{}}}"])
@pytest.mark.parametrize("guid", WORDS_FOR_NO_GUID)
def test_what_stands_for_no_guid_is_none(guid: str, own: str) -> None:
    script = "/bin/sh /var/lib/dpkg/info/a.postinst configure"
    processes = (
        (6, 1, "bash", "bash", "init"),
        (7, 6, "dpkg", "dpkg -i a.deb", "bash"),
        (8, 7, "dash", script, "dpkg -i a.deb"),
        (9, 8, "bash", "bash -c id", script),
        (20, 1, "nginx", "nginx: worker", "init"),
    )
    rows = (
        f"{time},h,{pid},{name},{line},{parent},{above.split()[0]},{above},"
        f"{own.format(pid) or guid},{guid}"
        for time, (pid, parent, name, line, above) in enumerate(processes)
    )
    names = NAMES + ",parent_process,process_guid,parent_process_guid"
    (tree,) = pipeline_of(chunk(names, *rows)).trees()
    assert len(tree.branch.members) == 3
    assert [link for _, link in tree.branch.parent.values()] == ["", "pid", "pid"]


@pytest.mark.parametrize("guid", ["None", "NONE", "nan", "0", "-"])
def test_an_event_without_a_guid_is_found_by_its_process_id(guid: str) -> None:
    process = f"1,h,7,dpkg,dpkg -i a.deb,,,{{A}},{guid},"
    pipeline = pipeline_of(
        chunk(
            NAMES + ",process_guid,parent_process_guid,dest_ip",
            process,
            f"2,h,7,dpkg,,,,{guid},,203.0.113.7",
        )
    )
    pipeline.trees()
    assert pipeline.store.counters.unowned_events == 0
    assert pipeline.store.guid_forms == {"{"}


def test_a_parent_that_never_arrived_has_the_columns_of_the_input() -> None:
    names = NAMES.replace(",", ",Processes.").replace("Processes.dest", "Processes.dest", 1)
    row = "2,h,8,sh,sh -c id,7,dpkg,dpkg -i a.deb"
    pipeline = pipeline_of(chunk(names + ",Processes.parent_process", row))
    rows = list(pipeline.process_rows(pipeline.trees()))
    assert rows[0]["Processes.process"] == "dpkg -i a.deb"
    assert rows[0]["Processes.dest"] == "h"


def test_no_rows_at_all_is_no_message() -> None:
    assert pipeline_of(b"", chunk(HEADER)).messages() == []


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ({"dest_ip": "1.2.3.4", "dest_port": 53}, "network"),
        ({"url": "https://e.example"}, "network"),
        ({"dest_port": 53}, "network"),
        ({"file_path": "/etc/x", "action": "created"}, "file"),
        ({"registry_path": "HKLM\\x", "registry_value_data": "y"}, "registry"),
        ({"service_name": "x"}, "service"),
        ({"service_path": "C:\\x.exe"}, "service"),
        ({"process": "sh", "parent_process_name": "x", "dest_port": 53}, ""),
        ({"process_path": "/bin/sh", "file_path": "/bin/sh", "parent_process_name": "x"}, ""),
        ({"process_path": "/bin/sh", "file_path": "/etc/x", "parent_process_name": "x"}, "file"),
        (
            {
                "process_path": "/bin/sh",
                "file_path": "/bin/sh",
                "parent_process_name": "x",
                "action": "created",
            },
            "file",
        ),
    ],
)
def test_the_kind_of_a_row_is_told_by_its_fields(event: dict[str, Any], kind: str) -> None:
    store = RowStore(catalogue({}))
    names = ["_time", "dest", "process_id", "process_name", *event]
    store.add(chunk(",".join(names), ",".join(["1", "h", "7", "sh", *map(str, event.values())])))
    assert [("", *EVENT_KINDS)[flags & KIND] for flags in store.flags] == [kind]


def test_a_file_event_without_a_path_is_no_process() -> None:
    names = "_time,dest,process_id,process_name,process,file_path,action"
    pipeline = pipeline_of(chunk(names, "1,h,7,dpkg,dpkg -i a.deb,,created",
                                 "2,h,7,dpkg,dpkg -i a.deb,/etc/x,created"))  # fmt: skip
    assert pipeline.store.counters.no_target == 1
    assert pipeline.trees() == []


def test_every_field_is_asked_for_under_every_name() -> None:
    names = required_fields()
    assert len(names) == len(set(names))
    for name in (
        "dest",
        "_time",
        "Processes.process_guid",
        "All_Traffic.dest_ip",
        "host",
        "src",
        "All_Traffic.dvc",
        "Registry.registry_value_data",
        "Filesystem.file_path",
        "Services.service_path",
    ):
        assert name in names  # fmt: skip


def test_events_read_again_are_what_came() -> None:
    pipeline = pipeline_of(
        chunk(
            "_time,dest,process_id,process_name,process,Registry.registry_path,Registry.registry_value_data",
            "1,h,7,dpkg,dpkg -i a.deb,,",
            "2,h,7,dpkg,,HKCU\\Run,evil.exe",
        )
    )
    (kept,) = pipeline.trees()
    ((_, event),) = pipeline._tree(kept).events
    assert (event.kind, event.registry_path, event.registry_value_data) == (
        "registry",
        "HKCU\\Run",
        "evil.exe",
    )


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("8.8.8.8", "public"), ("203.0.113.9", "public"), ("2001:4860:4860::8888", "public"),
        ("10.1.2.3", "private"), ("172.31.0.1", "private"), ("192.168.1.1", "private"),
        ("fd00::1", "private"), ("127.0.0.1", "loopback"), ("::1", "loopback"),
        ("169.254.169.254", "link_local"), ("fe80::1%eth0", "link_local"),
        ("100.64.0.1", "cgnat"), ("100.128.0.1", "public"), ("224.0.0.1", "multicast"),
        ("::ffff:10.0.0.1", "private"), ("::ffff:8.8.8.8", "public"), ("0.0.0.0", "other"),
        ("255.255.255.255", "other"), ("host.example", "other"), ("", ""),
    ],
)  # fmt: skip
def test_address_types(address: str, kind: str) -> None:
    assert address_type(address) == kind


def test_multivalues_come_back_whole_in_output_processes() -> None:
    header = HEADER + ",tag,__mv_tag"
    pipeline = pipeline_of(chunk(header, DPKG + ",a,$a$;$b$$$", SHELL + ",,"))
    rows = list(pipeline.process_rows(pipeline.trees()))
    assert [row["tag"] for row in rows] == [["a", "b$"], ""]
