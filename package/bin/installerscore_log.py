"""The command's log: errors with their traceback and, at level DEBUG, the figures of each run.

Nothing else is written, so a search does not pay for a log; events never are.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Mapping
from typing import Any

NAME = "ta_installerscore_command"


def log_error(error: BaseException) -> str:
    """Write an error with its traceback to Splunk's log folder.

    Returns:
        A sentence that says where to look.
    """
    if not os.environ.get("SPLUNK_HOME"):
        return "Set SPLUNK_HOME to have the details written to its log folder."
    trace = "".join(traceback.format_tb(error.__traceback__)) + type(error).__name__
    problem = _write("ERROR", trace)
    if problem:
        return f"The details could not be logged ({problem})."
    return f"The details are in $SPLUNK_HOME/var/log/splunk/TA-installerscore_{NAME}.log."


def log_figures(counters: Mapping[str, Any], trees: int) -> None:
    """Write what one run counted."""
    figures = " ".join(f"{name}={value}" for name, value in counters.items())
    _write("DEBUG", f"action=scored trees={trees} {figures}")


def _write(level: str, text: str) -> str:
    """Write a line through solnlib; return what kept it from being written, or nothing."""
    try:
        from solnlib import log

        folder = os.path.join(os.environ["SPLUNK_HOME"], "var", "log", "splunk")
        log.Logs.set_context(directory=folder, namespace="TA-installerscore")
        logger = log.Logs().get_logger(NAME)
        logger.setLevel(level)
        getattr(logger, level.lower())("%s", text)
    except Exception as problem:  # whatever keeps the log from being written, the search goes on
        return type(problem).__name__
    return ""
