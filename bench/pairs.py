"""Another checkout and this one, in turn: `python bench --pairs OLD [names]`, or `make bench-pairs OLD=path`.

Each bench has a function `own` with the cases that run our code, and where both are to use the same servers a context
manager `shared`, whose value `own` takes. Each checkout has a project of its own and runs with its own `.venv`.
"""

from __future__ import annotations

import importlib
import statistics
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from measure import HERE, Case, Checkout, Figures, laps

ROUNDS, WORSE = 5, 1.05


@dataclass(frozen=True)
class Row:
    """One case: medians of the ratios new to old of all pairs."""

    name: str
    judged: str
    wall: float
    cpu: float

    @property
    def is_worse(self) -> bool:
        return (self.cpu if self.judged == "cpu" else self.wall) > WORSE

    def line(self) -> str:
        verdict = "WORSE" if self.is_worse else ""
        return f"| {self.name} | {self.wall:.3f} | {self.cpu:.3f} | {self.judged} | {verdict} |"


def compare(old: Path, names: Sequence[str], rounds: int = ROUNDS) -> bool:
    """Print a table of ratios; tell whether no row is worse."""
    before = Checkout(str(old.absolute() / ".venv" / "bin" / "python"))
    if not Path(before.osiris).is_file():
        raise SystemExit(f"{before.osiris} is missing: name a checkout whose environment is set up (make check there)")
    rows = [row for name in names for row in _rows(name, before, rounds)]
    print(f"new / old, medians of {rounds} pairs; worse is above {WORSE}\n")
    print("| case | wall | CPU | judged by | |\n|---|---|---|---|---|")
    for row in rows:
        print(row.line())
    return not any(row.is_worse for row in rows)


def _rows(bench: str, before: Checkout, rounds: int) -> list[Row]:
    module = importlib.import_module(bench)
    shared = getattr(module, "shared", None)
    with tempfile.TemporaryDirectory() as scratch, shared(Path(scratch)) if shared else nullcontext() as servers:
        more = () if servers is None else (servers,)
        sides: dict[str, list[Case]] = {}
        for side, checkout in (("old", before), ("new", HERE)):
            (folder := Path(scratch) / side).mkdir()
            cases = module.own(folder, checkout, *more)
            sides[side] = [replace(case, name=f"{side} {case.name}") for case in cases]
        pairs = list(zip(*sides.values(), strict=True))
        seen = laps([case for pair in pairs for case in pair], rounds)
    return [row_of(bench, new, seen[old.name], seen[new.name]) for old, new in pairs]


def row_of(bench: str, case: Case, old: Sequence[Figures], new: Sequence[Figures]) -> Row:
    both = list(zip(old, new, strict=True))
    wall, cpu = (
        statistics.median(getattr(after, what) / getattr(before, what) for before, after in both)
        for what in ("wall", "cpu")
    )
    return Row(f"{bench}: {case.name.removeprefix('new ')}", case.judged, wall, cpu)
