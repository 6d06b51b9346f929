"""Columns of a table and of the rows for it in; what to alter, to check and to insert out. No database here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from osiris_dagster.drivers.duckdb.sql import quoted
from osiris_dagster.drivers.duckdb.widening import wider
from osiris_dagster.errors import DriverError

Policy = Literal["evolve", "fail", "ignore"]


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column as DuckDB's catalogue has it; `optional` means that a row may leave it out."""

    name: str
    type: str
    optional: bool = True


@dataclass(frozen=True, slots=True)
class Move:
    """One incoming column and the column it goes to, with the type it has there."""

    source: str
    target: str
    type: str
    checked: bool = False  # every value has to be tried: the types alone do not tell whether it fits

    @property
    def expression(self) -> str:
        """The value to insert, of the staging table `s`."""
        return f"cast(s.{quoted(self.source)} as {self.type})"


@dataclass(frozen=True, slots=True)
class Drift:
    """What has to happen to a table before rows go in, and which of their columns do."""

    moves: tuple[Move, ...]
    lacking: tuple[str, ...] = ()  # columns of the table that the rows do not have
    alterations: tuple[str, ...] = ()  # what follows `alter table x`
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Plan:
    moves: list[Move] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)
    alterations: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def plan_drift(
    table: Sequence[TableColumn], rows: Sequence[TableColumn], policy: Policy, *, emptied: bool, kept: bool
) -> Drift:
    """Compare by name without case, as DuckDB does.

    `emptied`: the table loses its rows first, so any change of type is exact. `kept`: rows that are there keep the
    columns that the new ones lack. Raises DriverError listing what the policy refuses, and columns that every row
    needs and the new ones lack.
    """
    known = {column.name.lower(): column for column in table}
    plan = _Plan()
    for column in rows:
        target = known.get(column.name.lower())
        if target is None:
            _added(column, policy, plan)
        else:
            _matched(column, target, policy, emptied=emptied, plan=plan)
    given = {column.name.lower() for column in rows}
    for column in table:
        if column.name.lower() not in given:
            _lacking(column, policy, kept=kept, plan=plan)
    if plan.refused:
        raise DriverError(
            "the rows do not fit the table: " + "; ".join(plan.refused),
            code="DRV033",
            found="; ".join(plan.refused),
            expected="the columns of the table",
            fix="change the rows in a step before, or set schema_drift: evolve",
        )
    return Drift(tuple(plan.moves), tuple(plan.lacking), tuple(plan.alterations), tuple(plan.notes))


def _added(column: TableColumn, policy: Policy, plan: _Plan) -> None:
    if policy == "evolve":
        plan.alterations.append(f"add column {quoted(column.name)} {column.type}")
        plan.notes.append(f"column {column.name} {column.type} added")
        plan.moves.append(Move(column.name, column.name, column.type))
    elif policy == "ignore":
        plan.notes.append(f"column {column.name} is not in the table and was left out")
    else:
        plan.refused.append(f"column {column.name} {column.type} is new")


def _matched(column: TableColumn, target: TableColumn, policy: Policy, *, emptied: bool, plan: _Plan) -> None:
    kind = wider(target.type, column.type)
    if kind == target.type:
        plan.moves.append(Move(column.name, target.name, target.type))
    elif policy == "fail":
        plan.refused.append(f"column {target.name} is {target.type}, the rows have {column.type}")
    elif policy == "evolve" and (kind or emptied):
        kind = kind or column.type
        plan.alterations.append(f"alter column {quoted(target.name)} set data type {kind}")
        plan.notes.append(f"column {target.name} changed from {target.type} to {kind}")
        plan.moves.append(Move(column.name, target.name, kind))
    else:
        plan.moves.append(Move(column.name, target.name, target.type, checked=True))


def _lacking(column: TableColumn, policy: Policy, *, kept: bool, plan: _Plan) -> None:
    plan.lacking.append(column.name)
    if not column.optional:
        plan.refused.append(f"column {column.name} may not be NULL and the rows do not have it")
    elif policy == "fail":
        plan.refused.append(f"column {column.name} is missing")
    else:
        left = "kept where the key is known, empty in new rows" if kept else "left empty"
        plan.notes.append(f"column {column.name} is not in the rows: {left}")
