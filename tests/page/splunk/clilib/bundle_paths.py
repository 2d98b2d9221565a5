"""Where Splunk is installed."""

from __future__ import annotations

import os
from collections.abc import Sequence


def make_splunkhome_path(parts: Sequence[str]) -> str:
    """Return a path under SPLUNK_HOME."""
    return os.path.join(os.environ["SPLUNK_HOME"], *parts)
