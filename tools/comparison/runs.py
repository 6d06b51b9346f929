"""Pairs and faults of `tests/matrix` as cases: a run of the command each, and what it leaves in the store."""

from __future__ import annotations

from tests.matrix.faults import faults
from tests.matrix.pairs import SOURCE, TABLE, some_pairs
from tools.comparison.case import Case, calls

_OURS = frozenset({TABLE, SOURCE})


def pair_cases(count: int, seed: int) -> list[Case]:
    """Return so many pairs; equal seeds choose equal ones."""
    return [
        Case(
            pair.name,
            calls("run p.yaml --no-aiop"),
            {"p.yaml": pair.pipeline(f"@{pair.family}.db").encode()},
            store=pair.family,
            before=pair.statements(),
            ours=_OURS,
        )
        for pair in some_pairs(count, seed)
    ]


def fault_cases() -> list[Case]:
    """Return every fault that comes with data; the second call shows what is recorded of the run."""
    return [
        Case(
            f"{fault.number}. {fault.name}",
            calls("run p.yaml --no-aiop", "runs view --json"),
            {"p.yaml": fault.oml.encode(), **fault.files},
            store=fault.family,
            connection=fault.connection,
            before=fault.before,
            ours=_OURS,
        )
        for fault in faults()
    ]
