"""The built add-on and its package: layout, reproducibility, and AppInspect's verdict."""

from __future__ import annotations

import ctypes.util
import hashlib
import json
import os
import struct
import subprocess
import sys
import tarfile
from collections import Counter, defaultdict
from pathlib import Path

import build_app
import pytest
from conftest import APP, ROOT

LAYOUT = {
    "LICENSE",
    "README",
    "VERSION",
    "app.manifest",
    "appserver",
    "bin",
    "default",
    "lib",
    "lookups",
    "metadata",
    "static",
}
LIBRARIES = {
    "defusedxml",
    "deprecation",
    "packaging",
    "PySocks",
    "solnlib",
    "sortedcontainers",
    "splunk_sdk",
    "splunktaucclib",
    "urllib3",
}
PICTURES = {
    "appIcon.png": (36, 36),
    "appIcon_2x.png": (72, 72),
    "appIconAlt.png": (36, 36),
    "appIconAlt_2x.png": (72, 72),
    "appLogo.png": (160, 40),
    "appLogo_2x.png": (320, 80),
}
# What AppInspect warns of, and how often: all but the first in the code of UCC and of libraries.
WARNINGS = {
    ("check_collections_conf", "default/collections.conf"): 1,  # says that there is a collection
    ("check_for_custom_mako_templates", "appserver/templates/base.html"): 1,
    ("check_for_possible_threading", "lib/solnlib/concurrent/thread_pool.py"): 1,
    ("check_for_possible_threading", "lib/solnlib/modular_input/modinput.py"): 2,
    ("check_for_possible_threading", "lib/solnlib/splunkenv.py"): 2,
    # Says Python 2, and means that there is Python at all.
    ("check_for_python_script_existence", "None"): 1,
    ("check_for_splunk_js", "appserver/static/js/build/entry_page.js"): 1,
    ("check_for_splunk_js_header_and_footer_view", "appserver/static/js/build/entry_page.js"): 1,
    ("check_for_supported_tls", "lib/solnlib/rest.py"): 1,
    ("check_for_supported_tls", "lib/solnlib/splunk_rest_client.py"): 1,
    ("check_for_supported_tls", "lib/splunktaucclib/legacy/rest.py"): 1,
    # An example address in a description.
    ("check_hostnames_and_ips", "lib/PySocks-1.7.1.dist-info/METADATA"): 1,
    # The newer SDK needs Python 3.13 and would end support of 3.9.
    ("check_python_sdk_version", "lib/splunk_sdk-2.1.1.dist-info/METADATA"): 1,
    ("check_python_sdk_version", "lib/splunklib/__init__.py"): 1,
    ("check_ucc_dependencies", "lib/solnlib/__init__.py"): 1,
    ("check_ucc_dependencies", "lib/splunktaucclib/__init__.py"): 1,
}


def files(app: Path) -> dict[str, str]:
    """The digest of every file of the add-on, by path."""
    return {
        path.relative_to(app).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in app.rglob("*")
        if path.is_file()
    }


# --- layout --------------------------------------------------------------------------------


def test_layout(built_app):
    assert {path.name for path in built_app.iterdir()} == LAYOUT


def test_nothing_hidden_compiled_native_or_linked_ships(built_app):
    unwanted = [
        path.relative_to(built_app).as_posix()
        for path in built_app.rglob("*")
        if path.name.startswith(".")
        or path.name == "__pycache__"
        or path.suffix in {".pyc", ".pyo", ".so", ".pyd", ".dll", ".exe"}
        or path.is_symlink()
    ]
    assert unwanted == []


def test_lib_holds_the_pinned_libraries_and_no_others(built_app):
    requirements = (ROOT / "requirements" / "lib.in").read_text(encoding="utf-8")
    lines = [line for line in requirements.splitlines() if line and not line.startswith("#")]
    pinned = {line.replace("==", "-").replace("splunk-sdk", "splunk_sdk") for line in lines}
    installed = {path.name[: -len(".dist-info")] for path in built_app.glob("lib/*.dist-info")}
    assert installed == pinned
    assert {name.rpartition("-")[0] for name in installed} == LIBRARIES


def test_own_files_are_copied_unchanged(built_app):
    package = ROOT / "package"
    copied = [*(package / "bin").rglob("*.py"), *(package / "lookups").glob("*.csv")]
    assert copied
    for path in copied:
        assert path.read_bytes() == (built_app / path.relative_to(package)).read_bytes()


def test_no_pattern_of_the_catalogue_is_compiled_before_it_is_searched(built_app, python):
    code = (
        "import re, sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "import installerscore_run\n"
        "compiled = []\n"
        "compile_it = re.compile\n"
        "re.compile = lambda *a: compiled.append(a[0]) or compile_it(*a)\n"
        "loaded = installerscore_run.load(sys.argv[2])\n"
        "patterns = list(loaded.patterns())\n"
        "before = len(compiled)\n"
        "[pattern.search('') for pattern in patterns]\n"
        "print(before, len(compiled) - before, len(patterns))\n"
    )
    command = [python, "-c", code, str(built_app / "bin"), str(built_app / "lookups")]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    before, later, patterns = map(int, done.stdout.split())
    assert before == 0
    assert later == patterns > 500


@pytest.mark.parametrize(("name", "size"), PICTURES.items())
def test_pictures_have_the_sizes_that_splunk_asks_for(built_app, name, size):
    png = (built_app / "static" / name).read_bytes()
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", png[16:24]) == size


def test_package_holds_the_add_on_and_no_trace_of_who_packed_it(built_app, package):
    with tarfile.open(package) as tar:
        members = tar.getmembers()
    packed = {member.name for member in members if member.isfile()}
    assert packed == {f"{APP}/{name}" for name in files(built_app)}
    owners = {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in members}
    assert len(owners) == 1
    assert owners.pop()[:4] == (0, 0, "", "")
    assert {m.mode for m in members if m.isfile()} == {0o644}
    assert {m.mode for m in members if m.isdir()} == {0o755}


# --- reproducibility -----------------------------------------------------------------------


@pytest.mark.slow
def test_a_second_build_gives_the_same_package_and_leaves_the_sources_alone(package, tmp_path):
    before = build_app.digest_of_sources()
    python = ROOT / "build" / "venv" / "bin" / "python"
    script = ROOT / "tools" / "build_app.py"
    elsewhere = {"TZ": "Asia/Kathmandu", "LC_ALL": "C", "PYTHONHASHSEED": "7"}
    command = ["sh", "-c", 'umask 077; exec "$0" "$@"', python, script]
    subprocess.run(
        [*command, "--package", "--output", tmp_path],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, **elsewhere},
    )
    assert build_app.digest_of_sources() == before
    assert (tmp_path / package.name).read_bytes() == package.read_bytes()
    parts = package.name.replace(".tar.gz", ".cdx.json")
    assert (tmp_path / parts).read_bytes() == package.with_name(parts).read_bytes()


def test_build_number_rises_with_the_version_and_changes_with_the_sources():
    older = [build_app._build_number("0.9.12", digest) for digest in ("0", "3e7", "ab")]
    newer = build_app._build_number("0.10.0", "0")
    assert len(set(older)) == 3
    assert max(older) < newer < 2**31


# --- AppInspect ----------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["all", "cloud"])
def report(request: pytest.FixtureRequest, package: Path, tmp_path_factory) -> dict:
    """AppInspect's report on the package, over all its checks and over those for Cloud."""
    if ctypes.util.find_library("magic") is None:
        pytest.fail(
            "AppInspect needs libmagic: install it with `apt-get install libmagic1` "
            "or `brew install libmagic`",
            pytrace=False,
        )
    result = tmp_path_factory.mktemp("appinspect") / "report.json"
    command = [Path(sys.executable).with_name("splunk-appinspect"), "inspect", package]
    command += ["--data-format", "json", "--output-file", result, "--skip-trusted-libraries-update"]
    if request.param == "cloud":
        command += ["--included-tags", "cloud"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert result.is_file(), done.stdout + done.stderr
    return json.loads(result.read_text(encoding="utf-8"))


def by_result(report: dict) -> dict[str, set[str]]:
    """The names of AppInspect's checks, by what they came to."""
    names: dict[str, set[str]] = defaultdict(set)
    for group in report["reports"][0]["groups"]:
        for check in group["checks"]:
            names[check["result"]].add(check["name"])
    return names


@pytest.mark.slow
def test_appinspect_finds_nothing_to_fail_and_skips_nothing(report):
    names = by_result(report)
    assert not names["error"] | names["failure"] | names["future_failure"] | names["skipped"]
    summary = report["summary"]
    counts = {key: summary[key] for key in ("error", "failure", "future_failure", "skipped")}
    assert counts == dict.fromkeys(counts, 0)
    assert summary["success"] > 50


@pytest.mark.slow
def test_appinspect_warns_of_nothing_but_what_is_known(report):
    found = Counter(
        (check["name"], str(message["message_filename"]))
        for group in report["reports"][0]["groups"]
        for check in group["checks"]
        for message in check["messages"]
        if message["result"] == "warning"
    )
    assert found == WARNINGS
    assert by_result(report)["warning"] == {name for name, _ in WARNINGS}
