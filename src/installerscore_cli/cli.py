"""`installerscore`: parses the command line, runs a command, answers with an exit code."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence

from installer_trees.errors import InstallerTreesError

from . import explain, lint, scoring, tables
from .clean import visible
from .errors import InputError
from .options import parse

UNUSABLE, BUG, INTERRUPTED, BROKEN_PIPE = 2, 70, 130, 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    try:
        _prepare_streams()
        code = _run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
        return code
    except (InputError, InstallerTreesError) as error:
        say("error", str(error))
        return UNUSABLE
    except KeyboardInterrupt:
        say("error", "Interrupted; nothing was scored to the end.")
        return INTERRUPTED
    except BrokenPipeError:
        # Who read our output has gone; what still waits to be written must not raise again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception:
        traceback.print_exc()
        say("error", "This is a fault of installerscore itself; please report the lines above.")
        return BUG


def say(level: str, text: str) -> None:
    """Write a sentence to standard error."""
    print(f"installerscore: {level}: {visible(text)}", file=sys.stderr)


def _prepare_streams() -> None:
    """Let no character that the terminal cannot show end the program."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _run(arguments: Sequence[str]) -> int:
    sources = tables.load()
    options: argparse.Namespace = parse(arguments, list(sources))
    if options.command == "explain":
        return explain.run(options.ids)
    if options.command == "lint":
        return lint.run(options.files)
    return scoring.run(options, sources, say)
