"""PARTS: what can be compared, each as a function from the two checkouts to cases."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.matrix.pairs import FAMILIES
from tools.comparison.case import Case
from tools.comparison.documents import document_cases
from tools.comparison.packages import package_cases
from tools.comparison.runs import fault_cases, pair_cases
from tools.comparison.side import Side


@dataclass(frozen=True, slots=True)
class Material:
    """The two checkouts, and how much of what they hold is wanted."""

    old: Path
    new: Path
    sample: int = 0  # cases of each part; 0: all
    seed: int = 0
    pairs: int = 360

    def some(self, cases: Sequence[Case]) -> list[Case]:
        """Return the wanted number of cases, in their order."""
        if not self.sample or self.sample >= len(cases):
            return list(cases)
        chosen = random.Random(self.seed).sample(range(len(cases)), self.sample)  # noqa: S311 - no secret
        return [cases[number] for number in sorted(chosen)]


def _documents(material: Material, old: Side, place: Path) -> list[Case]:
    del old, place
    return material.some(document_cases((material.old, material.new)))


def _pairs(material: Material, old: Side, place: Path) -> list[Case]:
    del old, place
    return pair_cases(material.sample or material.pairs, material.seed)


def _faults(material: Material, old: Side, place: Path) -> list[Case]:
    del old, place
    return material.some(fault_cases())


def _packages(material: Material, old: Side, place: Path) -> list[Case]:
    return material.some(package_cases(old, (material.old, material.new), place))


PARTS: Mapping[str, Callable[[Material, Side, Path], list[Case]]] = {
    "documents": _documents,
    "pairs": _pairs,
    "faults": _faults,
    "packages": _packages,
}
STORES: Mapping[str, tuple[str, ...]] = {
    "documents": (),
    "pairs": FAMILIES,
    "faults": FAMILIES,
    "packages": ("duckdb",),
}
"""The families whose stores a part needs."""
