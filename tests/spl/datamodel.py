"""The CIM data sets that the searches read: their fields and what the model fills in.

Source: the models Endpoint and Network_Traffic of the CIM add-on 6.4.0 and their calculated fields,
which turn an empty value into "unknown", or into 0 where it is a number. Left out: the names of
programs that the model takes out of command lines, and fields of assets and identities.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from .matching import Row, number


class Dataset(NamedTuple):
    """A root data set: its prefix, its fields, and what the model fills the empty ones with."""

    prefix: str
    fields: frozenset[str]
    filled: dict[str, str]


def _dataset(prefix: str, filled: str, others: str, numbers: str = "") -> Dataset:
    values = {**dict.fromkeys(filled.split(), "unknown"), **dict.fromkeys(numbers.split(), "0")}
    return Dataset(prefix, frozenset([*values, *others.split()]), values)


DATASETS = {
    "Endpoint.Processes": _dataset(
        "Processes",
        "dest loaded_file original_file_name parent_process parent_process_name parent_user process"
        " process_name user vendor_product",
        "action os parent_process_exec parent_process_guid parent_process_hash parent_process_id"
        " parent_process_path process_current_directory process_exec process_guid process_hash"
        " process_id process_integrity_level process_path user_id",
    ),
    "Endpoint.Filesystem": _dataset(
        "Filesystem",
        "action dest file_acl file_hash file_name file_path parent_process parent_process_name"
        " process process_name user vendor_product",
        "file_access_time file_create_time file_modify_time file_size image parent_process_exec"
        " parent_process_guid parent_process_hash parent_process_id parent_process_path"
        " process_exec process_guid process_hash process_id process_path",
    ),
    "Endpoint.Registry": _dataset(
        "Registry",
        "action dest parent_process parent_process_name process process_name registry_key_name"
        " registry_path registry_value_data registry_value_name registry_value_type user"
        " vendor_product",
        "image parent_process_exec parent_process_guid parent_process_hash parent_process_id"
        " parent_process_path process_exec process_guid process_hash process_id process_path"
        " registry_hive registry_value_text status",
    ),
    "Endpoint.Services": _dataset(
        "Services",
        "dest service service_id service_name start_mode status user vendor_product",
        "description process_guid process_id service_dll service_dll_hash service_dll_path"
        " service_exec service_hash service_path",
    ),
    "Network_Traffic.All_Traffic": _dataset(
        "All_Traffic",
        "action dest dvc rule src transport user vendor_product",
        "app bytes bytes_in bytes_out dest_ip direction process_guid process_id protocol src_ip",
        "dest_port src_port",
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
            filled = dataset.filled.get(field)
            if value in (None, "") or (filled == "0" and number(value) is None):
                value = filled
            if value not in (None, ""):
                row[f"{dataset.prefix}.{field}"] = value
        rows.append(row)
    return rows
