"""Entries of the configuration page over the shipped catalogue."""

from __future__ import annotations

import engine
import pytest
from installer_trees.catalogue import Catalogue, overlay
from installer_trees.health import expired
from installer_trees.model import Settings
from installer_trees.pipeline import SAID_PROBLEMS, Pipeline
from installer_trees.user_entries import OWN_SIGNAL, SHIPPED_ALLOWANCE, merged

SHIPPED = engine.shipped()
SIGNAL = {
    "action": "own",
    "title": "Our updater starts a shell",
    "os": "windows",
    "family": "msi,exe",
    "kind": "process",
    "scope": "descendant",
    "field": "process_name",
    "pattern": r"(?i)^updater\.exe$",
    "weight": "40",
    "mitre_technique_id": "T1218.007, T1059",
    "note": "Seen in the exercise of May.",
}
ALLOWANCE = {
    "action": "own",
    "title": "Our software distribution asks",
    "os": "windows",
    "family": "any",
    "scope": "requester",
    "field": "parent_process_path",
    "pattern": r"(?i)^c:\\tools\\deploy\.exe$",
    "signals": "*",
    "reduction": "30",
    "expires": "2030-01-31",
    "reason": "Installs what the administrators release.",
    "decided_by": "security operations",
}


def signals(catalogue: Catalogue) -> dict:
    return {signal.signal_id: signal for signal in catalogue.signals}


def allowances(catalogue: Catalogue) -> dict:
    return {allowance.allow_id: allowance for allowance in catalogue.allowances}


def test_without_entries_the_catalogue_is_the_shipped_one():
    same = merged(SHIPPED, {}, {})
    assert signals(same) == signals(SHIPPED)
    assert allowances(same) == allowances(SHIPPED)
    assert same.roots == SHIPPED.roots
    assert same.problems == []


def test_own_signal_is_added_as_it_was_written():
    changed = merged(SHIPPED, {"USR001": SIGNAL}, {})
    assert changed.problems == []
    own = signals(changed).pop("USR001")
    assert (own.title, own.weight, own.scope) == (SIGNAL["title"], 40, "descendant")
    assert own.families == {"msi", "exe"}
    assert own.systems == {"windows"}
    assert own.mitre_technique_id == ("T1218.007", "T1059")
    assert own.rationale == SIGNAL["note"]
    assert len(changed.signals) == len(SHIPPED.signals) + 1


def test_shipped_signal_gets_another_weight_or_is_switched_off_and_keeps_the_rest():
    entries = {"MSI001": {"action": "change", "weight": "7"}, "WIN006": {"action": "off"}}
    now, before = signals(merged(SHIPPED, entries, {})), signals(SHIPPED)
    assert now["MSI001"].weight == 7
    assert now["WIN006"].weight == 0
    for name in entries:
        assert now[name].pattern.pattern == before[name].pattern.pattern
        assert now[name].conditions == before[name].conditions


def test_own_allowlist_entry_is_added_and_a_shipped_one_changed_or_switched_off():
    entries = {
        "deploy": ALLOWANCE,
        "ALW001": {"action": "change", "reduction": "5"},
        "ALW002": {"action": "off", "reduction": "50"},
    }
    changed = merged(SHIPPED, {}, entries)
    assert changed.problems == []
    now = allowances(changed)
    assert now["deploy"].expires == "2030-01-31"
    assert (now["ALW001"].reduction, now["ALW002"].reduction) == (5, 0)


def test_disabled_entry_does_nothing_and_says_nothing():
    entries = {"USR001": {**SIGNAL, "disabled": "1"}, "MSI001": {"action": "off", "disabled": True}}
    assert signals(merged(SHIPPED, entries, {})) == signals(SHIPPED)


def test_what_if_file_goes_over_the_page():
    page = merged(SHIPPED, {"MSI001": {"action": "change", "weight": "7"}, "USR001": SIGNAL}, {})
    what_if = overlay(page, ["signal_id,weight\n", "MSI001,9\n", "USR001,1\n"], "my.csv")
    assert what_if.problems == []
    assert (signals(what_if)["MSI001"].weight, signals(what_if)["USR001"].weight) == (9, 1)


def test_own_signals_may_name_each_other_and_shipped_ones():
    entries = {
        "USR001": {**SIGNAL, "conditions": "tree_signal USR002|MSI001"},
        "USR002": SIGNAL,
    }
    assert merged(SHIPPED, entries, {}).problems == []


@pytest.mark.parametrize(
    ("name", "change", "field", "said"),
    [
        ("MSI001", {}, "name", "begin it with USR"),
        ("ABC001", {}, "name", "begin it with USR"),
        ("USR1", {}, "signal_id", "is not an id"),
        ("USR001", {"action": ""}, "action", "use one of own, change, off"),
        ("USR001", {"action": "delete"}, "action", "use one of own, change, off"),
        ("USR001", {"action": "change"}, "name", "no shipped signal has this id"),
        ("MSI999", {"action": "off"}, "name", "or has it any more"),
        ("MSI001", {"action": "change", "weight": "96"}, "weight", "from 0 to 95"),
        ("MSI001", {"action": "change", "weight": ""}, "weight", "from 0 to 95"),
        ("USR001", {"title": ""}, "title", "is empty"),
        ("USR001", {"family": "msi,rpmm"}, "family", "'rpmm' is not known"),
        ("USR001", {"os": "amiga"}, "os", "'amiga' is not known"),
        ("USR001", {"kind": "thread"}, "kind", "'thread' is not known"),
        ("USR001", {"scope": "parent"}, "scope", "'parent' is not known"),
        ("USR001", {"field": "dest_port"}, "field", "'dest_port' is not known"),
        ("USR001", {"kind": "network"}, "field", "use one of dest_ip"),
        ("USR001", {"pattern": ""}, "pattern", "is empty"),
        ("USR001", {"pattern": "(["}, "pattern", "is not a regular expression"),
        ("USR001", {"pattern": r"(\w+\s?)+x"}, "pattern", "takes too long"),
        ("USR001", {"pattern": "a{99999999999}"}, "pattern", "than Python can count; limit it"),
        ("USR001", {"pattern": "(" * 6_000}, "pattern", "nested too deeply; simplify it"),
        ("USR001", {"pattern": "(?:a" * 300 + ")+" * 300}, "pattern", "nested too deeply"),
        ("USR001", {"pattern": ".*" * 500}, "pattern", "too intricate; simplify it"),
        ("USR001", {"conditions": "process ~ a{99999999999}"}, "conditions", "than Python can"),
        ("USR001", {"conditions": "process ! x"}, "conditions", "cannot read"),
        ("USR001", {"conditions": r"process ~ \s+x"}, "conditions", "takes too long"),
        ("USR001", {"conditions": "signal USR001|ZZZ001"}, "conditions", "does not exist"),
        ("USR001", {"conditions": "signal USR001"}, "conditions", "wait for each other"),
        ("USR001", {"weight": "heavy"}, "weight", "'heavy' is not a number"),
        ("USR001", {"weight": "96"}, "weight", "from 0 to 95"),
        ("USR001", {"min_distinct": "0"}, "min_distinct", "from 1 to 100"),
        ("USR001", {"distinct_within": "host"}, "distinct_within", "use one of parent, tree"),
        ("USR001", {"mitre_technique_id": "T12"}, "mitre_technique_id", "write T1218"),
    ],
)
def test_unusable_signal_is_left_out_and_named(name, change, field, said):
    changed = merged(SHIPPED, {name: {**SIGNAL, **change}}, {})
    assert signals(changed) == signals(SHIPPED)
    (problem,) = changed.problems
    assert problem.column == field
    assert name in str(problem)
    assert "configuration page" in str(problem)
    assert said in str(problem)


@pytest.mark.parametrize(
    ("name", "change", "field", "said"),
    [
        ("ALW001", {}, "name", "do not begin it with ALW"),
        ("a b", {}, "name", "write letters, digits"),
        ("ALW999", {"action": "off"}, "name", "no shipped allowlist entry has this id"),
        ("ALW001", {"action": "change", "reduction": "61"}, "reduction", "from 1 to 60"),
        ("mine", {"pattern": "deploy"}, "pattern", "is not anchored"),
        ("mine", {"pattern": r"deploy\.exe$"}, "pattern", "is not anchored"),
        ("mine", {"pattern": r"^a|b"}, "pattern", "is not anchored"),
        ("mine", {"pattern": "^("}, "pattern", "is not a regular expression"),
        ("mine", {"pattern": r"^(\w+\s?)+x"}, "pattern", "takes too long"),
        ("mine", {"pattern": "^a{99999999999}"}, "pattern", "than Python can count; limit it"),
        ("mine", {"pattern": "^" + "(" * 6_000}, "pattern", "nested too deeply; simplify it"),
        ("mine", {"pattern": ""}, "pattern", "is empty"),
        ("mine", {"scope": "tree"}, "scope", "use one of requester"),
        ("mine", {"field": "url"}, "field", "'url' is not known"),
        ("mine", {"field": "process_path"}, "field", "of the installer, not of who started it"),
        ("mine", {"family": "setup"}, "family", "'setup' is not known"),
        ("mine", {"signals": ""}, "signals", "is empty"),
        ("mine", {"signals": "MSI001,ZZZ001"}, "signals", "there is no signal ZZZ001; correct or"),
        ("mine", {"signals": "msi001"}, "signals", "there is no signal msi001; write MSI001"),
        ("mine", {"reduction": "0"}, "reduction", "from 1 to 60"),
        ("mine", {"expires": "31.12.2030"}, "expires", "write YYYY-MM-DD"),
        ("mine", {"expires": "2030-02-30"}, "expires", "is not a date"),
        ("mine", {"reason": ""}, "reason", "is empty"),
        ("mine", {"decided_by": ""}, "decided_by", "is empty"),
    ],
)
def test_unusable_allowlist_entry_is_left_out_and_named(name, change, field, said):
    changed = merged(SHIPPED, {}, {name: {**ALLOWANCE, **change}})
    assert allowances(changed) == allowances(SHIPPED)
    (problem,) = changed.problems
    assert problem.column == field
    assert name in str(problem)
    assert said in str(problem)


def test_one_broken_entry_does_not_touch_the_others():
    entries = {"USR001": SIGNAL, "USR002": {**SIGNAL, "pattern": "("}, "MSI001": {"action": "off"}}
    changed = merged(SHIPPED, entries, {})
    assert len(changed.problems) == 1
    assert "USR001" in signals(changed)
    assert signals(changed)["MSI001"].weight == 0


def test_a_search_says_the_first_problems_and_counts_the_others():
    broken = {f"USR{i:03}": {**SIGNAL, "pattern": "("} for i in range(30)}
    pipeline = Pipeline(merged(SHIPPED, broken, {}), Settings())
    said = [text for level, text in pipeline.messages() if level == "WARN"]
    assert len(said) == SAID_PROBLEMS + 1
    assert said[-1] == "20 more detection entries were skipped."


@pytest.mark.parametrize("value", [None, 3, 4.5, False, "x" * 100_000, "\0", "$7^"])
@pytest.mark.parametrize("key", sorted({*SIGNAL, *ALLOWANCE}))
def test_whatever_a_conf_file_holds_only_its_entry_suffers(key, value):
    changed = merged(SHIPPED, {"USR001": {**SIGNAL, key: value}}, {"m": {**ALLOWANCE, key: value}})
    assert {**signals(changed), **signals(SHIPPED)} == signals(changed)
    assert {**allowances(changed), **allowances(SHIPPED)} == allowances(changed)


def test_ids_of_users_and_shipped_ids_cannot_clash():
    assert not [i for i in signals(SHIPPED) if i.startswith(OWN_SIGNAL)]
    assert all(i.startswith(SHIPPED_ALLOWANCE) for i in allowances(SHIPPED))


def test_expired_entries_are_said():
    changed = merged(SHIPPED, {}, {"mine": {**ALLOWANCE, "expires": "2024-05-01"}})
    (said,) = expired(changed.allowances, "2024-05-02")
    assert "mine expired on 2024-05-01" in said
    assert expired(changed.allowances, "2024-05-01") == []
