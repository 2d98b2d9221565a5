"""The stanzas and keys that Splunk knows, of each conf file that the add-on ships.

AppInspect accepts any key, and Splunk ignores those it does not know, so a slip of the pen is
found here or not at all. Patterns match whole names; they are written from Splunk's .conf.spec
files and are narrower where the add-on has one way to do a thing.
"""

from __future__ import annotations

import re

_ANY_NAME = r"[^\[\]]+"

# conf file -> [(pattern of the stanza, pattern of the keys)]; the first stanza that fits counts.
KNOWN: dict[str, list[tuple[str, str]]] = {
    "app.conf": [
        ("launcher", "version|description|author"),
        ("id", "version|name"),
        ("install", "build|is_configured|state"),
        ("package", "id|check_for_updates"),
        ("ui", "label|supported_themes|is_visible"),
        ("triggers", r"reload\.\w+"),
        ("shclustering", "deployer_lookups_push_mode"),
    ],
    # With chunked = true no other setting is valid.
    "authorize.conf": [
        ("capability::edit_installerscore", ""),
        ("role_(admin|sc_admin)", "edit_installerscore"),
    ],
    "collections.conf": [
        (_ANY_NAME, r"enforceTypes|replicate|profilingEnabled|(field|accelerated_fields)\.\w+")
    ],
    "commands.conf": [
        (
            "[a-z0-9]+",  # splunkd takes neither capitals nor underscores in a command's name
            r"chunked|filename|python\.(version|required)|is_risky|run_in_preview"
            r"|maxwait|maxchunksize|command\.arg\.\d+",
        )
    ],
    "distsearch.conf": [("replicationDenylist", r"[\w-]+")],
    "macros.conf": [
        (
            r"[\w-]+(\(\d\))?",
            "definition|args|validation|errormsg|iseval|description",
        )
    ],
    "restmap.conf": [
        (
            "admin:ta_installerscore_configuration",
            r"match|members|capability\.(post|put|delete)",
        ),
        (
            r"admin_external:ta_installerscore_\w+",
            r"handlertype|python\.(version|required)|handlerfile|handleractions"
            r"|handlerpersistentmode",
        ),
    ],
    "savedsearches.conf": [
        (
            _ANY_NAME,
            r"search|description|disabled|enableSched|cron_schedule|schedule_window|allow_skew"
            r"|schedule_priority|realtime_schedule|is_visible|counttype|relation|quantity"
            r"|request\.ui_dispatch_(app|view)"
            r"|dispatch\.((earliest|latest)_time|ttl|max_(count|time)|auto_cancel)"
            r"|alert\.(digest_mode|expires|severity|track|managedBy)"
            r"|alert\.suppress(\.fields|\.period|\.group_name)?"
            r"|action\.summary_index(\._name|\._type|\.inline|\.force_realtime_schedule|\.\w+)?"
            r"|action\.(risk|notable)(\.param\.\w+)?"
            r"|action\.correlationsearch\.(enabled|label|annotations|metadata|detection_type)"
            r"|action\.escu(\.\w+)*"
            r"|display\.(general|page|statistics|visualizations|events)\.[\w.]+",
        )
    ],
    "searchbnf.conf": [
        (
            "[a-z]+-command",
            r"syntax|simplesyntax|alias|description|shortdesc|usage|tags|related"
            r"|(example|comment)\d+|appears-in|category|maintainer|note|optout-in"
            r"|supports-multivalue",
        ),
        ("[a-z]+-options", "syntax"),
    ],
    "server.conf": [("shclustering", r"conf_replication_include\.\w+")],
    "ta_installerscore_settings.conf": [
        (
            "scoring",
            "minscore|maxevents|tree_lifetime|severity_(low|medium|high|critical)"
            "|(allowlist|prevalence)_bound|prevalence_baseline",
        ),
        ("logging", "loglevel"),
    ],
    "ta_installerscore_allowlist.conf": [],
    "ta_installerscore_signals.conf": [],
    "transforms.conf": [
        (
            _ANY_NAME,
            "filename|collection|external_type|fields_list|filter|case_sensitive_match|match_type"
            "|(min|max)_matches|default_match|max_offset_secs|min_offset_secs|time_field"
            "|time_format|batch_index_query|allow_caching",
        )
    ],
    "workflow_actions.conf": [
        (
            _ANY_NAME,
            r"type|label|fields|eventtypes|display_location|disabled"
            r"|link\.(uri|method|target|postargs\.\w+)",
        )
    ],
    "web.conf": [(r"expose:ta_installerscore_\w+", "pattern|methods")],
}


def unknown(conf: str, stanza: str, keys: list[str]) -> list[str]:
    """Say what Splunk would not know in a stanza.

    Args:
        conf: Name of the conf file.
        stanza: Name of the stanza.
        keys: Its keys.

    Returns:
        One line for each unknown stanza or key; none if all are known.
    """
    if conf not in KNOWN:
        return [f"{conf} is not in tests/conf_keys.py: add the keys that its .conf.spec knows"]
    for stanza_pattern, key_pattern in KNOWN[conf]:
        if re.fullmatch(stanza_pattern, stanza):
            return [
                f"{conf} [{stanza}] {key}: no such key"
                for key in keys
                if not re.fullmatch(key_pattern, key)
            ]
    return [f"{conf} [{stanza}]: no such stanza"]
