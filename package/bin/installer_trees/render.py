"""A scored tree -> output rows, bounded so that they can be indexed and read.

Splunk cuts indexed results at 10,000 characters; what is left out of a row is said in the row. The
data may be written by whoever is looked for: composed texts hold no value that did not go through
`cut`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Union

from .columns import NO_TIME
from .drawing import draw, matches_by_node
from .events import Event
from .evidence import evidence
from .model import Allowance, Node, Score, Signal, Tree
from .parents import LINKS
from .texts import VALUE_CHARS, counted, cut, name, pid
from .threats import THREATS_CHARS, threats

ROW_CHARS = 9_400
"""Characters of all values of a row; the names of the columns come on top."""
LEAST_CHARS = 400
"""What there is for the long columns at least, however much the others take."""
DETAIL_CHARS = 2_400
LINE_CHARS = 500
"""A line of `signal_detail` with everything in it as long as it may be: there is room for one."""
JSON_CHARS = 1_800
COMMAND_CHARS = 1_000
ACTION_CHARS = 20
TITLE_CHARS = 120
WHO_CHARS = 100
"""A user or a host."""

Value = Union[str, int, float, "list[str]"]

TREE_COLUMNS = (
    "_time dest user installer_score installer_severity installer_family process_name process "
    "process_id process_guid parent_process_name parent_process signal signal_detail "
    "mitre_technique_id risk_message tree process_count tree_depth first_time last_time "
    "dest_prevalence tree_fingerprint installer_tree_id link_method allowlist risk_score "
    "risk_object risk_object_type threat_object threat_object_type score_json"
).split()
"""Columns of `output=trees`, in their order."""

PROCESS_COLUMNS = (
    "installer_tree_id installer_score process_score signal tree_depth parent_node node"
).split()
"""Columns that `output=processes` adds to the input's own."""


def tree_row(
    tree: Tree, score: Score, seen: tuple[int, int], fingerprint: str, tree_id: str
) -> dict[str, Value]:
    """Return the row of a tree for `output=trees`; multivalue columns are lists.

    `seen` is on how many hosts this search and the baseline saw the fingerprint.
    """
    top = tree.top.process
    first, last = span(tree)
    links = Counter(node.link for node in tree.nodes if node.link)
    user = top.user or next((n.process.user for n in tree.nodes if n.process.user), "")
    row: dict[str, Value] = {
        **dict.fromkeys(TREE_COLUMNS, ""),
        "_time": told_time(top.time),
        "dest": top.dest[:VALUE_CHARS],
        "user": user[:VALUE_CHARS],
        "installer_score": score.value,
        "installer_severity": score.severity,
        "installer_family": tree.family,
        "process_name": top.process_name[:VALUE_CHARS],
        "process_id": top.process_id[:VALUE_CHARS],
        "process_guid": top.process_guid[:VALUE_CHARS],
        "parent_process_name": top.parent_process_name[:VALUE_CHARS],
        "signal": [reason.signal.signal_id for reason in score.reasons],
        "mitre_technique_id": _techniques(score),
        "risk_message": risk_message(tree, score),
        "tree": draw(tree, score),
        "process_count": len(tree.nodes),
        "tree_depth": max(node.depth for node in tree.nodes),
        "first_time": told_time(first),
        "last_time": told_time(last),
        "dest_prevalence": seen[0],
        "tree_fingerprint": fingerprint,
        "installer_tree_id": tree_id,
        "link_method": [link for link in LINKS if links[link]],
        "allowlist": [_allowed(allowance) for allowance in score.allowances],
        "risk_score": score.value,
        "risk_object": top.dest[:VALUE_CHARS],
        "risk_object_type": "system",
    }
    _fill(row, tree, score, seen, links)
    return row


def span(tree: Tree) -> tuple[float, float]:
    """Return when the first and the last process began, `NO_TIME` where none says it."""
    times = [node.process.time for node in tree.nodes if node.process.time != NO_TIME]
    return (min(times), max(times)) if times else (NO_TIME, NO_TIME)


def _fill(
    row: dict[str, Value], tree: Tree, score: Score, seen: tuple[int, int], links: Counter[str]
) -> None:
    """Fill in the columns that can give way, each from the room that those before it leave.

    What the last one has at least is set aside at once, so that it comes on top of nothing.
    """
    top, room = tree.top.process, ROW_CHARS - LEAST_CHARS - sum(map(_size, row.values()))
    length = min(COMMAND_CHARS, max(LEAST_CHARS, room) // 4)
    row["process"] = cut(top.process, length)
    row["parent_process"] = cut(top.parent_process, length)
    room -= _size(row["process"]) + _size(row["parent_process"])
    objects = threats(tree, score, min(THREATS_CHARS, max(LEAST_CHARS, room) // 3))
    row["threat_object"] = [value for value, _ in objects]
    row["threat_object_type"] = [kind for _, kind in objects]
    room -= _size(row["threat_object"]) + _size(row["threat_object_type"])
    length = min(DETAIL_CHARS, max(LINE_CHARS, room * 2 // 3))
    row["signal_detail"] = _details(tree, score, seen, length)
    room -= _size(row["signal_detail"])
    row["score_json"] = _json(tree, score, seen, links, min(JSON_CHARS, LEAST_CHARS + max(0, room)))


def _size(value: Value) -> int:
    """Return how many characters a value takes in a row, each of a list with a sign between."""
    if isinstance(value, list):
        return sum(map(len, value)) + len(value)
    return len(str(value)) + 1


def process_rows(tree: Tree, score: Score, tree_id: str) -> Iterable[tuple[Node, dict[str, Value]]]:
    """Yield each process of a tree with its added columns for `output=processes`, in tree order."""
    on_node = matches_by_node(score)
    names = [f"{i + 1}. {name(node.process)}" for i, node in enumerate(tree.nodes)]
    for i, node in enumerate(tree.nodes):
        matches = on_node.get(i, [])
        left = 1.0
        for weight in {m.signal.signal_id: m.weight for m in matches}.values():
            left *= 1 - weight / 100
        yield (
            node,
            {
                "installer_tree_id": tree_id,
                "installer_score": score.value,
                "process_score": round(100 * (1 - left)),
                "signal": sorted({m.signal.signal_id for m in matches}),
                "tree_depth": node.depth,
                "parent_node": names[node.parent] if node.parent >= 0 else "",
                "node": names[i],
            },
        )


def risk_message(tree: Tree, score: Score) -> str:
    """Say in one or two sentences what ran, under which installer, and why it matters."""
    top = tree.top.process
    who = f" by {cut(top.user, WHO_CHARS)}" if top.user else ""
    command = cut(top.process or top.process_name, 160)
    start = f"{tree.family} install on {cut(top.dest, WHO_CHARS)}{who} (`{command}`)"
    if not score.reasons:
        return f"{start}: nothing suspicious among {counted(len(tree.nodes), 'process')}."
    said = []
    for reason in score.reasons[:3]:
        match = reason.matches[0]
        found = name(tree.nodes[match.node].process)
        said.append(f"{_title(reason.signal)}: {found}, `{evidence(tree, match, 100)}`")
    more = len(score.reasons) - len(said)
    tail = f"; and {more} more" if more > 0 else ""
    return f"{start} scored {score.value} ({score.severity}). " + "; ".join(said) + tail + "."


def _title(entry: Signal | Allowance) -> str:
    return cut(entry.title, TITLE_CHARS)


def _allowed(allowance: Allowance) -> str:
    return f"{allowance.allow_id} {_title(allowance)} (-{allowance.reduction:g}%)"


def _details(tree: Tree, score: Score, seen: tuple[int, int], chars: int) -> list[str]:
    """Return one line a signal: id, points, title, the process, what gave it away."""
    lines: list[str] = []
    used = 0
    for count, reason in enumerate(score.reasons):
        match = reason.matches[0]
        process = tree.nodes[match.node].process
        times = f" x{len(reason.matches)}" if len(reason.matches) > 1 else ""
        lowered = f" (lowered by {', '.join(reason.allowances)})" if reason.allowances else ""
        owned = _owned(match.event) if match.event else ""
        line = (
            f"{reason.signal.signal_id} +{reason.points:.1f}{times} {_title(reason.signal)}: "
            f"{name(process)}{pid(process)}{owned} `{evidence(tree, match, 200)}`{lowered}"
        )
        used += len(line) + 1
        if used > chars:
            lines.append(f"... {counted(len(score.reasons) - count, 'more signal')} left out")
            break
        lines.append(line)
    if score.prevalence_points < -0.05:
        where = f"{seen[0]} hosts" if seen[0] >= seen[1] else f"{seen[1]} hosts of the baseline"
        lines.append(f"prevalence {score.prevalence_points:.1f}: the same tree on {where}")
    return lines


def _owned(event: Event) -> str:
    """Say that the text is what the process did something to."""
    action = cut(event.action, ACTION_CHARS)
    return f" -> {event.kind} {action}".rstrip()


def _techniques(score: Score) -> list[str]:
    return list(dict.fromkeys(t for r in score.reasons for t in r.signal.mitre_technique_id))


def _json(tree: Tree, score: Score, seen: tuple[int, int], links: Counter[str], chars: int) -> str:
    """Return the breakdown as JSON that stays whole: signals are left out, never cut in two."""
    reasons = [
        {
            "signal": reason.signal.signal_id,
            "points": round(reason.points, 2),
            "weight": round(reason.weight, 2),
            "matches": len(reason.matches),
            **({"allowlist": list(reason.allowances)} if reason.allowances else {}),
        }
        for reason in score.reasons
    ]
    whole = {
        "score": score.value,
        "exact": round(score.exact, 2),
        "signals": reasons,
        "prevalence": {
            "hosts": seen[0],
            "baseline_hosts": seen[1],
            "points": round(score.prevalence_points, 2),
        },
        "links": {link: links[link] for link in LINKS if links[link]},
        "root_in_data": tree.top.row >= 0,
        "signals_left_out": 0,
    }
    text = json.dumps(whole, separators=(",", ":"))
    while len(text) > chars and reasons:
        reasons.pop()
        whole["signals_left_out"] = len(score.reasons) - len(reasons)
        text = json.dumps(whole, separators=(",", ":"))
    return text


def told_time(time: float) -> Value:
    """Return epoch seconds as they are written, to the millisecond; empty for no time."""
    if time == NO_TIME:
        return ""
    return f"{time:.3f}".rstrip("0").rstrip(".")
