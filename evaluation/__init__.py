"""How well the command and the rules of today find installer abuse, on the same events.

For development only, never shipped. `make evaluate` runs it; docs/quality.md is its answer.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The repository."""

for _folder in ("package/bin", "tools", "tests"):
    if str(ROOT / _folder) not in sys.path:
        sys.path.append(str(ROOT / _folder))
