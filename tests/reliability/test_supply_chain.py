"""What the build takes in, and what the package says it holds."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from license_expression import Licensing

LOCKS = {
    "requirements/build.txt": "requirements/build.in",
    "package/lib/requirements.txt": "requirements/lib.in",
}
ALLOWED = {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "PSF-2.0", "Zlib"}
SPLUNK_TERMS = "Splunk App End User License Agreement"
"""Lets a part be distributed within an add-on for Splunk: the visualizations that UCC brings."""

PIN = re.compile(r"(?P<name>[\w.-]+)(?:\[[\w,-]+\])?==(?P<version>\S+)(?: ; (?P<marker>.*))?")


def requirements(path: str) -> list[tuple[str, list[str]]]:
    """The requirements of a file, each with its hashes."""
    text = (ROOT / path).read_text(encoding="utf-8").replace("\\\n", "")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(" --hash")[0].strip(), re.findall(r"--hash=(\S+)", line)) for line in lines]


@pytest.mark.parametrize("lock", LOCKS)
def test_all_that_the_build_installs_is_pinned_by_hash(lock: str) -> None:
    pinned = requirements(lock)
    assert len(pinned) > 5
    for requirement, hashes in pinned:
        assert PIN.fullmatch(requirement), requirement
        assert hashes, f"{requirement} has no hash: run make lock"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in hashes)


@pytest.mark.parametrize(("lock", "source"), LOCKS.items())
def test_the_hashed_list_is_made_of_the_short_one(lock: str, source: str) -> None:
    def key(requirement: str) -> tuple[str, str]:
        found = PIN.fullmatch(requirement)
        assert found, requirement
        return re.sub(r"[-_.]+", "-", found["name"]).lower(), found["version"]

    named = {key(requirement) for requirement, _ in requirements(source)}
    locked = {key(requirement) for requirement, _ in requirements(lock)}
    assert named <= locked, "run make lock"
    if source.endswith("lib.in"):
        assert named == locked


@pytest.fixture(scope="module")
def parts(package: Path) -> dict[str, Any]:
    """The list of what ships, checked against the schema of CycloneDX."""
    path = package.with_name(package.name.replace(".tar.gz", ".cdx.json"))
    text = path.read_text(encoding="utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    return json.loads(text)


def test_the_list_of_what_ships_is_that_of_this_package(package, parts) -> None:
    whole = parts["metadata"]["component"]
    assert f"{whole['name']}-{whole['version']}.tar.gz" == package.name
    assert whole["hashes"][0]["content"] == hashlib.sha256(package.read_bytes()).hexdigest()


def test_every_library_and_every_script_of_the_pages_is_listed(built_app, parts) -> None:
    listed = {normal(one["purl"]) for one in parts["components"]}
    metadata = [folder.name[: -len(".dist-info")] for folder in built_app.glob("lib/*.dist-info")]
    libraries = {normal("pkg:pypi/{}@{}".format(*name.rsplit("-", 1))) for name in metadata}
    licenses = (built_app / "appserver/static/js/build/licenses.txt").read_text(encoding="utf-8")
    packed = re.findall(r"^Name: (\S+)\nVersion: (\S+)$", licenses, re.MULTILINE)
    scripts = {normal(f"pkg:npm/{name.replace('@', '%40')}@{version}") for name, version in packed}
    assert (len(libraries), len(scripts) > 100) == (9, True)
    (generator,) = listed - libraries - scripts
    assert generator.startswith("pkg:pypi/splunk-add-on-ucc-framework@")
    assert libraries | scripts <= listed


def normal(purl: str) -> str:
    return purl.replace("_", "-").lower()


def test_lib_holds_nothing_but_those_libraries(built_app) -> None:
    entries = {path.name for path in (built_app / "lib").iterdir()}
    entries = {name for name in entries if not name.endswith(".dist-info")}
    assert entries == {
        *("defusedxml", "deprecation.py", "packaging", "requirements.txt", "socks.py"),
        *("sockshandler.py", "solnlib", "sortedcontainers", "splunklib", "splunktaucclib"),
        "urllib3",
    }


def test_every_license_is_one_that_we_may_ship(parts) -> None:
    licensing = Licensing()
    for one in [parts["metadata"]["component"], *parts["components"]]:
        (choice,) = one["licenses"]
        text = choice.get("expression") or choice["license"].get("id") or choice["license"]["name"]
        if text == SPLUNK_TERMS:
            assert one["group"] == "@splunk"
            continue
        tree = licensing.parse(text)
        allowed = tree.subs(
            {symbol: licensing.TRUE for symbol in tree.symbols if str(symbol) in ALLOWED}
        )
        assert allowed.simplify() == licensing.TRUE, f"{one['name']}: {text}"


def test_urllib3_which_has_no_newer_version_that_splunktaucclib_takes_is_hardly_used(
    built_app,
) -> None:
    """Its known weaknesses are about answers of foreign servers; only splunkd is ever asked."""
    users = {
        (path.relative_to(built_app).as_posix(), line.strip())
        for path in built_app.rglob("*.py")
        if "urllib3" not in path.parts
        for line in re.findall(
            r"^\s*(?:from|import)\s+urllib3\b.*", path.read_text(encoding="utf-8"), re.MULTILINE
        )
    }
    only = "from urllib3.util.retry import Retry"
    assert users == {("lib/solnlib/splunk_rest_client.py", only)}
