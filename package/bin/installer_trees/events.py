"""What the rows hold: process creations and the events of processes, with CIM names.

Source: CIM Endpoint.Processes, Endpoint.Filesystem, Endpoint.Registry, Endpoint.Services,
Endpoint.Ports and Network_Traffic.All_Traffic. Nothing else is needed to say which fields a search
must bring, so this module imports little: Splunk asks that before every search.
"""

from __future__ import annotations

from typing import NamedTuple


class Process(NamedTuple):
    """One process creation. A tuple and not a dataclass: a search may hold a million of them.

    `time` is epoch seconds, infinity when the event had none. Missing values are empty strings.
    """

    time: float
    dest: str
    user: str
    process_name: str
    process: str
    process_path: str
    process_exec: str
    original_file_name: str
    process_id: str
    process_guid: str
    process_integrity_level: str
    process_current_directory: str
    process_hash: str
    parent_process_name: str
    parent_process: str
    parent_process_path: str
    parent_process_id: str
    parent_process_guid: str


class Event(NamedTuple):
    """A network, file, registry or service event that a process of a tree owns.

    `file_named` is `own` where the name of the file is that of the package that is installed, else
    `other`; empty where there is no file.
    """

    kind: str
    time: float
    dest_ip: str
    dest_port: str
    dest_ip_type: str
    url: str
    app: str
    file_path: str
    file_name: str
    registry_path: str
    registry_key_name: str
    registry_value_name: str
    registry_value_data: str
    service_name: str
    service_path: str
    start_mode: str
    action: str
    process_name: str
    file_named: str = ""


EVENT_KINDS = ("network", "file", "registry", "service")
"""Kinds of events besides process creations, in the order of their codes in `rows`."""
