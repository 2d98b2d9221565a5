"""What the program says when it cannot go on."""

from __future__ import annotations


class InputError(Exception):
    """Input that cannot be used, as one sentence: what is wrong, where, what to do."""


class OutputError(Exception):
    """Output that cannot be written, as one sentence: where, and why."""


class DatesError(InputError):
    """Times that were read with the month first turn out to be wrong; they cannot be taken back."""


class MissingPackageError(InputError):
    """A package that is needed to read some files is not installed; no other file helps."""
