"""`installerscore`: parses the command line, runs a command, answers with an exit code."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress

from installer_trees.errors import InstallerTreesError

from . import output
from .clean import visible
from .errors import InputError, OutputError

UNUSABLE, BUG, INTERRUPTED, BROKEN_PIPE = 2, 70, 130, 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    try:
        _prepare_streams()
        with output.standard():
            return _run(sys.argv[1:] if arguments is None else arguments)
    except (InputError, OutputError, InstallerTreesError) as error:
        say("error", str(error))
        return UNUSABLE
    except KeyboardInterrupt:
        say("error", "Interrupted; nothing was scored to the end.")
        return INTERRUPTED
    except BrokenPipeError:
        return BROKEN_PIPE
    except Exception:
        with suppress(OSError):
            traceback.print_exc()
        say("error", "This is a fault of installerscore itself; please report the lines above.")
        return BUG


def say(level: str, text: str) -> None:
    """Write a sentence to standard error; where that cannot be written, the exit code is left."""
    with suppress(OSError):
        print(f"installerscore: {level}: {visible(text)}", file=sys.stderr)


def _prepare_streams() -> None:
    """Let no character that the terminal cannot show end the program."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _run(arguments: Sequence[str]) -> int:
    # Most of the program is loaded here, where Ctrl-C is met while it loads.
    from . import explain, lint, scoring, tables
    from .options import parse

    if not tables.FOLDER.is_dir():
        raise InputError("This program cannot run out of a zip file; unpack or install it.")
    sources = tables.load()
    options: argparse.Namespace = parse(arguments, list(sources))
    if options.command == "explain":
        return explain.run(options.ids)
    if options.command == "lint":
        return lint.run(options.files)
    return scoring.run(options, sources, say)
