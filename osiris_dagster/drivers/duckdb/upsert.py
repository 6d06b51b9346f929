"""The statements that change rows of a DuckDB table: insert, and upsert as delete and insert.

Rows with a known key are deleted and all are inserted: that spills to disk, where an update in place (and `merge`,
which does the same) holds every old value in memory and takes longer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from osiris_dagster.drivers.tables.drift import Drift, Move
from osiris_dagster.drivers.tables.insertion import insert
from osiris_dagster.sql.quoting import listed, quoted


def moved(move: Move) -> str:
    """Return the value to insert, of the staging table `s`."""
    return f"cast(s.{quoted(move.source)} as {move.type})"


def alterations(table: str, drift: Drift) -> Iterator[str]:
    """Yield the statements that give the table the columns that the plan wants."""
    for column in drift.added:
        yield f"alter table {table} add column {quoted(column.name)} {column.type}"
    for column in drift.changed:
        yield f"alter table {table} alter column {quoted(column.name)} set data type {column.type}"


def insertion(table: str, moves: Sequence[Move], source: str) -> str:
    """Return the statement that inserts the rows of `source`, which calls the staging table `s`."""
    return insert(table, {quoted(move.target): moved(move) for move in moves}, source)


def upsert_statements(table: str, stage: str, kept: str, keys: Sequence[str], drift: Drift) -> Iterator[str]:
    """Yield the statements in order, for one transaction; `keys` are named as the rows do.

    `kept` is the name of a table to make, and to drop again, for what known rows have in columns that the new rows
    lack. New rows get the defaults of those columns.
    """
    folded = {key.lower() for key in keys}
    same = " and ".join(
        f"t.{quoted(move.target)} = {moved(move)}" for move in drift.moves if move.source.lower() in folded
    )
    if drift.lacking:
        old = ", ".join(f"t.{quoted(name)}" for name in drift.lacking)
        new = ", ".join(f"{moved(move)} as {quoted(move.target)}" for move in drift.moves)
        yield f"create table {kept} as select {new}, {old} from {stage} s join {table} t on {same}"
    yield f"delete from {table} as t where exists (select 1 from {stage} s where {same})"
    if not drift.lacking:
        yield insertion(table, drift.moves, f"{stage} s")
        return
    columns = listed([*(move.target for move in drift.moves), *drift.lacking])
    yield f"insert into {table} ({columns}) select {columns} from {kept}"
    yield insertion(table, drift.moves, f"{stage} s where not exists (select 1 from {kept} t where {same})")
    yield f"drop table {kept}"
