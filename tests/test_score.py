"""Every point of a score: noisy-or, repeats, groups, allowlist, prevalence, bands."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from engine import START, completed, run, tree_rows
from installer_trees.catalogue import Catalogue, load
from installer_trees.entries import ALLOWANCE_COLUMNS, ROOT_COLUMNS, SIGNAL_COLUMNS
from installer_trees.fingerprint import normalized
from installer_trees.memo import MEMO_CHARS
from installer_trees.model import Settings
from installer_trees.signals import CACHED_KINS, Matcher
from test_catalogue import ALLOWANCE, ROOT, SIGNAL, lines


def catalogue(*changes: dict[str, str], allowlist: tuple[dict[str, str], ...] = ()) -> Catalogue:
    """Return a catalogue of signals TST001, TST002, ... that differ from `SIGNAL` as told."""
    rows = [{**SIGNAL, "signal_id": f"TST{i:03}", **c} for i, c in enumerate(changes, 1)]
    loaded = load(
        lines(ROOT_COLUMNS, ROOT),
        lines(SIGNAL_COLUMNS, *rows),
        lines(ALLOWANCE_COLUMNS, *allowlist),
    )
    assert loaded.problems == []
    return loaded


def install(*commands: str, **top: Any) -> list[dict[str, Any]]:
    """Return a dpkg run with direct children."""
    children = [{"process": command, "parent": 0} for command in commands]
    return completed([{"process": "dpkg -i a.deb", **top}, *children])


def row(events: list[dict[str, Any]], knowledge: Catalogue, **options: Any) -> dict[str, Any]:
    (only,) = tree_rows(events, knowledge, **options)
    return only


def test_a_tree_without_signals_is_still_a_row() -> None:
    found = row(install("ls"), catalogue({}))
    assert (found["installer_score"], found["installer_severity"]) == (0, "informational")
    assert found["signal"] == []
    assert found["risk_message"].endswith(": nothing suspicious among 2 processes.")
    alone = row(install(), catalogue({}))
    assert alone["risk_message"].endswith(": nothing suspicious among 1 process.")


def test_distinct_signals_combine_as_noisy_or() -> None:
    knowledge = catalogue({"weight": "30"}, {"weight": "50", "pattern": "^curl$"})
    found = row(install("sh", "curl x"), knowledge)
    assert found["installer_score"] == 65
    assert found["signal"] == ["TST002", "TST001"]
    detail = json.loads(found["score_json"])
    assert [s["points"] for s in detail["signals"]] == [50, 15]
    assert detail["exact"] == sum(s["points"] for s in detail["signals"])


def test_context_adds_up_to_a_bound() -> None:
    commands = ["c0", "c1", "c2", "c3", "c4", "c5"]
    weak = [{"weight": "15", "pattern": f"^{name}$"} for name in commands]
    found = row(install(*commands), catalogue(*weak))
    assert found["installer_score"] == 20, "not 62, as six independent signs would make"
    strong = row(install("sh", *commands), catalogue({"weight": "50"}, *weak))
    assert strong["installer_score"] == 60
    detail = json.loads(strong["score_json"])
    assert detail["exact"] == pytest.approx(sum(s["points"] for s in detail["signals"]))


@pytest.mark.parametrize(
    ("weights", "score"),
    [(("45",), 39), (("49", "15"), 39), (("50",), 50), (("45", "20"), 56), (("30",), 30)],
    ids=["alone", "with context", "strong", "with a second sign", "weak"],
)
def test_one_sign_alone_stays_below_medium(weights: tuple[str, ...], score: int) -> None:
    commands = [f"c{i}" for i in range(len(weights))]
    signals = [{"weight": w, "pattern": f"^{c}$"} for w, c in zip(weights, commands)]
    found = row(install(*commands), catalogue(*signals))
    assert found["installer_score"] == score
    detail = json.loads(found["score_json"])
    assert detail["exact"] == pytest.approx(sum(s["points"] for s in detail["signals"]))


@pytest.mark.parametrize(
    ("family", "score"),
    [
        ("any", 60),
        ("any deb:30", 30),
        ("any deb:90", 60),
        ("any rpm:30", 60),
        ("deb:30 rpm", 30),
        ("any deb:0", 0),
        ("rpm deb:0", 0),
        ("rpm", 0),
    ],
)
def test_a_signal_is_worth_no_more_than_its_family_lets_it(family: str, score: int) -> None:
    found = row(install("sh"), catalogue({"weight": "60", "family": family}))
    assert found["installer_score"] == score
    assert found["signal"] == (["TST001"] if score else [])


def test_below_installers_of_two_families_the_higher_bound_counts() -> None:
    (signal,) = catalogue({"weight": "60", "family": "any deb:45 make:20"}).signals
    assert [signal.weight_in(frozenset(f)) for f in (("deb", "make"), ("make",))] == [45, 20]
    assert [signal.weight_in(frozenset(f)) for f in (("make", "rpm"), ())] == [60, 60]
    (signal,) = catalogue({"weight": "60", "family": "deb:45 make"}).signals
    assert [signal.weight_in(frozenset(f)) for f in (("deb", "rpm"), ("rpm",), ())] == [45, 0, 0]


def test_in_a_group_what_weighs_most_in_this_family_wins() -> None:
    knowledge = catalogue(
        {"group": "g", "weight": "60", "family": "any deb:20"},
        {"group": "g", "weight": "30", "field": "process", "pattern": "sh -c"},
    )
    assert row(install("sh -c x"), knowledge)["signal"] == ["TST002"]


@pytest.mark.parametrize(("times", "score"), [(1, 30), (2, 32), (3, 33), (5, 36), (50, 36)])
def test_repeats_gain_at_most_a_fifth(times: int, score: int) -> None:
    assert row(install(*["sh"] * times), catalogue({}))["installer_score"] == score


def test_one_group_counts_once_a_process_and_the_strongest_wins() -> None:
    knowledge = catalogue(
        {"group": "g", "weight": "20"},
        {"group": "g", "weight": "40", "field": "process", "pattern": "sh -c"},
        {"group": "other", "weight": "10", "field": "process", "pattern": "sh"},
    )
    assert row(install("sh -c x"), knowledge)["signal"] == ["TST002", "TST003"]
    assert row(install("sh -c x", "sh y"), knowledge)["signal"] == ["TST002", "TST001", "TST003"]


@pytest.mark.parametrize(
    ("scope", "matched"),
    [
        ("root", ["dpkg"]),
        ("child", ["a", "dpkg", "d"]),
        ("descendant", ["a", "b", "dpkg", "d"]),
        ("any", ["dpkg", "a", "b", "dpkg", "d"]),
    ],
)
def test_scopes(scope: str, matched: list[str]) -> None:
    """dpkg -> a -> b, and dpkg -> a -> (nested) dpkg -> d."""
    events = completed(
        [
            {"process": "dpkg -i a.deb"},
            {"process": "a", "parent": 0},
            {"process": "b", "parent": 1},
            {"process": "dpkg -i b.deb", "parent": 0},
            {"process": "d", "parent": 3},
        ]
    )
    knowledge = catalogue({"scope": scope, "pattern": "."})
    pipeline, kept = run(events, knowledge)
    nodes = pipeline._tree(kept[0]).nodes
    names = [nodes[m.node].process.process_name for m in kept[0].score.reasons[0].matches]
    assert sorted(set(names)) == sorted(set(matched))
    assert len(names) == {"root": 2, "child": 3, "descendant": 4, "any": 5}[scope]


def test_a_family_is_that_of_any_installer_above_and_for_a_root_its_own() -> None:
    events = install("sh")
    assert row(events, catalogue({"family": "deb rpm"}))["signal"] == ["TST001"]
    assert row(events, catalogue({"family": "rpm"}))["signal"] == []
    root = {"scope": "root", "pattern": "dpkg"}
    assert row(events, catalogue({**root, "family": "deb"}))["signal"] == ["TST001"]
    assert row(events, catalogue({**root, "family": "msi"}))["signal"] == []


def test_the_operating_system_is_that_of_the_tree() -> None:
    assert row(install("sh"), catalogue({"os": "windows"}))["signal"] == []
    assert row(install("sh"), catalogue({"os": "windows linux"}))["signal"] == ["TST001"]


@pytest.mark.parametrize(
    ("conditions", "holds"),
    [
        ("process ~ hello", True),
        ("process !~ hello", False),
        ("user ~ ^nobody$", False),
        ("original_file_name ~ .", False),
        ("original_file_name !~ .", True),
        ("parent_process_name ~ ^dpkg$", True),
        ("ancestor.process ~ ^dpkg -i a", True),
        ("ancestor.process ~ hello", False),
        ("ancestor.process !~ zzz", True),
        ("sibling.process_name ~ ^curl$", True),
        ("sibling.process_name ~ ^sh$", False),
        ("child.process_name ~ ^id$", True),
        ("child.process_name !~ ^id$", False),
        ("signal TST002", True),
        ("signal TST003|TST002", True),
        ("signal TST003", False),
        ("!signal TST003", True),
        ("tree_signal TST003", True),
        ("!tree_signal TST003", False),
        ("process ~ hello && sibling.process_name ~ ^curl$ && !signal TST003", True),
        ("process ~ hello && sibling.process_name ~ ^wget$", False),
    ],
)
def test_conditions(conditions: str, holds: bool) -> None:
    events = completed(
        [
            {"process": "dpkg -i a.deb"},
            {"process": "sh -c hello", "parent": 0},
            {"process": "curl x", "parent": 0},
            {"process": "id", "parent": 1},
        ]
    )
    knowledge = catalogue(
        {"conditions": conditions},
        {"field": "process", "pattern": "hello"},
        {"pattern": "^curl$"},
    )
    assert ("TST001" in row(events, knowledge)["signal"]) == holds


def test_distinct_texts_are_counted_under_one_parent_or_in_the_tree() -> None:
    few = {"pattern": "^(?:id|ps|who)$", "min_distinct": "3"}
    by_parent = catalogue({**few, "distinct_within": "parent"})
    by_tree = catalogue({**few, "distinct_within": "tree"})
    assert row(install("id", "id", "ps"), by_tree)["signal"] == []
    together = row(install("id", "ps", "who"), by_parent)
    assert together["signal"] == ["TST001"]
    assert "`id, ps, who`" in together["signal_detail"][0]
    apart = completed(
        [
            {"process": "dpkg -i a.deb"},
            {"process": "id", "parent": 0},
            {"process": "ps", "parent": 0},
            {"process": "bash", "parent": 0},
            {"process": "who", "parent": 3},
        ]
    )
    assert row(apart, by_parent)["signal"] == []
    assert row(apart, by_tree)["signal"] == ["TST001"]


def test_an_event_counts_for_the_tree_of_its_process() -> None:
    public = {"kind": "network", "field": "dest_ip_type", "pattern": "^public$"}
    knowledge = catalogue({**public, "conditions": "process_name ~ ^sh$ && dest_port ~ ^443$"})
    events = install("sh", "curl x")
    contact = {"process_id": 1001, "dest": "host1", "dest_ip": "8.8.8.8", "dest_port": 443,
               "_time": START + 1}  # fmt: skip
    assert row([*events, contact], knowledge)["signal"] == ["TST001"]
    assert row([*events, {**contact, "dest_ip": "10.0.0.1"}], knowledge)["signal"] == []
    assert row([*events, {**contact, "process_id": 1002}], knowledge)["signal"] == []
    assert row([*events, {**contact, "dest_port": 80}], knowledge)["signal"] == []


def test_an_event_that_arrived_several_times_counts_once() -> None:
    knowledge = catalogue({"kind": "network", "field": "dest_ip_type", "pattern": "^public$"})
    contact = {"process_id": 1001, "dest": "host1", "dest_ip": "8.8.8.8", "dest_port": 443,
               "_time": START + 1}  # fmt: skip
    once = row([*install("sh"), contact], knowledge)
    assert once["installer_score"] == 30
    assert row([*install("sh"), *[contact] * 5], knowledge) == once
    assert row([*install("sh"), contact, {**contact, "_time": START + 2}], knowledge) == once
    for other in ({"_time": START + 4}, {"dest_ip": "8.8.4.4"}, {"dest_port": 80}):
        twice = row([*install("sh"), contact, {**contact, **other}], knowledge)
        assert twice["installer_score"] == 32
        assert " x2 " in twice["signal_detail"][0]


def test_tree_scope_reads_the_size_of_the_tree() -> None:
    deep = catalogue({"scope": "tree", "field": "tree_depth", "pattern": r"^[1-9]\d*$"})
    assert row(install("sh"), deep)["signal"] == ["TST001"]
    assert row(install(), deep)["signal"] == []


PUPPET = {"parent_process_path": "/opt/puppetlabs/bin/puppet"}


def test_an_allowance_lowers_within_its_bound_and_is_shown() -> None:
    knowledge = catalogue({"weight": "80"}, allowlist=(ALLOWANCE,))
    plain = row(install("sh"), knowledge)
    assert (plain["installer_score"], plain["allowlist"]) == (80, [])
    allowed = row(install("sh", **PUPPET), knowledge)
    assert (allowed["installer_score"], allowed["allowlist"]) == (40, ["AL01 Puppet (-50%)"])
    assert allowed["signal_detail"][0].endswith("(lowered by AL01)")
    bounded = row(install("sh", **PUPPET), knowledge, settings=Settings(allowlist_bound=10))
    assert bounded["installer_score"] == 72
    none = row(install("sh", **PUPPET), knowledge, settings=Settings(allowlist_bound=0))
    assert (none["installer_score"], none["allowlist"]) == (80, [])


def test_an_allowance_does_not_make_a_strong_sign_a_lone_one() -> None:
    half = catalogue({"weight": "90"}, allowlist=(ALLOWANCE,))
    assert row(install("sh", **PUPPET), half)["installer_score"] == 45


def test_an_allowance_that_covers_nothing_is_not_shown() -> None:
    other = catalogue({"weight": "80"}, allowlist=({**ALLOWANCE, "signals": "TST002"},))
    found = row(install("sh", **PUPPET), other)
    assert (found["installer_score"], found["allowlist"]) == (80, [])


@pytest.mark.parametrize(("expires", "score"), [("2023-11-14", 40), ("2023-11-13", 80)])
def test_an_allowance_expires_by_the_day_of_the_tree(expires: str, score: int) -> None:
    knowledge = catalogue({"weight": "80"}, allowlist=({**ALLOWANCE, "expires": expires},))
    assert row(install("sh", **PUPPET), knowledge)["installer_score"] == score


@pytest.mark.parametrize(
    "time",
    [START * 1_000, START * 1_000_000, START / 1_000, 0, -1, "", "yesterday", "nan", "1e300"],
)
def test_an_allowance_with_a_date_needs_a_time_that_makes_sense(time: Any) -> None:
    events = [{**event, "_time": time} for event in install("sh", **PUPPET)]
    dated = catalogue({"weight": "80"}, allowlist=({**ALLOWANCE, "expires": "2999-12-31"},))
    assert row(events, dated)["installer_score"] == 80
    for_ever = catalogue({"weight": "80"}, allowlist=({**ALLOWANCE, "expires": ""},))
    assert row(events, for_ever)["installer_score"] == 40


def test_a_process_allowance_covers_that_process_and_a_subtree_all_below() -> None:
    entry = {**ALLOWANCE, "field": "process", "pattern": "^sh -c known$"}
    events = completed(
        [
            {"process": "dpkg -i a.deb"},
            {"process": "sh -c known", "parent": 0},
            {"process": "curl x", "parent": 1},
        ]
    )
    signal = {"weight": "80", "pattern": "^curl$"}
    process = catalogue(signal, allowlist=({**entry, "scope": "process"},))
    subtree = catalogue(signal, allowlist=({**entry, "scope": "subtree"},))
    assert row(events, process)["installer_score"] == 80
    assert row(events, subtree)["installer_score"] == 40
    elsewhere = [*events, {**events[2], "process_id": 77, "parent_process_id": 1000}]
    elsewhere[-1].pop("parent_process"), elsewhere[-1].pop("parent_process_name")
    assert row(elsewhere, subtree)["installer_score"] == 84


def test_what_asked_for_an_install_is_known_from_its_own_row() -> None:
    """Event 4688 says the name of a parent and nothing more; the parent itself has a row too."""
    above = {"process": "/bin/sh -c /opt/contoso/deploy.sh", "process_path": "/usr/bin/dash"}
    events = completed([above, {"process": "dpkg -i a.deb", "parent": 0}])
    for field in ("parent_process", "parent_process_path"):
        events[1].pop(field)
    knowledge = catalogue({"field": "parent_process", "scope": "root", "pattern": "deploy"})
    found = row(events, knowledge)
    assert found["signal"] == ["TST001"]
    assert found["parent_process"] == above["process"]
    assert found["process_count"] == 1, "what asked is no part of the install"
    events[0]["process_id"] = 77
    assert row(events, knowledge)["signal"] == []


def test_prevalence_lowers_within_its_bound_and_never_hides() -> None:
    def on(hosts: int, bound: int = 20, weight: str = "80") -> tuple[int, set[int]]:
        events = [
            {**event, "dest": f"host{n}", "process": event["process"].replace("a.deb", f"a{n}.deb")}
            for n in range(hosts)
            for event in install("sh", process="dpkg -i /home/u/a.deb")
        ]
        for event in events:
            event.pop("parent_process", None)
        rows = tree_rows(
            events, catalogue({"weight": weight}), settings=Settings(prevalence_bound=bound)
        )
        assert len(rows) == hosts
        assert {r["dest_prevalence"] for r in rows} == {hosts}
        return rows[0]["installer_score"], {r["installer_score"] for r in rows}

    assert on(1) == (80, {80})
    assert on(7) == (72, {72})
    assert on(50) == on(60) == (64, {64})
    assert on(60, bound=0) == (80, {80})
    assert on(60, bound=50) == on(60, weight="66") == (60, {60}), "what is high stays high"
    assert on(60, weight="55") == (44, {44})


def test_the_points_of_a_row_add_up_with_prevalence() -> None:
    events = [{**event, "dest": f"host{n}"} for n in range(50) for event in install("sh", "curl x")]
    knowledge = catalogue({"weight": "30"}, {"weight": "50", "pattern": "^curl$"})
    found = tree_rows(events, knowledge)[0]
    detail = json.loads(found["score_json"])
    points = sum(s["points"] for s in detail["signals"]) + detail["prevalence"]["points"]
    assert points == pytest.approx(detail["exact"], abs=0.02)
    assert found["signal_detail"][-1] == "prevalence -5.0: the same tree on 50 hosts"


@pytest.mark.parametrize(
    ("score", "severity"),
    [(0, "informational"), (19, "informational"), (20, "low"), (39, "low"), (40, "medium"),
     (59, "medium"), (60, "high"), (79, "high"), (80, "critical"), (100, "critical")],
)  # fmt: skip
def test_severity_bands(score: int, severity: str) -> None:
    assert Settings().severity(score) == severity


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('msiexec /i "C:\\Users\\ann\\a-1.2.3.msi"', 'MSIEXEC  /i "C:\\Users\\bob\\a-10.0.msi"'),
        ("x {11111111-2222-3333-4444-555555555555}", "x {AAAAAAAA-2222-3333-4444-555555555555}"),
        ("C:\\Windows\\Installer\\MSI4FFD.tmp", "C:\\Windows\\Installer\\MSIA1.tmp"),
        ("/bin/sh /var/tmp/rpm-tmp.PMKPT6 1", "/bin/sh /var/tmp/rpm-tmp.al071n 2"),
        ("curl 10.0.0.1/0badcafe1234", "curl 10.0.0.99/deadbeef9876"),
    ],
)
def test_what_differs_by_host_or_release_is_normalized(one: str, other: str) -> None:
    assert normalized(one) == normalized(other)


def test_the_name_of_the_host_is_normalized_as_a_word() -> None:
    events = []
    for host in ("web01", "i", "db-9.corp.example"):
        command = f"dpkg -i agent.deb --name {host}"
        events += [{**event, "dest": host} for event in install("sh", process=command)]
    for event in events:
        event.pop("parent_process", None)
    rows = tree_rows(events, catalogue({}))
    assert [row["dest_prevalence"] for row in rows] == [3, 3, 3]


def test_what_differs_in_kind_is_not_normalized() -> None:
    assert normalized("curl https://a.example/x") != normalized("curl https://b.example/x")


def test_what_a_matcher_remembers_is_bounded() -> None:
    """However many combinations of families there are, and however long the values."""
    matcher = Matcher(catalogue({"field": "process", "pattern": "^sh$"}))
    kinds = [f"family{n}" for n in range(3 * CACHED_KINS)]
    for n, kind in enumerate(kinds):
        pipeline, kept = run(install("sh " + str(n) + "x" * 200_000), catalogue({}))
        tree = pipeline._tree(kept[0])
        assert tree.top.root is not None
        top = replace(tree.top, root=replace(tree.top.root, family=kind))
        matcher.matches(replace(tree, nodes=(top, *tree.nodes[1:])))
        assert len(matcher._kins) <= CACHED_KINS
        assert sum(len(key[-1]) for key in matcher._found) <= MEMO_CHARS + 1_000_000
    assert len(matcher._by_field) < 10 * CACHED_KINS
