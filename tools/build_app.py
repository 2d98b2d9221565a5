"""Build the add-on, and its package, from a staged copy of the sources.

The UCC generator rewrites the globalConfig.json that it reads, puts the time of day into its
output, and reports some failures with exit code 0. This script keeps the sources untouched,
makes the output depend on the sources alone, and fails when the generator failed.

Beside the package it leaves the list of what ships; see build_sbom.

Run it through `make build` or `make package`, which prepare the Python that it needs.
"""

from __future__ import annotations

import argparse
import fcntl
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "output"
STAGED = ("package", "globalConfig.json", "additional_packaging.py", "LICENSE")
DIGESTED = (*STAGED, "requirements/build.txt", "tools/build_app.py")
PIP_VERSION = "25.3"  # the generator's own default is a pip that it cannot work with
# Nothing but what the requirements name, by hash. The one library without a wheel is built by the
# pinned setuptools beside this Python, and not by the newest one.
PIP_FLAGS = (
    "--no-compile --ignore-installed --no-deps --require-hashes --only-binary=:all: "
    "--no-binary=splunk-sdk --no-build-isolation"
)
# The time of every file in the package, unless SOURCE_DATE_EPOCH says another: 2025-01-01.
EPOCH = 1735689600


class BuildError(Exception):
    """The add-on could not be built; the message says why and what to do."""


def main(arguments: list[str] | None = None) -> int:
    """Build what the command line asks for; returns the exit code of the script."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--package", action="store_true", help="write the .tar.gz as well")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="folder to write to")
    options = parser.parse_args(arguments)
    try:
        with _only_one_build():
            app = build(options.output)
            print(f"Built {_shown(app)}")
            if options.package:
                package = pack(app, options.output)
                print(f"Packed {_shown(package)}")
                print(f"Listed {_shown(list_parts(app, package))}")
    except BuildError as error:
        print(f"Build failed: {error}", file=sys.stderr)
        return 1
    return 0


def build(output: Path) -> Path:
    """Build the add-on into `output`, unless what is there came from the same sources.

    Args:
        output: Folder that gets the add-on's folder and a stamp.

    Returns:
        The folder of the built add-on.

    Raises:
        BuildError: A source is missing, or the generator failed.
    """
    name, version = read_id()
    digest = digest_of_sources()
    app, stamp = output / name, output / ".built"
    if app.is_dir() and stamp.is_file() and stamp.read_text() == digest:
        return app
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="stage-", dir=ROOT / "build") as folder:
        stage = Path(folder)
        _stage(stage)
        _generate(stage, version)
        built = stage / "output" / name
        _set_build_number(built, _build_number(version, digest))
        _note_catalogue(built)
        _let_deployers_replace_lookups(built)
        _set_modes(built)
        output.mkdir(parents=True, exist_ok=True)
        stamp.unlink(missing_ok=True)
        shutil.rmtree(app, ignore_errors=True)
        shutil.move(str(built), app)
    stamp.write_text(digest)
    return app


def pack(app: Path, output: Path) -> Path:
    """Write the package of a built add-on: the same bytes whenever the add-on is the same.

    Args:
        app: Folder of the built add-on.
        output: Folder that gets the package.

    Returns:
        The package, `<name>-<version>.tar.gz`.
    """
    name, version = read_id()
    archive = output / f"{name}-{version}.tar.gz"
    epoch = _epoch()

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = epoch, 0, 0, "", ""
        return entry

    with archive.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=epoch) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for path in [app, *sorted(app.rglob("*"))]:
                arcname = Path(name) / path.relative_to(app)
                tar.add(path, arcname, recursive=False, filter=plain)
    return archive


def list_parts(app: Path, package: Path) -> Path:
    """Write the list of what a package holds beside it, and return its path."""
    import build_sbom  # a library of the build: `build` is used by tests without it

    return build_sbom.write(app, package, metadata.version(build_sbom.UCC), _epoch())


def _epoch() -> int:
    return int(os.environ.get("SOURCE_DATE_EPOCH", EPOCH))


def read_id() -> tuple[str, str]:
    """Return the app id and the version, both of which app.manifest owns."""
    manifest = json.loads((ROOT / "package" / "app.manifest").read_text(encoding="utf-8"))
    identity = manifest["info"]["id"]
    return identity["name"], identity["version"]


def digest_of_sources() -> str:
    """Return a digest of every file that the build depends on."""
    digest = hashlib.sha256()
    for path in sorted(_sources()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(ROOT).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    for name in DIGESTED:
        path = ROOT / name
        if not path.exists():
            raise BuildError(f"{name} is missing")
        yield from _files(path.rglob("*") if path.is_dir() else [path])


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """Leave out folders and what Python, editors and file managers drop among the sources."""
    for path in paths:
        parts = path.relative_to(ROOT).parts
        if path.is_file() and not any(p.startswith(".") or p == "__pycache__" for p in parts):
            yield path


def _stage(stage: Path) -> None:
    ignore = shutil.ignore_patterns(".*", "__pycache__")
    for name in STAGED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, stage / name, ignore=ignore)
        else:
            shutil.copyfile(source, stage / name)


def _generate(stage: Path, version: str) -> None:
    """Run the generator in the stage, with the environment of the Python that runs this."""
    command = [str(Path(sys.executable).with_name("ucc-gen")), "build", "--source", "package"]
    command += ["--ta-version", version, "--output", "output", "--overwrite"]
    command += ["--pip-version", PIP_VERSION, "--python-binary-name", sys.executable]
    command += ["--pip-custom-flag", PIP_FLAGS]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PIP_CACHE_DIR": _pip_cache()}
    try:
        done = subprocess.run(
            command,
            cwd=stage,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
    except FileNotFoundError:
        raise BuildError("ucc-gen is not installed beside this Python: run `make build`") from None
    failed = done.returncode or re.search(r"^ERROR:", done.stdout, re.MULTILINE)
    if failed:
        raise BuildError(f"ucc-gen said (exit code {done.returncode}):\n{done.stdout}")


def _pip_cache() -> str:
    """Return a cache of its own for each set of tools: other tools build other wheels."""
    digest = hashlib.sha256((ROOT / "requirements" / "build.txt").read_bytes()).hexdigest()
    return str(ROOT / "build" / "pip" / digest[:12])


def _build_number(version: str, digest: str) -> int:
    """Return a number that rises with the version and changes with the sources.

    Splunk Web has it in the addresses of an app's scripts: a browser must not use old ones.
    """
    major, minor, patch = (int(part) for part in version.split("."))
    return (major * 10_000 + minor * 100 + patch) * 1000 + int(digest, 16) % 1000


def _set_build_number(app: Path, number: int) -> None:
    for name, pattern, replacement in (
        ("default/app.conf", r"(?m)^build = \d+$", f"build = {number}"),
        ("appserver/templates/base.html", r"static/@\d+/", f"static/@{number}/"),
    ):
        path = app / name
        content, count = re.subn(pattern, replacement, path.read_text(encoding="utf-8"))
        if not count:
            raise BuildError(f"{name} has no build number where ucc-gen used to write it")
        path.write_text(content, encoding="utf-8")


def _note_catalogue(app: Path) -> None:
    """Note what a search need not find out again, and which catalogue came with this version.

    Of its patterns that they are good, so that not all are compiled; of its files a checksum, since
    an upgrade of a cluster may keep the old ones.
    """
    sys.path.insert(0, str(ROOT / "package" / "bin"))
    from installer_trees import catalogue, files, regex

    loaded = files.load(str(app / "lookups"))
    if loaded.problems:
        raise BuildError("; ".join(map(str, loaded.problems)))
    sums = (f"{files.checksum(app / 'lookups' / name)} {name}\n" for name in catalogue.NAMES)
    for path, text in (
        (regex.CHECKED, regex.checked(loaded.patterns())),
        (files.SHIPPED, "".join(sums)),
    ):
        place = app / "bin" / "installer_trees" / os.path.basename(path)
        place.write_text(text, encoding="ascii")


def _let_deployers_replace_lookups(app: Path) -> None:
    """Say in app.conf that an upgrade of a cluster brings its own lookup files.

    Source: app.conf.spec, `deployer_lookups_push_mode`, by default `always_preserve`.
    """
    conf = app / "default" / "app.conf"
    text = conf.read_text(encoding="utf-8").rstrip("\n")
    mode = "[shclustering]\ndeployer_lookups_push_mode = always_overwrite\n"
    conf.write_text(f"{text}\n\n{mode}", encoding="utf-8")


def _set_modes(app: Path) -> None:
    """Make permissions independent of the umask of whoever builds."""
    for path in [app, *app.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


@contextmanager
def _only_one_build() -> Iterator[None]:
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _shown(path: Path) -> str:
    return os.path.relpath(path)


if __name__ == "__main__":
    sys.exit(main())
