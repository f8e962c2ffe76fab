"""The sabotage notes: each defence of the code, how to remove it, and the tests that must fail without it."""

import tomllib
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PAGE = "explanation/defences.md"
# What `make attack` measured last.
FIGURES = ROOT / "tests/attacks/figures.md"


@dataclass(frozen=True, kw_only=True)
class Defence:
    """One defence: where `old` gives way to `new`, one of the tests must fail."""

    area: str
    name: str
    why: str
    file: str
    old: str
    new: str
    tests: list[str]


def read() -> list[Defence]:
    """The notes, in the order of the file."""
    document = tomllib.loads((HERE / "defences.toml").read_text("utf-8"))
    return [Defence(area=area, **note) for area, notes in document.items() for note in notes]


def page() -> str:
    """The page of the documentation that lists them."""
    parts = [_section(area, list(notes)) for area, notes in groupby(read(), lambda defence: defence.area)]
    return _HEAD + "\n".join([*parts, _ATTACKS.format(figures=FIGURES.read_text("utf-8").strip())])


_HEAD = """# Defences, and the tests that hold them

A test that cannot fail protects nothing. `make sabotage` removes each defence below in a copy of the code and runs the
tests in the last column: they must fail. The suite fails if a note does not match the code any more. The notes are in
[tests/sabotage/defences.toml](../../tests/sabotage/defences.toml), and this page is generated from them.

"""

_ATTACKS = """## What attacks measure

`make attack` attacks a gateway on loopback: a Bedrock that lies over raw sockets on every route, changed bodies, bodies
that grow, ten times the load, slow and silent clients, floods of HTTP/2 frames, restarts, callers who leave, a full
outage. It measures what the gateway promises, is bounded in count and time, and calls nobody else. `make attack QUICK=1
ARGS="3 8"` measures two of the figures with fewer calls; the suite runs a share without a clock (`tests/attacks`). On a
machine that does other work at the same time, milliseconds are upper bounds. `make bench` measures more streams, and
what a call costs.

<!-- attack -->

{figures}

<!-- end -->
"""


def _section(area: str, notes: list[Defence]) -> str:
    rows = [
        ("defence", "why", "file", "test that fails without it"),
        ("---",) * 4,
        *((note.name, note.why, f"`{note.file}`", "<br>".join(map(_link, note.tests))) for note in notes),
    ]
    return f"## {area}\n\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _link(test: str) -> str:
    file, _, name = test.partition("::")
    return f"[{name.partition('[')[0].removeprefix('test_').replace('_', ' ')}](../../{file})"
