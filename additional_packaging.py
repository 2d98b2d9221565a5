"""What the UCC generator leaves to us; it calls `cleanup_output_files` at the end of a build."""

from __future__ import annotations

import shutil
from pathlib import Path

HERE = Path(__file__).resolve().parent
# How pip installed a library: it differs with the Python that builds, and serves nobody later.
PIP_NOTES = {"INSTALLER", "RECORD", "REQUESTED", "WHEEL"}


def cleanup_output_files(output_path: str, ta_name: str) -> None:
    """Remove what must not ship, and add the license.

    AppInspect rejects hidden files and compiled Python, both of which the generator copies.

    Args:
        output_path: Folder that holds the built add-on.
        ta_name: Name of the add-on's folder.
    """
    app = Path(output_path) / ta_name
    for path in sorted(app.rglob("*"), reverse=True):  # what a folder holds before the folder
        unwanted = path.name.startswith(".") or path.name == "__pycache__"
        if unwanted and path.is_dir():
            shutil.rmtree(path)
        elif unwanted or path.suffix in {".pyc", ".pyo"} or _is_pip_note(path):
            path.unlink()
    # It describes the tables of the page as those of an account.conf; package/README has our own.
    (app / "README" / "ta_installerscore_account.conf.spec").unlink()
    shutil.copyfile(HERE / "LICENSE", app / "LICENSE")


def _is_pip_note(path: Path) -> bool:
    return path.parent.suffix == ".dist-info" and path.name in PIP_NOTES
