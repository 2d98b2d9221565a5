"""The Signals and Allowlist tabs offer what the engine knows, and the conf files are described."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import engine
import pytest
from fake_splunkd import APP, FakeSplunkd
from installer_trees.entries import (
    ALLOWANCE_COLUMNS,
    ALLOWANCE_SCOPES,
    EVENT_FIELDS,
    MAX_REDUCTION,
    MAX_WEIGHT,
    PROCESS_FIELDS,
    SCOPES,
    SIGNAL_COLUMNS,
    SYSTEMS,
    TREE_FIELDS,
)
from installer_trees.patterns import risk
from installer_trees.user_entries import ACTIONS, PAGE_KEYS, merged
from installerscore_page import CONFS
from installerscore_settings import checked
from test_conf import GLOBAL_CONFIG, read
from test_user_entries import ALLOWANCE, SIGNAL

PAGE = json.loads(GLOBAL_CONFIG.read_text(encoding="utf-8"))["pages"]["configuration"]
TABS: dict[str, dict[str, Any]] = {tab.get("name", "logging"): tab for tab in PAGE["tabs"]}
FIELDS = [
    pytest.param(tab, field, id=f"{tab}-{field['field']}")
    for tab in ("signals", "allowlist")
    for field in TABS[tab]["entity"]
]
FAMILIES = sorted({family for root in engine.shipped().roots for family in root.serves})
CHOICES = {
    "action": ACTIONS,
    "os": ["any", *SYSTEMS],
    "family": ["any", *FAMILIES],
    "kind": ["process", *EVENT_FIELDS],
    "distinct_within": ["tree", "parent"],
}


def field_of(tab: str, name: str) -> dict[str, Any]:
    (field,) = [field for field in TABS[tab]["entity"] if field["field"] == name]
    return field


def choices(field: dict[str, Any]) -> list[str]:
    options = field["options"]
    offered = options.get("items") or options["autoCompleteFields"]
    return [c["value"] for o in offered for c in o.get("children", [o])]


def test_page_has_its_four_tabs():
    assert list(TABS) == ["scoring", "signals", "allowlist", "logging"]


@pytest.mark.parametrize(("tab", "field"), FIELDS)
def test_every_field_says_what_it_is_and_what_it_takes(tab, field):
    assert field["help"].endswith(".")
    if field["type"] != "text":
        offered = choices(field)
        assert len(offered) == len(set(offered))
        assert "defaultValue" in field
        assert field["defaultValue"] in offered
        return
    (validator,) = field["validators"]
    assert validator["errorMsg"].endswith(".")
    if validator["type"] == "number":
        low, high = validator["range"]
        assert f"from {low} to {high}" in field["help"]
        assert f"from {low} to {high}." in validator["errorMsg"]
    elif validator["type"] == "string":
        assert f"{validator['maxLength']:,} characters." in validator["errorMsg"]
    elif validator["type"] == "regex":
        assert risk(validator["pattern"]) == ""
        re.compile(validator["pattern"])


@pytest.mark.parametrize(("tab", "field"), FIELDS)
def test_page_offers_what_the_engine_takes(tab, field):
    name = field["field"]
    if name == "scope":
        expected = SCOPES if tab == "signals" else ALLOWANCE_SCOPES
    elif name == "field" and tab == "signals":
        expected = {*PROCESS_FIELDS, *TREE_FIELDS, *(f for fs in EVENT_FIELDS.values() for f in fs)}
    elif name == "field":
        expected = PROCESS_FIELDS
    else:
        expected = CHOICES.get(name, ())
    if expected:
        assert sorted(choices(field)) == sorted(expected)


def test_bounds_are_those_of_the_engine():
    assert field_of("signals", "weight")["validators"][0]["range"] == [0, MAX_WEIGHT]
    assert field_of("allowlist", "reduction")["validators"][0]["range"] == [1, MAX_REDUCTION]
    assert field_of("signals", "min_distinct")["validators"][0]["range"] == [1, 100]


@pytest.mark.parametrize(("tab", "example"), [("signals", SIGNAL), ("allowlist", ALLOWANCE)])
def test_fields_are_keys_that_the_engine_reads_and_the_table_shows(tab, example):
    names = [field["field"] for field in TABS[tab]["entity"]]
    assert set(example) <= set(names) - {"name"}
    assert set(names) - {"name"} <= {*SIGNAL_COLUMNS, *ALLOWANCE_COLUMNS, *PAGE_KEYS}
    table = TABS[tab]["table"]
    shown = {column["field"] for column in (*table["header"], *table["moreInfo"])}
    assert shown == set(names)
    (action,) = [column for column in table["header"] if column["field"] == "action"]
    assert set(action["mapping"]) == set(ACTIONS)


@pytest.mark.parametrize(("tab", "amount"), [("signals", "weight"), ("allowlist", "reduction")])
def test_form_shows_only_what_the_chosen_action_uses(tab, amount):
    names = {field["field"] for field in TABS[tab]["entity"]}
    always = {"name", "action", "note"}
    for change in field_of(tab, "action")["modifyFieldsOnValue"]:
        shown = {field["fieldId"] for field in change["fieldsToModify"] if field["display"]}
        needed = {field["fieldId"] for field in change["fieldsToModify"] if field.get("required")}
        expected = {"own": names - always, "change": {amount}, "off": set()}
        assert shown == expected[change["fieldValue"]]
        assert needed <= shown


@pytest.mark.parametrize("tab", ["signals", "allowlist"])
def test_spec_file_describes_every_key(built_app, tab):
    text = (built_app / "README" / f"{CONFS[tab]}.conf.spec").read_text(encoding="utf-8")
    described = re.findall(r"(?m)^(\w+) = <.+>\n(?:\* .+\n(?:  .+\n)*)+", text)
    names = [field["field"] for field in TABS[tab]["entity"]]
    assert sorted(described) == sorted({*names, "disabled"} - {"name"})
    assert not (built_app / "README" / "ta_installerscore_account.conf.spec").exists()


def test_only_who_has_the_capability_may_save(built_app):
    restmap = conf(built_app / "default" / "restmap.conf")
    rules = restmap["admin:ta_installerscore_configuration"]
    assert sorted(rules["members"].split(", ")) == sorted(CONFS.values())
    for method in ("post", "put", "delete"):
        assert rules[f"capability.{method}"] == "edit_installerscore"
    roles = conf(built_app / "default" / "authorize.conf")
    assert roles == {
        "capability::edit_installerscore": {},
        "role_admin": {"edit_installerscore": "enabled"},
        "role_sc_admin": {"edit_installerscore": "enabled"},
    }
    meta = conf(built_app / "metadata" / "default.meta")
    for name in CONFS.values():
        assert meta[name] == {"access": "read : [ * ], write : [ admin, sc_admin ]"}


# --- an upgrade ----------------------------------------------------------------------------------


def conf(*layers: Path) -> dict[str, dict[str, str]]:
    """Return the stanzas of conf files, the later ones over the earlier, as splunkd does."""
    stanzas: dict[str, dict[str, str]] = {}
    for path in layers:
        for name, keys in read(path).items():
            stanzas.setdefault(name, {}).update(keys)
    return stanzas


LOCAL = Path(__file__).resolve().parent / "data" / "local_0.1.0"
"""What administrators saved with version 0.1.0 and a pre-release that had the tables."""


@pytest.fixture
def upgraded(built_app: Path) -> dict[str, dict[str, dict[str, str]]]:
    """Every conf file of the page, the new default under the old local."""
    return {
        tab: conf(built_app / "default" / f"{name}.conf", LOCAL / f"{name}.conf")
        for tab, name in CONFS.items()
    }


def test_settings_of_the_version_before_hold_after_an_upgrade(upgraded):
    settings, problems = checked(upgraded["settings"]["scoring"])
    assert problems == []
    assert (settings.minscore, settings.severity_low, settings.severity_critical) == (25, 25, 85)
    assert settings.maxevents == 2_000_000
    assert upgraded["settings"]["logging"]["loglevel"] == "WARNING"


def test_entries_of_the_version_before_hold_after_an_upgrade(upgraded):
    shipped = engine.shipped()
    now = merged(shipped, upgraded["signals"], upgraded["allowlist"])
    signals = {signal.signal_id: signal for signal in now.signals}
    assert signals["USR001"].weight == 45
    assert signals["WIN006"].weight == 0
    assert signals["MSI009"].weight == 5
    allowances = {allowance.allow_id: allowance for allowance in now.allowances}
    assert allowances["our_deploy"].reason == "Installs what change management released."
    assert allowances["ALW001"].reduction == 0
    said = [str(problem) for problem in now.problems]
    assert [text.split(":")[0] for text in said] == [
        "signal OLD123 of the configuration page, name",
        "signal USR009 of the configuration page, action",
    ]
    assert "has it any more" in said[0]


def test_old_entries_can_still_be_shown_and_changed_on_the_page(upgraded):
    """The page reads them with the keys that it writes today."""
    for tab in ("signals", "allowlist"):
        names = {field["field"] for field in TABS[tab]["entity"]} | {"disabled", "added_by"}
        for name, stanza in upgraded[tab].items():
            assert set(stanza) <= names, name


def test_new_default_holds_no_entry(built_app):
    """Else it would come back after an administrator deleted it."""
    for tab in ("signals", "allowlist"):
        assert conf(built_app / "default" / f"{CONFS[tab]}.conf") == {}


def test_stand_in_knows_the_conf_files():
    assert all(FakeSplunkd().conf(name) is not None for name in CONFS.values())
    assert APP == "TA-installerscore"
