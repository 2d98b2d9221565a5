"""The command's log: only what was not foreseen is written, so a search costs nothing."""

from __future__ import annotations

import os
import traceback


def log_error(error: BaseException) -> str:
    """Write an error with its traceback to Splunk's log folder.

    Returns:
        A sentence that says where to look.
    """
    home = os.environ.get("SPLUNK_HOME")
    if not home:
        return "Set SPLUNK_HOME to have the details written to its log folder."
    name = "ta_installerscore_command"
    try:
        from solnlib import log

        log.Logs.set_context(
            directory=os.path.join(home, "var", "log", "splunk"), namespace="TA-installerscore"
        )
        trace = "".join(traceback.format_tb(error.__traceback__)) + type(error).__name__
        log.Logs().get_logger(name).error("%s", trace)
    except Exception as problem:  # whatever keeps the log from being written, the search goes on
        return f"The details could not be logged ({type(problem).__name__})."
    return f"The details are in $SPLUNK_HOME/var/log/splunk/TA-installerscore_{name}.log."
