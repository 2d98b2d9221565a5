"""Commands -> syntax trees, by the grammar beside this file."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput

from .pipeline import Command

GRAMMAR = Path(__file__).with_name("grammar.lark")


@cache
def _parser(rule: str) -> Lark:
    return Lark(GRAMMAR.read_text(encoding="utf-8"), start=rule, parser="lalr")


@cache
def _tree(rule: str, text: str) -> Tree[Token]:
    return _parser(rule).parse(text)


def parse(command: Command, rule: str) -> Tree[Token]:
    """Return the syntax tree of a command's arguments.

    Raises:
        SplError: The grammar does not know this, with the place.
    """
    try:
        return _tree(rule, command.arguments)
    except UnexpectedEOF as error:
        raise command.error(f"{command.name} ends too early", len(command.arguments)) from error
    except UnexpectedInput as error:
        position = error.pos_in_stream if error.pos_in_stream is not None else 0
        if isinstance(error, UnexpectedCharacters) or error.token.type != "$END":
            found = command.arguments[position : position + 20].split("\n")[0]
            raise command.error(f"{command.name} does not know {found!r}", position) from error
        raise command.error(f"{command.name} ends too early", len(command.arguments)) from error


def text_of(token: Token | str) -> str:
    """Return what a word or a quoted string stands for.

    In quotes a backslash escapes a quotation mark and a backslash, and nothing else.
    """
    raw = str(token)
    if len(raw) > 1 and raw[0] == raw[-1] and raw[0] in "\"'":
        body = raw[1:-1]
        return body.replace("\\\\", "\0").replace('\\"', '"').replace("\0", "\\")
    return raw
