"""List what ships in the package: CycloneDX 1.6, JSON, beside the package.

Everything is read from the built add-on: the metadata that pip left in `lib`, and the licenses that
the UCC generator put beside the scripts of its pages. The same add-on gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from datetime import datetime, timezone
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

SPLUNK_TERMS = "Splunk App End User License Agreement"
UCC = "splunk-add-on-ucc-framework"
PAGES = "appserver/static/js/build/licenses.txt"

_SAID = {
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "http://www.apache.org/licenses/LICENSE-2.0": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "PSFL": "PSF-2.0",
    "(MIT)": "MIT",
    "MIT OR SEE LICENSE IN FEEL-FREE.md": "MIT",
}
"""How authors write licenses that have an SPDX name."""

_NOT_SAID = {"uuid-v4@0.1.0": "MIT"}
"""Licenses that are in a readme only."""

_PAGE_PACKAGE = re.compile(r"^Name: (\S+)\nVersion: (\S+)\nLicense: (.+)$", re.MULTILINE)


def write(app: Path, package: Path, ucc_version: str, epoch: int) -> Path:
    """Write the list of what a package holds.

    Args:
        app: Folder of the built add-on.
        package: The package made of it.
        ucc_version: Version of the generator, whose templates and pages are in the add-on.
        epoch: The time that the list bears.

    Returns:
        The list, beside the package.
    """
    identity = json.loads((app / "app.manifest").read_text(encoding="utf-8"))["info"]["id"]
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    whole = Component(
        type=ComponentType.APPLICATION,
        name=identity["name"],
        version=identity["version"],
        bom_ref=f"{identity['name']}@{identity['version']}",
        licenses=[LicenseFactory().make_from_string("Apache-2.0")],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
    )
    generator = _component("pypi", UCC, ucc_version, "Apache-2.0")
    pages = list(page_packages(app))
    libraries = {found["Name"]: found for found in libraries_of(app)}
    components = {
        name: _component("pypi", name, found["Version"], _license_of(found))
        for name, found in libraries.items()
    }
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, digest))
    bom.metadata.timestamp = datetime.fromtimestamp(epoch, timezone.utc)
    bom.metadata.component = whole
    bom.components.update([generator, *pages, *components.values()])
    bom.register_dependency(whole, [generator, *components.values()])
    bom.register_dependency(generator, pages)
    by_key = {_key(name): component for name, component in components.items()}
    for name, found in libraries.items():
        needs = (re.split(r"[^\w.-]", line)[0] for line in found.get_all("Requires-Dist") or ())
        bom.register_dependency(
            components[name], [by_key[_key(need)] for need in needs if _key(need) in by_key]
        )
    target = package.with_name(package.name.replace(".tar.gz", ".cdx.json"))
    target.write_text(JsonV1Dot6(bom).output_as_string(indent=2) + "\n", encoding="utf-8")
    return target


def libraries_of(app: Path) -> list[Message]:
    """Return the metadata of the libraries in the add-on's lib folder."""
    paths = sorted(app.glob("lib/*.dist-info/METADATA"))
    return [HeaderParser().parsestr(path.read_text(encoding="utf-8")) for path in paths]


def page_packages(app: Path) -> Iterator[Component]:
    """Yield the npm packages in the scripts of the configuration page."""
    text = (app / PAGES).read_text(encoding="utf-8")
    for name, version, said in sorted(set(_PAGE_PACKAGE.findall(text))):
        said = _NOT_SAID.get(f"{name}@{version}", said)
        if name.startswith("@splunk/") and said == "SEE LICENSE IN LICENSE.md":
            said = SPLUNK_TERMS
        yield _component("npm", name, version, _SAID.get(said, said))


def _license_of(metadata: Message) -> str:
    said = str(metadata["License-Expression"] or metadata["License"])
    return _SAID.get(said, said)


def _component(kind: str, name: str, version: str, license_name: str) -> Component:
    group, _, short = name.rpartition("/")
    purl = PackageURL(kind, group or None, short, version)
    return Component(
        type=ComponentType.LIBRARY,
        group=group or None,
        name=short,
        version=version,
        purl=purl,
        bom_ref=purl.to_string(),
        licenses=[LicenseFactory().make_from_string(license_name)],
    )


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
