"""What the command costs: generated streams, whole processes measured, counted work.

For development only, never shipped. `make bench` runs it; docs/performance.md is its answer.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The repository."""

for _folder in ("package/bin", "tools", "tests"):
    if str(ROOT / _folder) not in sys.path:
        sys.path.append(str(ROOT / _folder))
