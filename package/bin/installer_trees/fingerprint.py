"""Names for trees: one for this very tree, one for all trees of its kind."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

from .columns import decimal_id
from .model import Tree

_RULES = (
    (re.compile(r"\{?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?"), "<guid>"),
    (re.compile(r"([\\/](?:users|home)[\\/])[^\\/\s\"']+"), r"\1<user>"),
    (re.compile(r"(pkinstallsandbox|rpm-tmp|tmp|temp)[.\-_][a-z0-9]+"), r"\1.<random>"),
    (re.compile(r"\b(msi|is-|ns)[0-9a-z]{2,8}\.tmp"), r"\1<random>.tmp"),
    (re.compile(r"\b(?=[a-z]*\d)[0-9a-f]{8,}\b"), "<hex>"),
    (re.compile(r"\d+(?:[.\-_]\d+)*"), "<n>"),
    (re.compile(r"\s+"), " "),
)


@lru_cache(maxsize=10_000)
def normalized(command_line: str) -> str:
    """Take out of a command line what differs from one host or release to the next."""
    text = command_line.lower()
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text.strip()


def fingerprint(tree: Tree) -> str:
    """Return 16 hex digits that trees of the same shape and commands share, on any host."""
    nodes = tree.nodes
    host = re.compile(rf"(?<![\w\-]){re.escape(tree.top.process.dest)}(?![\w\-])", re.IGNORECASE)
    shape = {
        (
            nodes[node.parent].process.process_name.lower() if node.parent >= 0 else "",
            node.process.process_name.lower(),
            normalized(host.sub("<host>", node.process.process[:2000])),
        )
        for node in nodes
    }
    text = "\n".join([tree.family, *("\t".join(edge) for edge in sorted(shape))])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def tree_id(tree: Tree) -> str:
    """Return 32 hex digits that name this tree in every run that sees its root.

    Made of host, process GUID and id, since some sources give one GUID to all; without a GUID, of
    host, id, time and command line.
    """
    top = tree.top.process
    parts = [top.dest.lower(), top.process_guid, decimal_id(top.process_id)]
    if not top.process_guid:
        parts += [f"{top.time:.3f}", top.process_name.lower(), top.process]
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
