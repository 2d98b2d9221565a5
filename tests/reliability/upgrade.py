"""Install an older build, make it one's own, install the present one over it, and look.

    python tests/reliability/upgrade.py COMMIT [--write]

Builds the package of COMMIT and of the last commit, each in a folder of its own. `--write` takes
the names that COMMIT ships as those that test_compatibility.py holds every later version to.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / name) for name in ("package/bin", "tools", "tests")]

import sample  # noqa: E402
import scp  # noqa: E402
from spl.conf import stanzas  # noqa: E402
from spl.macros import calls, read  # noqa: E402

from reliability.shipped import names  # noqa: E402

NAME = "TA-installerscore"
BEFORE = Path(__file__).with_name("shipped_before.json")
OWN = {
    "local/ta_installerscore_settings.conf": "[scoring]\nminscore = 40\nallowlist_bound = 30\n",
    "metadata/local.meta": "[savedsearches]\nowner = ada\n",
    "lookups/our_weights.csv": "signal_id,weight\nMSI001,10\n",
    "local/data/ui/views/ours.xml": "<dashboard><label>Ours</label></dashboard>\n",
}


def package_of(commit: str, folder: Path) -> Path:
    """Build a commit in a folder; the package."""
    archive = ["git", "-C", ROOT, "archive", commit]
    content = subprocess.run(archive, check=True, capture_output=True).stdout
    folder.mkdir()
    subprocess.run(["tar", "-x", "-C", folder], input=content, check=True)
    make = ["make", "package", f"PYTHON={sys.executable}"]
    subprocess.run(make, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    (package,) = (folder / "output").glob("*.tar.gz")
    return package


def unpack(package: Path, apps: Path) -> Path:
    """Put a package into a folder of apps, as Splunk does: over what is there."""
    with tarfile.open(package) as tar:
        tar.extractall(apps)
    return apps / NAME


def make_own(app: Path) -> dict[str, str]:
    """Change all that users change; the files, with their digests."""
    searches = stanzas(app / "default" / "savedsearches.conf")
    macros = stanzas(app / "default" / "macros.conf")
    own = {
        **OWN,
        "local/savedsearches.conf": "".join(
            f"[{name}]\ndisabled = 0\ncron_schedule = 7 * * * *\n\n" for name in searches
        ),
        "local/macros.conf": "".join(
            f'[{name}]\ndefinition = search NOT user="known"\n\n'
            for name in macros
            if name.endswith("_filter")
        ),
    }
    for name, text in own.items():
        path = app / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    with (app / "lookups" / "installerscore_signals.csv").open("a", encoding="utf-8") as shipped:
        shipped.write("edited,by,hand\n")
    return {name: digest(app / name) for name in own}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check(app: Path, clean: Path, own: dict[str, str]) -> list[str]:
    """What an upgraded add-on has wrong, against one that was never older."""
    problems = [name for name, before in own.items() if digest(app / name) != before]
    problems += [
        f"{path.relative_to(clean)} is not the new one"
        for path in clean.rglob("*")
        if path.is_file() and digest(app / path.relative_to(clean)) != digest(path)
    ]
    for conf in ("savedsearches", "macros"):
        shipped = stanzas(app / "default" / f"{conf}.conf")
        local = stanzas(app / "local" / f"{conf}.conf")
        problems += [f"{conf}: [{name}] has nothing to change" for name in local.keys() - shipped]
    macros = read(stanzas(app / "default" / "macros.conf"))
    for name, keys in stanzas(app / "default" / "savedsearches.conf").items():
        missing = {call.stanza for call in calls(keys["search"])} - macros.keys()
        problems += [f"{name}: no macro {macro}" for macro in missing]
    rows = sample.newest_first(sample.load())
    if scp.run(app, rows).bodies != scp.run(clean, rows).bodies:
        problems.append("the sample gets another answer")
    return problems


def main() -> int:
    """Say what an upgrade keeps; returns the number of problems."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("commit")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        old, new = (package_of(c, place / n) for c, n in ((options.commit, "old"), ("HEAD", "new")))
        app, clean = unpack(old, place / "apps"), unpack(new, place / "clean")
        if options.write:
            text = json.dumps(names(app), indent=1, ensure_ascii=False)
            BEFORE.write_text(text + "\n", encoding="utf-8")
            print(f"Wrote {BEFORE.relative_to(ROOT)}")
        own = make_own(app)
        unpack(new, place / "apps")
        problems = check(app, clean, own)
        kept = {path.relative_to(app) for path in app.rglob("*") if path.is_file()}
        shipped = {path.relative_to(clean) for path in clean.rglob("*") if path.is_file()}
        stale = sorted(str(path) for path in kept - shipped - {Path(name) for name in own})
    print(f"Kept: {len(own)} files of the user's. New: {len(shipped)} files. Left over: {stale}")
    print("\n".join(problems) or "Nothing is wrong.")
    return len(problems)


if __name__ == "__main__":
    sys.exit(main())
