"""The conf files of the built add-on agree with Splunk's own names and with each other."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import unquote

import installerscore_options
import pytest
from addonfactory_splunk_conf_parser_lib import TABConfigParser
from conf_keys import unknown
from conftest import APP, ROOT
from installer_trees.model import Settings
from installerscore_settings import BOUNDS, CONF

GLOBAL_CONFIG = ROOT / "globalConfig.json"
SPLUNKS_OWN_VIEWS = {"search", "reports", "alerts", "dashboards", "datasets"}
Stanzas = dict[str, dict[str, str]]


def read(path: Path) -> Stanzas:
    parser = TABConfigParser()
    parser.read(path)
    return parser.item_dict()


def read_meta(app: Path) -> Stanzas:
    """The stanzas of default.meta, with `*` for the one without a name, which parsers refuse."""
    text = (app / "metadata" / "default.meta").read_text(encoding="utf-8")
    parser = TABConfigParser()
    parser.read_string(text.replace("[]\n", "[*]\n"))
    return parser.item_dict()


@pytest.fixture(scope="module")
def confs(built_app: Path) -> dict[str, Stanzas]:
    """All conf files of the built add-on, by file name."""
    return {path.name: read(path) for path in sorted((built_app / "default").glob("*.conf"))}


@pytest.fixture(scope="module")
def global_config() -> dict:
    return json.loads(GLOBAL_CONFIG.read_text(encoding="utf-8"))


# --- names that Splunk knows ---------------------------------------------------------------


def test_all_stanzas_and_keys_are_known_to_splunk(confs):
    problems = [
        problem
        for conf, stanzas in confs.items()
        for stanza, keys in stanzas.items()
        for problem in unknown(conf, stanza, list(keys))
    ]
    assert problems == []


@pytest.mark.parametrize(
    ("conf", "stanza", "key"),
    [
        ("commands.conf", "installerscore", "chuncked"),
        ("commands.conf", "installer_score", "chunked"),
        ("distsearch.conf", "replicationDenyList", "lookups"),
        ("server.conf", "shclustering", "conf_replication_includes.x"),
        ("savedsearches.conf", "Any - Rule", "dispatch.earliest"),
        ("props.conf", "any", "any"),
    ],
)
def test_a_slip_of_the_pen_is_found(conf, stanza, key):
    assert len(unknown(conf, stanza, [key])) == 1


# --- who the app is ------------------------------------------------------------------------


def test_manifest_app_conf_and_folder_agree_on_name_and_version(built_app, confs, global_config):
    manifest = json.loads((built_app / "app.manifest").read_text(encoding="utf-8"))
    app, identity = confs["app.conf"], manifest["info"]["id"]
    names = {identity["name"], app["id"]["name"], app["package"]["id"], built_app.name}
    assert names == {APP, global_config["meta"]["name"]}
    versions = {identity["version"], app["id"]["version"], app["launcher"]["version"]}
    source = json.loads((ROOT / "package" / "app.manifest").read_text(encoding="utf-8"))
    assert versions == {source["info"]["id"]["version"], global_config["meta"]["version"]}
    assert app["ui"]["label"] == manifest["info"]["title"] == global_config["meta"]["displayName"]


def test_manifest_installs_on_search_heads_only(built_app):
    manifest = json.loads((built_app / "app.manifest").read_text(encoding="utf-8"))
    assert manifest["targetWorkloads"] == ["_search_heads"]
    assert (built_app / manifest["info"]["license"]["text"]).is_file()


def test_manifest_asks_for_nothing_that_keeps_the_package_from_being_installed(built_app):
    """As docs/install.md says.

    The add-on must install before the CIM add-on does. A version of Splunk beyond 8.0 fails the
    vetting: `slim validate` 1.2.8 ends with "Version requirement includes no supported version".
    """
    manifest = json.loads((built_app / "app.manifest").read_text(encoding="utf-8"))
    wanted = manifest["dependencies"]
    assert wanted == {"Splunk_SA_CIM": {"version": ">=6.0.0", "optional": True}}
    assert manifest["platformRequirements"] is None
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    assert "Models before 6.0 were not" in page


def test_changelog_leads_with_the_version(global_config):
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## ([0-9.]+)", changelog, re.MULTILINE)
    assert newest is not None
    assert newest[1] == global_config["meta"]["version"]


# --- the command and its help --------------------------------------------------------------


def test_command_is_chunked_python_3_and_its_file_exists(built_app, confs):
    assert confs["commands.conf"] == {
        "installerscore": {
            "chunked": "true",
            "filename": "installerscore.py",
            "python.version": "python3",
            "python.required": "3.9, 3.13",
            "is_risky": "false",
            "run_in_preview": "false",
        }
    }
    assert (built_app / "bin" / "installerscore.py").is_file()


def test_search_assistant_shows_exactly_the_options_of_the_command(confs):
    help_text = confs["searchbnf.conf"]["installerscore-command"]
    options = confs["searchbnf.conf"]["installerscore-options"]
    for syntax in (options["syntax"], help_text["simplesyntax"]):
        assert re.findall(r"\((\w+)=", syntax) == list(installerscore_options.OPTIONS)
        (outputs,) = re.findall(r"output=\(?([\w|]+)\)?", syntax)
        assert outputs.split("|") == list(installerscore_options.OUTPUTS)
    for option in installerscore_options.OPTIONS:
        assert re.search(rf"\b{option}\b", help_text["description"]), option
    assert "<installerscore-options>" in help_text["syntax"]
    assert help_text["usage"] == "public"


def test_search_assistant_examples_name_what_they_show(confs):
    help_text = confs["searchbnf.conf"]["installerscore-command"]
    examples = [key for key in help_text if key.startswith("example")]
    assert examples == [f"example{number}" for number in range(1, len(examples) + 1)]
    for key in examples:
        assert help_text[key.replace("example", "comment")].endswith(".")


# --- what others may see and change --------------------------------------------------------


def exported_things(built_app: Path, confs: dict[str, Stanzas]) -> set[str]:
    """Everything of the add-on that metadata/default.meta can name, as `type/name`."""
    views = (built_app / "default" / "data" / "ui" / "views").glob("*.xml")
    return (
        {f"{conf[:-5]}/{stanza}" for conf, stanzas in confs.items() for stanza in stanzas}
        | {f"lookups/{path.name}" for path in (built_app / "lookups").iterdir()}
        | {f"views/{path.stem}" for path in views}
        | {"nav/default"}
    )


def test_every_stanza_of_default_meta_names_something(built_app, confs):
    things = exported_things(built_app, confs)
    kinds = {thing.split("/")[0] for thing in things} | {conf[:-5] for conf in confs}
    named = {unquote(name) for name in read_meta(built_app)} - {"*", "savedsearches/default"}
    assert {name for name in named if name not in things | kinds} == set()


def test_default_meta_exports_the_command_and_its_catalogue_and_lets_cloud_admins_write(built_app):
    meta = read_meta(built_app)
    assert meta["*"] == {
        "access": "read : [ * ], write : [ admin, sc_admin ]",
        "export": "none",
    }
    assert meta["commands/installerscore"] == {"export": "system"}
    assert meta["savedsearches"] == {"export": "system"}, "Enterprise Security shows no others"
    assert meta["savedsearches/default"] == {"export": "none"}, (
        "it would reach every app's searches"
    )
    for path in (built_app / "lookups").glob("installerscore_*.csv"):
        assert meta[f"lookups/{path.name}"] == {"export": "system"}
        assert meta[f"transforms/{path.stem}"] == {"export": "system"}


def test_exported_macros_cannot_change_the_searches_of_other_apps(built_app, confs):
    """Macros are global by name: an exported one must carry our prefix."""
    meta = read_meta(built_app)
    exports_all = meta.get("macros", {}).get("export") == "system"
    for macro in confs.get("macros.conf", {}):
        own = meta.get(f"macros/{macro}", {}).get("export")
        if (own or ("system" if exports_all else "none")) == "system":
            ours = ("installer_", "process_installer", "process_package_manager")
            assert macro.startswith(ours), macro


# --- lookups and replication ---------------------------------------------------------------


def test_lookup_definitions_and_lookup_files_name_each_other(built_app, confs):
    files = {keys["filename"] for keys in confs["transforms.conf"].values() if "filename" in keys}
    shipped = {path.name for path in (built_app / "lookups").iterdir()}
    assert files == shipped
    assert {"installerscore_roots", "installerscore_signals", "installerscore_allowlist"} <= set(
        confs["transforms.conf"]
    )


def splunk_pattern(pattern: str) -> re.Pattern[str]:
    """Translate a pattern of distsearch.conf: `...` any path, `*` a name, a dot itself."""
    parts = re.split(r"(\.\.\.|\*)", pattern)
    return re.compile(
        "".join({"...": ".*", "*": "[^/]*"}.get(part, part.replace(".", r"\.")) for part in parts)
    )


def test_knowledge_bundle_leaves_out_what_no_search_joins_on_search_peers(built_app, confs):
    """A `lookup` in a search over raw events runs on the peers, which need its file then."""
    patterns = confs["distsearch.conf"]["replicationDenylist"].values()

    def denied(path: str) -> bool:
        return any(splunk_pattern(pattern).fullmatch(path) for pattern in patterns)

    files = [
        path.relative_to(built_app).as_posix() for path in built_app.rglob("*") if path.is_file()
    ]
    out = {file for file in files if denied(f"apps/{APP}/{file}")}
    assert {file for file in files if file.startswith("lib/")} <= out
    assert {file.removeprefix("lookups/") for file in out if not file.startswith("lib/")} == {
        f"installerscore_{name}.csv" for name in ("roots", "signals", "allowlist", "what_if")
    }
    joined = {
        name
        for keys in confs["savedsearches.conf"].values()
        for name in re.findall(r"\blookup (?:local=true )?(installerscore_\w+)", keys["search"])
    } | {confs["macros.conf"]["installer_indicators"]["definition"]}
    assert joined == {
        "installerscore_baseline",
        "installerscore_indicators",
        "installerscore_networks",
    }
    assert not denied(f"apps/{APP}/lookups/my_indicators.csv")
    assert not denied("apps/other/lookups/installerscore_signals.csv")


def test_search_head_cluster_replicates_and_reloads_our_own_confs(confs):
    ours = {conf[:-5] for conf in confs if conf.startswith("ta_installerscore_")}
    replicated = {f"conf_replication_include.{name}": "true" for name in ours}
    assert confs["server.conf"] == {"shclustering": replicated}
    assert confs["app.conf"]["triggers"] == {f"reload.{name}": "simple" for name in ours}


# --- the configuration page ----------------------------------------------------------------


def scoring_tab(global_config: dict) -> dict:
    tabs = global_config["pages"]["configuration"]["tabs"]
    return next(tab for tab in tabs if tab.get("name") == "scoring")


def scoring_fields(global_config: dict) -> list[dict]:
    return scoring_tab(global_config)["entity"]


def test_global_config_is_written_as_the_generator_writes_it(global_config):
    written = json.dumps(global_config, indent=4, ensure_ascii=False) + "\n"
    assert GLOBAL_CONFIG.read_text(encoding="utf-8") == written


def test_page_conf_and_engine_have_the_same_defaults(confs, global_config):
    shipped = confs[f"{CONF}.conf"]["scoring"]
    fields = scoring_fields(global_config)
    assert shipped == {field["field"]: str(field["defaultValue"]) for field in fields}
    for name, value in shipped.items():
        assert getattr(Settings(), name) == int(value), name


def test_page_and_command_have_the_same_bounds(global_config):
    fields = scoring_fields(global_config)
    bounds = {
        f["field"]: tuple(f["validators"][0]["range"]) if f["type"] == "text" else (0, 1)
        for f in fields
    }
    assert bounds == BOUNDS


def test_every_field_of_the_page_says_what_it_does_and_what_it_takes(global_config):
    for field in scoring_fields(global_config):
        assert field["help"].endswith(".")
        if field["type"] == "checkbox":
            assert field["defaultValue"] in (0, 1)
            continue
        (validator,) = field["validators"]
        low, high = validator["range"]
        assert validator["type"] == "number"
        assert validator["isInteger"]
        assert field["required"]
        assert low <= field["defaultValue"] <= high
        assert f"from {low:,} to {high:,}" in field["help"]
        assert f"from {low} to {high}." in validator["errorMsg"]


def test_groups_of_the_page_hold_every_field_once(global_config):
    tab = scoring_tab(global_config)
    grouped = [name for group in tab["groups"] for name in group["fields"]]
    assert grouped == [field["field"] for field in tab["entity"]]


def test_spec_file_describes_every_setting(built_app, confs):
    text = (built_app / "README" / f"{CONF}.conf.spec").read_text(encoding="utf-8")
    for stanza, keys in confs[f"{CONF}.conf"].items():
        section = text.partition(f"[{stanza}]")[2].partition("\n[")[0]
        for key, value in keys.items():
            (paragraph,) = re.findall(rf"(?m)^{key} = <.+>\n((?:\* .+\n)+)", section)
            assert paragraph.endswith(f"* Default: {value}\n")


def test_navigation_shows_views_that_exist(built_app):
    nav = (built_app / "default/data/ui/nav/default.xml").read_text(encoding="utf-8")
    own = {path.stem for path in (built_app / "default/data/ui/views").glob("*.xml")}
    assert set(re.findall(r'<view name="(\w+)"', nav)) <= own | SPLUNKS_OWN_VIEWS
    assert own <= set(re.findall(r'<view name="(\w+)"', nav))
