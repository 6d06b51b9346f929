"""Which columns a column is made of: the record of one step, and the way back through all steps of a pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from osiris_dagster.codec import SPARSE, json_key

LineageKind = Literal["identity", "transformation", "aggregation", "unknown"]
KINDS: tuple[LineageKind, ...] = ("identity", "transformation", "aggregation", "unknown")
"""From a value that passes through unchanged to one of which nothing is known; along a way the later one counts."""


@dataclass(frozen=True, slots=True, order=True)
class ColumnSource:
    """A column that another is made of: of the rows of a step, or of a dataset (then `step` is empty)."""

    column: str
    step: str = field(default="", metadata=SPARSE)
    dataset: tuple[str, ...] = field(default=(), metadata=SPARSE)


@dataclass(frozen=True, slots=True)
class ColumnLineage:
    """What one output column is made of. No sources: a constant or a count, or nothing is known (`unknown`)."""

    column: str
    kind: LineageKind
    sources: tuple[ColumnSource, ...] = field(default=(), metadata=json_key("from"))


Lineage = tuple[ColumnLineage, ...]


def unchanged(columns: Iterable[str], *, step: str = "", dataset: tuple[str, ...] = ()) -> Lineage:
    """Return the lineage of rows that are handed on as they come."""
    return tuple(ColumnLineage(name, "identity", (ColumnSource(name, step, dataset),)) for name in columns)


def back_to_datasets(lineage: Mapping[str, Lineage | None]) -> dict[str, Lineage | None]:
    """Return for each step what its columns are made of outside the pipeline, in `lineage`'s order of steps.

    Each step has to come after those it reads from. A way through a step of which nothing is known ends as `unknown`.
    """
    found: dict[str, Lineage | None] = {}
    for step, columns in lineage.items():
        found[step] = None if columns is None else tuple(_through(column, found) for column in columns)
    return found


def _through(column: ColumnLineage, before: Mapping[str, Lineage | None]) -> ColumnLineage:
    kinds = [column.kind]
    sources: set[ColumnSource] = set()
    for source in column.sources:
        if not source.step:
            sources.add(source)
            continue
        known = next((one for one in before.get(source.step) or () if one.column == source.column), None)
        kinds.append(known.kind if known else "unknown")
        sources.update(known.sources if known else ())
    return ColumnLineage(column.column, strongest(kinds), tuple(sorted(sources)))


def strongest(kinds: Sequence[LineageKind]) -> LineageKind:
    """Return the kind of a value that went through all of these.

    >>> strongest(["identity", "aggregation", "transformation"])
    'aggregation'
    """
    return max(kinds, key=KINDS.index)
