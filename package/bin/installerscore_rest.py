"""REST handlers of the configuration page.

What a search could not use is refused with the reason, by the code that a search reads it with.
What is changed is noted in the audit log; what could not be noted is not changed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import installerscore_audit
from installer_trees.catalogue import Catalogue
from installer_trees.errors import CatalogueError, EntryError
from installer_trees.files import load
from installer_trees.user_entries import merged
from installerscore_page import CONFS, Stanzas, stanzas
from installerscore_settings import faults
from solnlib.user_access import get_current_username
from splunktaucclib.rest_handler.admin_external import AdminExternalHandler, get_splunkd_endpoint
from splunktaucclib.rest_handler.error import RestError

LOOKUPS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lookups")

Change = Callable[[Any], None]


class CheckedHandler(AdminExternalHandler):
    """Checks every change before it is made, and notes it in the audit log after.

    Attributes:
        tab: The tab of the page, one of `CONFS`.
    """

    tab = ""

    def handleCreate(self, confInfo: Any) -> None:
        """Add an entry."""
        self._make("create", super().handleCreate, confInfo)

    def handleEdit(self, confInfo: Any) -> None:
        """Change an entry."""
        self._make("edit", super().handleEdit, confInfo)

    def handleRemove(self, confInfo: Any) -> None:
        """Delete an entry."""
        self._make("remove", super().handleRemove, confInfo)

    def refusal(self, name: str, before: Stanzas, after: Stanzas) -> str:
        """Return why a change cannot be made, or nothing.

        Args:
            name: The entry that is changed.
            before: All entries of the tab before the change.
            after: All entries of the tab after it.
        """
        raise NotImplementedError

    def read(self, tab: str) -> Stanzas:
        """Read the entries of a tab."""
        own, _ = stanzas(get_splunkd_endpoint(), self.getSessionKey(), CONFS[tab])
        return own

    def _make(self, action: str, change: Change, conf_info: Any) -> None:
        name = self.callerArgs.id
        before = self.read(self.tab)
        after = {key: stanza for key, stanza in before.items() if key != name}
        if action != "remove":
            after[name] = {**before.get(name, {}), **self.payload}
        reason = self.refusal(name, before, after)
        if reason:
            raise RestError(400, reason)
        log, user = self._audit()
        change(conf_info)
        old, new = before.get(name, {}), after.get(name, {})
        installerscore_audit.changed(log, user, action, (CONFS[self.tab], name), old, new)

    def _audit(self) -> tuple[Any, str]:
        uri = urlsplit(get_splunkd_endpoint())
        try:
            user = get_current_username(
                self.getSessionKey(), scheme=uri.scheme, host=uri.hostname, port=uri.port
            )
            return installerscore_audit.opened(), user
        except Exception as error:
            raise RestError(
                500,
                "Nothing was changed, because the change could not be noted in the audit log "
                f"({type(error).__name__}). Make var/log/splunk writable and try again.",
            ) from error


class SettingsHandler(CheckedHandler):
    """The Scoring and Logging tabs."""

    tab = "settings"

    def refusal(self, name: str, before: Stanzas, after: Stanzas) -> str:
        """Refuse numbers out of bounds, and severity bands that do not rise."""
        found = faults(after[name]) if name == "scoring" else ()
        return " ".join(f"{fault}." for _, fault in found)


class EntryHandler(CheckedHandler):
    """A tab with entries over the shipped catalogue."""

    def refusal(self, name: str, before: Stanzas, after: Stanzas) -> str:
        """Refuse what would be left out of a search, and what would leave out other entries."""
        others = {key: stanza for key, stanza in before.items() if key != name}
        merge = self.merging()
        known = {str(problem) for problem in merge(others if name in after else before).problems}
        for problem in merge(after).problems:
            if str(problem) not in known:
                return _sentence(problem, name)
        return ""

    def merging(self) -> Callable[[Stanzas], Catalogue]:
        """Return what puts entries of this tab, and the saved ones of the other, over the shipped.

        The other tab is read once.
        """
        raise NotImplementedError


class SignalsHandler(EntryHandler):
    """The Signals tab."""

    tab = "signals"

    def merging(self) -> Callable[[Stanzas], Catalogue]:
        """Take the entries as signals."""
        allowlist = self.read("allowlist")
        return lambda entries: merged(_shipped(), entries, allowlist)


class AllowlistHandler(EntryHandler):
    """The Allowlist tab."""

    tab = "allowlist"

    def refusal(self, name: str, before: Stanzas, after: Stanzas) -> str:
        """Refuse, besides, what has expired already: it would lower nothing."""
        expires = str(after.get(name, {}).get("expires") or "")
        today = datetime.now(timezone.utc).strftime("%Y-%m-%d")
        reason = super().refusal(name, before, after)
        if not reason and expires and expires < today:
            return f"Expires: {expires} has passed; give a later date, or none."
        return reason

    def merging(self) -> Callable[[Stanzas], Catalogue]:
        """Take the entries as allowances."""
        signals = self.read("signals")
        return lambda entries: merged(_shipped(), signals, entries)


@lru_cache(maxsize=1)
def _shipped() -> Catalogue:
    """Return the shipped catalogue; splunkd keeps the process of a handler between requests."""
    return load(LOOKUPS)


def _sentence(problem: CatalogueError, name: str) -> str:
    """Say what is wrong with the entry itself by its field, with another by its name."""
    if isinstance(problem, EntryError) and problem.name == name:
        return f"{problem.column.replace('_', ' ').capitalize()}: {problem.problem}."
    text = str(problem)
    return f"{text[0].upper()}{text[1:]}."
