"""What a row is by its fields: a process creation, or one of the events of processes."""

from __future__ import annotations

from collections.abc import Sequence

from .layout import MISSING, SEVERAL, TARGET_FIELDS, Layout, Row

PROCESS, NETWORK, FILE, REGISTRY, SERVICE = range(5)
NO_TARGET = -1
"""A file event that does not name the file."""

FILE_ACTIONS = frozenset("created modified deleted read updated acl_modified renamed".split())


def may_hold_events(rows: Sequence[Row], layout: Layout, multivalued: bool) -> bool:
    """Tell whether any of some rows may be something else than a process creation."""
    for field in (*TARGET_FIELDS, "action"):
        place = layout.place(field)
        if place == SEVERAL or (place >= 0 and multivalued):
            return True
        if place >= 0:
            seen = {row[place] for row in rows}
            if not (FILE_ACTIONS.isdisjoint(seen) if field == "action" else seen <= MISSING):
                return True
    return False


def kind_of(layout: Layout, values: Row) -> int:
    """Return the kind of a row, `NO_TARGET` for an event that says nothing."""
    value = layout.value
    if value(values, "registry_path"):
        return REGISTRY
    if value(values, "service_name") or value(values, "service_path"):
        return SERVICE
    if value(values, "dest_ip") or value(values, "url"):
        return NETWORK
    has_parent = value(values, "parent_process_id") or value(values, "parent_process_name")
    has_parent = has_parent or value(values, "parent_process_guid")
    path, action = value(values, "file_path"), value(values, "action")
    if path and not (has_parent and action not in FILE_ACTIONS and _runs(layout, values)):
        return FILE
    if has_parent:
        return PROCESS
    if value(values, "dest_port"):
        return NETWORK
    return NO_TARGET if action in FILE_ACTIONS else PROCESS


def _runs(layout: Layout, values: Row) -> bool:
    """Tell whether the file of a row is the program of its process."""
    path = layout.value(values, "file_path").lower()
    programs = (layout.value(values, name).lower() for name in ("process_path", "process_exec"))
    return path in programs
