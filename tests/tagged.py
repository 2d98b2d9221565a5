"""Which events the tags of an app bring into which data set of CIM."""

from __future__ import annotations

from pathlib import Path

from spl.conf import stanzas

MODELS = {
    ("process", "report"): "Endpoint.Processes",
    ("communicate", "network"): "Network_Traffic.All_Traffic",
    ("endpoint", "filesystem"): "Endpoint.Filesystem",
    ("endpoint", "registry"): "Endpoint.Registry",
    ("report", "service"): "Endpoint.Services",
}
"""What tags bring an event into which data set, from the constraints of the CIM add-on."""


def data_sets(sample_app: Path) -> dict[str, str]:
    """Return the data set of each source type of an app, by its event types and tags."""
    default = sample_app / "default"
    tags = stanzas(default / "tags.conf")
    found = dict.fromkeys(stanzas(default / "props.conf"), "")
    for name, keys in stanzas(default / "eventtypes.conf").items():
        sourcetype = keys["search"].removeprefix('sourcetype="').removesuffix('"')
        found[sourcetype] = MODELS[tuple(sorted(tags[f"eventtype={name}"]))]
    return found
