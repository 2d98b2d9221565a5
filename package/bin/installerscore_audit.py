"""The audit log: who changed what on the configuration page, from what to what."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from typing import Any

NAME = "ta_installerscore_audit"


def opened() -> logging.Logger:
    """Return the log, so that a change can be refused if it could not be noted.

    Raises:
        OSError: It cannot be written.
        KeyError: SPLUNK_HOME is not set.
    """
    from solnlib import log

    folder = os.path.join(os.environ["SPLUNK_HOME"], "var", "log", "splunk")
    log.Logs.set_context(directory=folder, namespace="TA-installerscore")
    logger = log.Logs().get_logger(NAME)
    logger.setLevel(logging.INFO)
    return logger


def changed(
    logger: logging.Logger,
    user: str,
    action: str,
    where: tuple[str, str],
    old: Mapping[str, Any],
    new: Mapping[str, Any],
) -> None:
    """Write one line about a change.

    Args:
        logger: The opened log.
        user: Who made it.
        action: `create`, `edit` or `remove`.
        where: The conf file and the stanza.
        old: The stanza before; empty for a new one.
        new: The stanza after; empty for one that is gone.
    """
    texts = {key: (_text(old.get(key)), _text(new.get(key))) for key in sorted({*old, *new})}
    changes = {
        key: [before, after]
        for key, (before, after) in texts.items()
        if before != after and not key.startswith("eai:")
    }
    conf, stanza = map(json.dumps, where)
    logger.info(
        "action=%s conf=%s entry=%s user=%s changes=%s",
        *(action, conf, stanza, json.dumps(user), json.dumps(changes)),
    )


def _text(value: Any) -> str:
    return "" if value in (None, False) else str(value)
