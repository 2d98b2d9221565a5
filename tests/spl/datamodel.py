"""The CIM data sets that the searches read: their fields and what the model fills in.

Source: field lists of the CIM add-on's data models (Endpoint, Network_Traffic), and the
calculated fields there that turn an empty value into "unknown".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from .matching import Row


class Dataset(NamedTuple):
    """A root data set: its prefix, its fields, and the fields that are never empty."""

    prefix: str
    fields: frozenset[str]
    filled: tuple[str, ...]


def _dataset(prefix: str, filled: str, others: str) -> Dataset:
    names = filled.split() + others.split()
    return Dataset(prefix, frozenset(names), tuple(filled.split()))


DATASETS = {
    "Endpoint.Processes": _dataset(
        "Processes",
        "action dest original_file_name parent_process parent_process_exec parent_process_name"
        " process process_exec process_name user vendor_product",
        "os parent_process_guid parent_process_id parent_process_path process_current_directory"
        " process_guid process_hash process_id process_integrity_level process_path user_id",
    ),
    "Endpoint.Filesystem": _dataset(
        "Filesystem",
        "action dest file_name file_path user vendor_product",
        "file_access_time file_acl file_create_time file_hash file_modify_time file_size"
        " process_guid process_id",
    ),
    "Endpoint.Registry": _dataset(
        "Registry",
        "action dest registry_path user vendor_product",
        "process_guid process_id registry_hive registry_key_name registry_value_data"
        " registry_value_name registry_value_text registry_value_type status",
    ),
    "Endpoint.Services": _dataset(
        "Services",
        "dest service user vendor_product",
        "description process_guid process_id service_dll service_dll_hash service_dll_path"
        " service_exec service_hash service_id service_name service_path start_mode status",
    ),
    "Network_Traffic.All_Traffic": _dataset(
        "All_Traffic",
        "action app dest src user vendor_product",
        "bytes bytes_in bytes_out dest_ip dest_port direction dvc process_id protocol rule src_ip"
        " src_port transport",
    ),
}


def model_rows(name: str, events: Iterable[Row]) -> list[dict[str, Any]]:
    """Return events as the data model shows them: prefixed, known fields only, filled."""
    dataset = DATASETS[name]
    rows = []
    for event in events:
        row: dict[str, Any] = {"_time": float(event["_time"]), "host": event.get("dest", "unknown")}
        for field in dataset.fields:
            value = event.get(field)
            if value in (None, "") and field in dataset.filled:
                value = "unknown"
            if value not in (None, ""):
                row[f"{dataset.prefix}.{field}"] = value
        rows.append(row)
    return rows
