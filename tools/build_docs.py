"""Pages of the documentation that are made at build time, so that they cannot go stale.

mkdocs.yml names this file as a hook. The reference pages come from the catalogue, the saved
searches and the engine's column lists; nothing is written into docs/.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "package" / "bin"), str(ROOT / "tools")]

import docs_catalogue  # noqa: E402
import docs_fields  # noqa: E402
import docs_searches  # noqa: E402
import docs_signals  # noqa: E402


def pages() -> dict[str, str]:
    """Return the text of every generated page by its path below docs/."""
    parts = (docs_fields, docs_signals, docs_catalogue, docs_searches)
    made = {f"reference/{path}": text for part in parts for path, text in part.pages().items()}
    for name in ("CONTRIBUTING.md", "CHANGELOG.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        made[name.lower()] = text.replace("](docs/", "](")
    return made


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages to those of docs/; mkdocs calls this."""
    from mkdocs.structure.files import File

    for path, text in pages().items():
        files.append(File.generated(config, path, content=text))
    return files
