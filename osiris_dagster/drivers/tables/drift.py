"""Plans how rows go into a table of other columns: what to alter, to check and to insert."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from osiris_dagster.drivers.tables.dialect import Dialect, TableColumn
from osiris_dagster.errors import DriverError

Policy = Literal["evolve", "fail", "ignore"]


@dataclass(frozen=True, slots=True)
class Move:
    """One incoming column and the column it goes to, with the type it has there."""

    source: str
    target: str
    type: str
    checked: bool = False  # every value has to be tried: the types alone do not tell whether it fits


@dataclass(frozen=True, slots=True)
class Drift:
    """What has to happen to a table before rows go in, and which of their columns do."""

    moves: tuple[Move, ...]
    lacking: tuple[str, ...] = ()  # columns of the table that the rows do not have
    added: tuple[TableColumn, ...] = ()  # to add to the table
    changed: tuple[TableColumn, ...] = ()  # of the table, with the type that they get
    notes: tuple[str, ...] = ()


def all_columns(rows: Sequence[TableColumn]) -> Drift:
    """Return the plan for a table that is made from the rows."""
    return Drift(tuple(Move(column.name, column.name, column.type) for column in rows))


@dataclass(slots=True)
class _Plan:
    dialect: Dialect
    policy: Policy
    emptied: bool
    kept: bool
    moves: list[Move] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)
    added: list[TableColumn] = field(default_factory=list)
    changed: list[TableColumn] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def plan_drift(
    table: Sequence[TableColumn],
    rows: Sequence[TableColumn],
    policy: Policy,
    dialect: Dialect,
    *,
    emptied: bool,
    kept: bool,
) -> Drift:
    """Compare by name, as the database does.

    `emptied`: the table loses its rows first, so any change of type is exact. `kept`: rows that are there keep the
    columns that the new ones lack. Raises DriverError listing what the policy refuses, and columns that every row
    needs and the new ones lack.
    """
    known = {dialect.fold(column.name): column for column in table}
    plan = _Plan(dialect, policy, emptied, kept)
    for column in rows:
        target = known.get(dialect.fold(column.name))
        if target is None:
            _new(column, plan)
        else:
            _matched(column, target, plan)
    given = {dialect.fold(column.name) for column in rows}
    for column in table:
        if dialect.fold(column.name) not in given:
            _lacking(column, plan)
    if plan.refused:
        raise DriverError(
            "the rows do not fit the table: " + "; ".join(plan.refused),
            code="DRV033",
            found="; ".join(plan.refused),
            expected="the columns of the table",
            fix="change the rows in a step before, or set schema_drift: evolve",
        )
    return Drift(tuple(plan.moves), tuple(plan.lacking), tuple(plan.added), tuple(plan.changed), tuple(plan.notes))


def _new(column: TableColumn, plan: _Plan) -> None:
    if plan.policy == "evolve":
        plan.added.append(column)
        plan.notes.append(f"column {column.name} {column.type} added")
        plan.moves.append(Move(column.name, column.name, column.type))
    elif plan.policy == "ignore":
        plan.notes.append(f"column {column.name} is not in the table and was left out")
    else:
        plan.refused.append(f"column {column.name} {column.type} is new")


def _matched(column: TableColumn, target: TableColumn, plan: _Plan) -> None:
    kind = plan.dialect.lattice.wider(target.type, column.type)
    if kind == target.type:
        plan.moves.append(Move(column.name, target.name, target.type))
    elif plan.dialect.keeps(target.type, column.type):
        plan.moves.append(Move(column.name, target.name, target.type, checked=True))
    elif plan.policy == "fail":
        plan.refused.append(f"column {target.name} is {target.type}, the rows have {column.type}")
    elif plan.policy == "evolve" and (kind or plan.emptied):
        kind = kind or column.type
        plan.changed.append(TableColumn(target.name, kind, target.optional))
        plan.notes.append(f"column {target.name} changed from {target.type} to {kind}")
        plan.moves.append(Move(column.name, target.name, kind))
    else:
        plan.moves.append(Move(column.name, target.name, target.type, checked=True))


def _lacking(column: TableColumn, plan: _Plan) -> None:
    plan.lacking.append(column.name)
    if not column.optional:
        plan.refused.append(f"column {column.name} may not be NULL and the rows do not have it")
    elif plan.policy == "fail":
        plan.refused.append(f"column {column.name} is missing")
    else:
        left = "kept where the key is known, empty in new rows" if plan.kept else "left empty"
        plan.notes.append(f"column {column.name} is not in the rows: {left}")
