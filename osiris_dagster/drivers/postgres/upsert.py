"""A staged set of rows and a table in, the statements that put them in out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from osiris_dagster.drivers.tables.dialect import TableColumn
from osiris_dagster.drivers.tables.drift import Drift, Move
from osiris_dagster.sql.quoting import listed, quoted


def moved(move: Move, own: str) -> str:
    """Return the value to insert, of the staging table `s`, whose column has the type `own`."""
    value = f"s.{quoted(move.source)}"
    return value if move.type == own else f"({value})::{move.type}"


class Insertion:
    """The statements for one table; `identity` tells that a column numbers itself and the rows bring their numbers."""

    def __init__(self, table: str, stage: str, columns: Sequence[TableColumn], drift: Drift, *, identity: bool) -> None:
        self._table = table
        self._stage = stage
        own = {column.name: column.type for column in columns}
        self._values = {move.source: moved(move, own[move.source]) for move in drift.moves}
        self._targets = {move.source: move.target for move in drift.moves}
        self._identity = " overriding system value" if identity else ""

    def insert(self, condition: str = "", order: Sequence[str] = ()) -> str:
        """Return the statement that adds the staged rows."""
        into = f"insert into {self._table} ({listed(self._targets.values())}){self._identity}"
        ordered = f" order by {listed(order, 's')}" if order else ""
        return f"{into} select {', '.join(self._values.values())} from {self._stage} s{condition}{ordered}"

    def upsert_by_index(self, keys: Sequence[str]) -> str:
        """Return the one statement for a table that keeps the keys unique itself."""
        updated = ", ".join(f"{quoted(target)} = excluded.{quoted(target)}" for target in self._others(keys))
        action = f"do update set {updated}" if updated else "do nothing"
        named = listed(self._targets[key] for key in keys)
        return f"{self.insert(order=keys)} on conflict ({named}) {action}"

    def upsert_by_lookup(self, keys: Sequence[str]) -> Iterator[str]:
        """Yield the statements for any table; the rows of unknown keys are added after the known ones changed."""
        same = " and ".join(f"t.{quoted(self._targets[key])} = {self._values[key]}" for key in keys)
        sources = {target: source for source, target in self._targets.items()}
        updated = ", ".join(f"{quoted(name)} = {self._values[sources[name]]}" for name in self._others(keys))
        if updated:
            yield f"update {self._table} t set {updated} from {self._stage} s where {same}"
        yield self.insert(f" where not exists (select 1 from {self._table} t where {same})")

    def _others(self, keys: Sequence[str]) -> list[str]:
        return [target for source, target in self._targets.items() if source not in keys]


def alterations(table: str, drift: Drift, *, emptied: bool) -> Iterator[str]:
    """Yield the statements that give the table the columns that the plan wants."""
    for column in drift.added:
        yield f"alter table {table} add column {quoted(column.name)} {column.type}"
    for column in drift.changed:
        name = quoted(column.name)
        # No row is left that could be converted, and between some types there is no conversion.
        using = f"null::{column.type}" if emptied else f"{name}::{column.type}"
        yield f"alter table {table} alter column {name} type {column.type} using {using}"
