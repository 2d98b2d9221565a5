"""The wheel: holds the engine, the catalogue and the examples once, and works far from here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from .conftest import DATA

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("src", "package/bin/installer_trees", "package/lookups", "tests/cases")
FILES = ("pyproject.toml", "README.md", "LICENSE")
RICH = ("rich", "pygments", "markdown_it", "mdurl")


def run(*command: object, **options) -> str:
    done = subprocess.run(
        list(map(str, command)), capture_output=True, encoding="utf-8", check=False, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built of a copy, so that nothing is left in the repository."""
    copy = tmp_path_factory.mktemp("copy")
    for name in SOURCES:
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    for name in FILES:
        shutil.copy(ROOT / name, copy)
    out = tmp_path_factory.mktemp("wheel")
    build = ("-c", "import sys; from setuptools import build_meta as b; b.build_wheel(sys.argv[1])")
    run(sys.executable, *build, out, cwd=copy)
    (path,) = out.glob("installerscore-*.whl")
    return path


def test_it_holds_everything_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    packed = {
        "installer_trees/": ROOT / "package/bin/installer_trees",
        "installerscore_cli/": ROOT / "src/installerscore_cli",
        "installerscore_cli/lookups/": ROOT / "package/lookups",
        "installerscore_cli/cases/": ROOT / "tests/cases",
    }
    wanted = {
        prefix + path.relative_to(folder).as_posix()
        for prefix, folder in packed.items()
        for path in folder.rglob("*")
        if path.suffix in (".py", ".csv", ".json")
    }
    assert names == wanted


def test_installed_elsewhere_it_scores_explains_and_checks(wheel, tmp_path):
    """In an environment of its own, isolated from this one but for rich, which it depends on."""
    venv = tmp_path / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", venv)
    python = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    program = python.with_name("installerscore")
    run(
        sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps", wheel
    )
    import rich

    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    for name in RICH:
        (site / name).symlink_to(Path(rich.__file__).parent.parent / name)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    options = {"cwd": tmp_path, "env": environment}
    out = run(program, DATA / "sysmon.xml", "--save", "report.html", **options)
    assert "1 installer tree: " in out
    assert "</svg>" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "It finds:" in run(program, "explain", "MSI005", **options)
    run(program, "lint", **options)
    assert run(program, "--version", **options).startswith("installerscore ")
