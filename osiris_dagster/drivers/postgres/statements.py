"""Parts of the statements of a write that only PostgreSQL writes like this."""

from __future__ import annotations

from collections.abc import Iterator

from osiris_dagster.drivers.tables.drift import Drift, Move
from osiris_dagster.sql.quoting import quoted


def moved(move: Move, own: str) -> str:
    """Return the value to insert, of the staging table `s`, whose column has the type `own`."""
    value = f"s.{quoted(move.source)}"
    return value if move.type == own else f"({value})::{move.type}"


def alterations(table: str, drift: Drift, *, emptied: bool) -> Iterator[str]:
    """Yield the statements that give the table the columns that the plan wants."""
    for column in drift.added:
        yield f"alter table {table} add column {quoted(column.name)} {column.type}"
    for column in drift.changed:
        name = quoted(column.name)
        # No row is left that could be converted, and between some types there is no conversion.
        using = f"null::{column.type}" if emptied else f"{name}::{column.type}"
        yield f"alter table {table} alter column {name} type {column.type} using {using}"
