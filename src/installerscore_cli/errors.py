"""What the program says when it cannot go on."""

from __future__ import annotations


class InputError(Exception):
    """Input that cannot be used, as one sentence: what is wrong, where, what to do."""
