"""Run the built add-on over the bundled sample and print what it finds.

No Splunk is involved: this script plays splunkd's part of the chunked protocol
(getinfo, then chunks of rows, newest first) and prints the rows that come back.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import scp
from installer_trees.drawing import command_line
from sample import SAMPLES, Chain, Owners, kind, load, newest_first

from installerscore_cli.views import as_list
from installerscore_cli.views.terminal import Screen

APP = Path(__file__).resolve().parent.parent / "output" / "TA-installerscore"
_ORIGINS = {"real": "R", "written": "W"}
NEXT = (
    "| `installer_endpoint_events` | installerscore minscore=40",
    '| `installer_endpoint_events("<host>")` | installerscore output=processes',
    "| `installer_endpoint_events` | installerscore output=health",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; returns the exit code of the script."""
    options = _parse(arguments)
    if not (options.app / "bin" / "installerscore.py").is_file():
        print(f"No built add-on in {options.app}: run `make build` first.", file=sys.stderr)
        return 2
    chains = load(options.samples)
    rows = newest_first(chains)
    try:
        with tempfile.TemporaryDirectory(prefix="dispatch-") as dispatch:
            result = scp.run(
                options.app,
                rows,
                "output=trees",
                chunk_rows=options.chunk_rows,
                dispatch_dir=dispatch,
                python=options.python,
            )
    except scp.ProtocolError as error:
        print(f"The command did not follow the protocol: {error}", file=sys.stderr)
        return 1
    screen = Screen(sys.stdout, options.width)
    _show_input(screen, chains, rows, len(result.replies))
    for message in result.messages:
        screen.paragraph(f"Message to the search ({message.level}): {message.text}")
    if not result.rows:
        print("The command returned no trees.", file=sys.stderr)
        return 1
    owners = Owners(chains)
    labelled = [(tree, owners.chain_of(tree)) for tree in result.rows]
    _show_trees(screen, labelled)
    _show_best(screen, *labelled[0])
    _show_next(screen)
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--app", type=Path, default=APP, help="the built add-on")
    parser.add_argument("--samples", type=Path, default=SAMPLES, help="folder with labels.json")
    parser.add_argument("--chunk-rows", type=int, default=2000, help="rows in one chunk")
    parser.add_argument("--width", type=int, default=0, help="columns; 0 asks the terminal")
    parser.add_argument("--python", default=sys.executable, help="what runs the command")
    return parser.parse_args(arguments)


def _show_input(
    screen: Screen, chains: Sequence[Chain], rows: Sequence[dict[str, Any]], chunks: int
) -> None:
    screen.title("TA-installerscore: the built search command over the bundled sample")
    screen.paragraph(
        "This ran without Splunk: the script spoke splunkd's chunked protocol to the built "
        "command. Splunk's own search, data models and user interface had no part in it."
    )
    kinds = Counter(kind(row) for row in rows)
    hosts = {row.get("src") or row["dest"] for row in rows}
    installs = Counter(chain.origin for chain in chains if chain.family != "none")
    screen.paragraph(
        f"Fed {len(rows):,} rows of {len(hosts)} hosts in {chunks} "
        f"chunk{'s' if chunks > 1 else ''}, newest first: "
        + ", ".join(f"{count} {name}" for name, count in kinds.most_common())
        + f" events. {installs['real']} installs were recorded on a real host, "
        f"{installs['written']} are written from documented behavior, the rest is background."
    )


def _show_trees(screen: Screen, labelled: Sequence[tuple[dict[str, Any], Chain | None]]) -> None:
    screen.title(f"{len(labelled)} installer trees, highest score first")
    screen.table(
        [
            {
                "Score": tree["installer_score"],
                "Severity": tree["installer_severity"],
                "Family": tree["installer_family"],
                "Host": tree["dest"],
                "User": tree["user"].rpartition("\\")[2],
                "Root command": command_line(tree["process_name"], tree["process"], folder=False),
                "Top signals": " ".join(as_list(tree["signal"])[: 2 if screen.width < 100 else 3]),
                "Label": _label(chain),
            }
            for tree, chain in labelled
        ],
        flexible="Root command",
        optional=("User", "Severity"),
        style="Severity",
    )
    screen.paragraph(
        "Label: R recorded on a real host, W written from documented behavior, * a benign "
        "install that does what malware does. The command never saw the labels."
    )
    screen.paragraph(_separation(labelled))


def _label(chain: Chain | None) -> str:
    if chain is None:
        return "?"
    return f"{chain.label}{'*' if chain.hard else ''} {_ORIGINS[chain.origin]}"


def _separation(labelled: Sequence[tuple[dict[str, Any], Chain | None]]) -> str:
    scores: dict[str, list[int]] = {"malicious": [], "benign": []}
    for tree, chain in labelled:
        if chain is not None and chain.label in scores:
            scores[chain.label].append(int(tree["installer_score"]))
    malicious, benign = scores["malicious"], scores["benign"]
    return (
        f"{len(malicious)} trees of malicious installs score {_span(malicious)}, "
        f"{len(benign)} of benign ones {_span(benign)}."
    )


def _span(scores: Sequence[int]) -> str:
    return f"{min(scores)} to {max(scores)}" if scores else "nothing"


def _show_best(screen: Screen, tree: dict[str, Any], chain: Chain | None) -> None:
    screen.title(
        f"The highest one: score {tree['installer_score']} ({tree['installer_severity']}) "
        f"on {tree['dest']}"
    )
    if chain is not None:
        screen.paragraph(f"{chain.title} ({chain.origin}: samples/{chain.name}.jsonl)")
    screen.tree(as_list(tree["tree"]))
    screen.title("Why (signal, points, process, matched text)")
    screen.items(as_list(tree["signal_detail"]))
    screen.title("Risk message")
    screen.paragraph(tree["risk_message"])


def _show_next(screen: Screen) -> None:
    screen.title("Next, on a Splunk search head with output/TA-installerscore installed")
    screen.lines(NEXT)


if __name__ == "__main__":
    sys.exit(main())
