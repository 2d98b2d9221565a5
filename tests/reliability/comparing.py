"""The engine and the model on the same rows: what differs, and the fewest rows that show it."""

from __future__ import annotations

import re
from typing import Any

from engine import body
from installer_trees.catalogue import load
from installer_trees.entries import ROOT_COLUMNS
from installer_trees.links import Linker
from installer_trees.model import Settings
from installer_trees.pipeline import Pipeline
from installer_trees.rows import IS_ROOT

from reliability.forests import LIFETIME_HOURS, Row
from reliability.model import Model
from reliability.model_identity import Standin, Who
from reliability.model_rows import KINDS

ROOTS = r"""
R1,windows,msiexec.exe,,,/V,,msi exe,service,,n,s
R2,windows,msiexec.exe,,,/i,,msi,root,"/i\s+""?([^\s""]+)",n,s
R3,windows,setup.exe,,,,,exe,root,,n,s
R4,windows,MSI1.tmp,,,,,msi,stage,,n,s
R5,linux,apt-get,,,install,,deb,root,,n,s
R6,linux,dpkg,,,-i,,deb,root,,n,s
R7,macos,installer,,,-pkg,,macos_pkg,root,-pkg\s+(\S+),n,s
R8,macos,package_script_service,,,,,macos_pkg,service,,n,s
"""
CATALOGUE = load((",".join(ROOT_COLUMNS) + ROOTS).splitlines(True))
assert (CATALOGUE.problems, len(CATALOGUE.roots)) == ([], len(KINDS))

Answer = dict[str, Any]


def difference(rows: list[Row]) -> str:
    """What the engine and the model say differently of the same rows; empty where they agree."""
    engine, model = of_engine(rows), of_model(rows)
    for part in model:
        if engine[part] != model[part]:
            return f"{part}\n  engine: {engine[part]}\n  model:  {model[part]}"
    return ""


def smallest(rows: list[Row]) -> list[Row]:
    """Take away rows and cells as long as a difference remains."""
    rows = list(rows)
    shrinking = True
    while shrinking:
        shrinking = False
        for i in reversed(range(len(rows))):
            fewer = rows[:i] + rows[i + 1 :]
            if fewer and difference(fewer):
                rows, shrinking = fewer, True
        for i, row in enumerate(rows):
            for name in list(row):
                less = {**rows[i]}
                del less[name]
                if name != "process_hash" and difference([*rows[:i], less, *rows[i + 1 :]]):
                    rows[i], shrinking = less, True
    return rows


def of_model(rows: list[Row]) -> Answer:
    model = Model(rows, LIFETIME_HOURS * 3600)

    def name(who: Who | None) -> Any:
        return tuple(who)[2:] if isinstance(who, Standin) else who if who is None else mark(who)

    def mark(i: int) -> str:
        return str(rows[i].get("process_hash"))

    branches = model.installs()
    owners: dict[str, Any] = {}
    members = {who for branch in branches for who in branch.parents}
    for event in model.events:
        owner = model.owner(event, members)
        owners.setdefault(mark(event), name(owner))
    whole = [i for i in model.processes if model.stands_for(i) == i]
    inside = sum(model.stands_for(i) in members for i in model.processes)
    inside += sum(model.owner(event, members) is not None for event in model.events)
    outside = len(model.processes) + len(model.events) - inside
    return {
        "rows": [len(rows), inside, outside, len(model.refused), len(branches), 0, len(branches)],
        "copies": sorted({(mark(i), mark(model.stands_for(i))) for i in model.processes}),
        "parents": sorted(
            {(mark(i), str(name(who)), link) for i in whole for who, link in [model.parent(i)]}
        ),
        "tops": sorted(str(name(branch.top)) for branch in branches),
        "trees": sorted(
            sorted((str(name(who)), str(name(above)), link) for who, (above, link) in edges)
            for edges in ([*branch.parents.items()] for branch in branches)
        ),
        "links": sorted({link for b in branches for _, link in b.parents.values() if link}),
        "owners": sorted((event, str(owner)) for event, owner in owners.items()),
    }


def of_engine(rows: list[Row]) -> Answer:
    pipeline = Pipeline(CATALOGUE, Settings(tree_lifetime=LIFETIME_HOURS))
    pipeline.add(body(rows))
    store = pipeline.store
    linker = Linker(store, CATALOGUE, LIFETIME_HOURS * 3600.0)

    def name(row: int) -> Any:
        if row >= 0:
            return linker.process(row).process_hash
        return None if row == -1 else standin(linker.process(row))

    processes = [row for row in range(len(store)) if row not in set(store.event_rows)]
    copies = {(name(row), name(linker.canonical(row))) for row in processes}
    whole = [row for row in processes if linker.canonical(row) == row]
    linker.adopt_execs(row for row in whole if store.flags[row] & IS_ROOT)
    parents = {
        (name(row), str(name(parent)), link)
        for row in whole
        for parent, link in [linker.parent_of(row)]
    }
    trees = [pipeline._tree(kept) for kept in pipeline.trees()]

    def node_name(tree: Any, i: int) -> str:
        node = tree.nodes[i] if i >= 0 else None
        if node is None:
            return "None"
        return str(node.process.process_hash if node.row >= 0 else standin(node.process))

    owners = owners_of(pipeline, node_name, trees)
    return {
        "rows": [int(number) for number in re.findall(r"\d+", pipeline.summary)],
        "copies": sorted(copies),
        "parents": sorted(parents),
        "tops": sorted(node_name(tree, 0) for tree in trees),
        "trees": sorted(
            sorted(
                (node_name(tree, i), node_name(tree, node.parent), node.link)
                for i, node in enumerate(tree.nodes)
            )
            for tree in trees
        ),
        "links": sorted({node.link for tree in trees for node in tree.nodes if node.link}),
        "owners": sorted(owners),
    }


def owners_of(pipeline: Pipeline, node_name: Any, trees: list[Any]) -> list[tuple[str, str]]:
    store, linker = pipeline.store, pipeline._linker
    assert linker is not None
    owned = {event: owner for owner, events in pipeline._events.items() for event in events}
    found = {}
    for event in store.event_rows:
        layout, values = store.values(event)
        owner = owned.get(event, -1)
        shown: Any = None if owner == -1 else linker.process(owner)
        if shown is not None:
            shown = shown.process_hash if owner >= 0 else standin(shown)
        found.setdefault(layout.value(values, "process_hash"), str(shown))
    return list(found.items())


def standin(process: Any) -> tuple[Any, ...]:
    return tuple(getattr(process, name) for name in Standin._fields[2:])
