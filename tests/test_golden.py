"""Golden trees: what the bundled sample looks like, tree by tree, drawn and scored.

A change that moves one of them is either a fault or on purpose; then run this file with
`--update-golden` and read the difference before it is committed.
"""

from __future__ import annotations

import pytest
import sample
from engine import ROOT, shipped, tree_rows

GOLDEN = ROOT / "tests" / "golden"
CHAINS = sample.load()
CATALOGUE = shipped()


def drawn(chain: sample.Chain) -> str:
    """Return the trees of one recording as text: severity, signals, and the drawing."""
    parts = []
    for row in tree_rows(chain.rows, CATALOGUE):
        links = " ".join(row["link_method"])
        head = f"{row['installer_family']}, {row['installer_severity']}, links: {links or 'none'}"
        parts.append("\n".join([head, *row["tree"]]))
    return "\n\n".join(parts) + "\n"


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.name)
def test_trees_are_as_they_were(chain: sample.Chain, request: pytest.FixtureRequest) -> None:
    path = GOLDEN / (chain.name.replace("/", "-") + ".txt")
    text = drawn(chain)
    if request.config.getoption("--update-golden"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_every_golden_tree_belongs_to_a_recording() -> None:
    names = {chain.name.replace("/", "-") for chain in CHAINS}
    assert {path.stem for path in GOLDEN.glob("*.txt")} == names


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_the_answer_that_a_page_shows_is_that_of_today(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8").split("```text", 1)[1].split("```", 1)[0]
    shown = " ".join(text.split())
    (row,) = tree_rows(next(c.rows for c in CHAINS if c.name.endswith("mal_deb_b64")), CATALOGUE)
    head = f"installer_score {row['installer_score']} ({row['installer_severity']}), family "
    head += f"{row['installer_family']}, dest {row['dest']}, user {row['user']} "
    assert shown.startswith(head)
    message = shown.partition(" risk_message ")[2].partition(" tree ")[0]
    assert message in ("", row["risk_message"])
    lines = [line.strip("│├└─ ") for line in row["tree"]]
    for line in text.split("tree  ", 1)[1].strip().splitlines():
        assert line.strip("│├└─ ") in lines
