"""The command's log: only what was not foreseen is written, so a search costs nothing."""

from __future__ import annotations

import os
import traceback


def log_error(error: BaseException) -> str:
    """Write an error with its traceback to Splunk's log folder.

    Returns:
        A sentence that says where to look.
    """
    if not os.environ.get("SPLUNK_HOME"):
        return "Set SPLUNK_HOME to have the details written to its log folder."
    from solnlib import log

    name = "ta_installerscore_command"
    log.Logs.set_context(namespace="TA-installerscore")
    log.Logs().get_logger(name).error(
        "%s", "".join(traceback.format_tb(error.__traceback__)) + type(error).__name__
    )
    return f"The details are in $SPLUNK_HOME/var/log/splunk/{name}.log; please report them."
