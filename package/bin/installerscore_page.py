"""What the configuration page and the KV store hold, read through splunkd."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from installer_trees.model import Settings
from installerscore_settings import CONF, checked

APP = "TA-installerscore"
CONFS = {
    "settings": CONF,
    "signals": "ta_installerscore_signals",
    "allowlist": "ta_installerscore_allowlist",
}
COLLECTION = "installerscore_baseline"
BASELINE_ROWS = 50_000
TIMEOUT_SECONDS = 10

Stanzas = dict[str, dict[str, Any]]


@dataclass
class Page:
    """What the configuration page holds; as shipped, where it holds nothing.

    Attributes:
        signals: Entries of the Signals tab, by id.
        allowlist: Entries of the Allowlist tab, by id.
        problems: A sentence for everything that could not be used.
    """

    settings: Settings = field(default_factory=Settings)
    log_level: str = "INFO"
    signals: Stanzas = field(default_factory=dict)
    allowlist: Stanzas = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def read(splunkd_uri: str, session_key: str) -> Page:
    """Read the configuration page with one request a conf file.

    The first request that fails is the last one, so that a splunkd that does not answer holds up a
    search no longer than that.

    Args:
        splunkd_uri: Where splunkd listens, as the getinfo request says.
        session_key: The searcher's own session.
    """
    page = Page()
    if not splunkd_uri or not session_key:
        return page
    found: dict[str, Stanzas] = {}
    try:
        for tab, conf in CONFS.items():
            found[tab], foreign = stanzas(splunkd_uri, session_key, conf)
            page.problems += foreign
    except Exception as error:
        missing = [tab for tab in CONFS if tab not in found]
        page.problems.append(
            f"The {' and '.join(missing)} of {APP} could not be read from splunkd "
            f"({_reason(error)}), so the shipped ones were used."
        )
    settings = found.get("settings", {})
    page.log_level = str(settings.get("logging", {}).get("loglevel", "INFO"))
    page.settings, problems = checked(settings.get("scoring", {}))
    page.problems += problems
    page.signals, page.allowlist = found.get("signals", {}), found.get("allowlist", {})
    return page


def stanzas(splunkd_uri: str, session_key: str, conf: str) -> tuple[Stanzas, list[str]]:
    """Read the stanzas of a conf file that the add-on itself holds.

    Whoever may write in another app could share stanzas of the same conf file with all apps. They
    would change what others detect, past the access rules and the audit log of the page.

    Returns:
        The stanzas, and a sentence for each of another app, which does not count.

    Raises:
        ValueError: splunkd answered with something else than stanzas.
    """
    answer = _get(splunkd_uri, session_key, f"configs/conf-{conf}", output_mode="json", count=0)
    own: Stanzas = {}
    foreign = []
    try:
        entries = [(str(e["name"]), e["acl"]["app"], dict(e["content"])) for e in answer["entry"]]
    except (TypeError, KeyError, ValueError):
        raise ValueError("its answer does not list stanzas") from None
    for name, app, content in entries:
        if app == APP:
            own[name] = content
        else:
            foreign.append(
                f"The entry {name} of {conf} was not used: it is kept in the app {app}, "
                f"and only entries of {APP} count."
            )
    return own, foreign


def read_baseline(splunkd_uri: str, session_key: str) -> tuple[dict[str, int], list[str]]:
    """Read on how many hosts past searches saw each tree, with one request.

    Returns:
        Hosts by fingerprint, entries that have expired or are of one host left out, those of most
        hosts first where there are more than `BASELINE_ROWS`, and a sentence if it failed.
    """
    path = f"storage/collections/data/{COLLECTION}"
    query = json.dumps({"expires": {"$gt": int(time.time())}, "hosts": {"$gt": 1}})
    try:
        rows = _get(
            splunkd_uri,
            session_key,
            path,
            query=query,
            sort="hosts:-1",
            limit=BASELINE_ROWS,
            fields="tree_fingerprint,hosts,_key:0",
        )
        return {str(row["tree_fingerprint"]): int(float(row["hosts"])) for row in rows}, []
    except Exception as error:
        return {}, [f"The prevalence baseline could not be read ({_reason(error)}); none was used."]


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200]


def _get(splunkd_uri: str, session_key: str, path: str, **query: Any) -> Any:
    from splunklib import binding, client

    uri = urlsplit(splunkd_uri)
    service = client.Service(
        scheme=uri.scheme,
        host=uri.hostname,
        port=uri.port,
        token=session_key,
        app=APP,
        owner="nobody",
        handler=binding.handler(timeout=TIMEOUT_SECONDS),
    )
    answer = service.get(path, **query).body.read()
    try:
        return json.loads(answer)
    except (ValueError, RecursionError):
        raise ValueError("its answer is not JSON") from None
