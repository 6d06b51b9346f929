"""Rows in, a checked staging table out. It lives in schema `_osiris` of the target's file and never outlives a run."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from osiris_dagster.drivers.batches import Watched
from osiris_dagster.drivers.duckdb.faults import named_faults
from osiris_dagster.drivers.duckdb.session import catalogue_of
from osiris_dagster.drivers.tables.dialect import TableColumn
from osiris_dagster.drivers.tables.drift import Move
from osiris_dagster.drivers.tables.loads import SCHEMA, STAGE_PREFIX
from osiris_dagster.drivers.tables.refusals import null_key, repeated_keys, rows_lost, values_do_not_fit
from osiris_dagster.sql.quoting import listed, literal, quoted

_OFFERED = "osiris rows"


class Staging:
    """The staging table of one write."""

    def __init__(self, session: duckdb.DuckDBPyConnection, name: str) -> None:
        self._session = session
        catalogue = catalogue_of(session)
        self._table = quoted(catalogue, SCHEMA, name)
        self.kept = quoted(catalogue, SCHEMA, f"{name}_kept")
        self.columns: tuple[TableColumn, ...] = ()

    @property
    def table(self) -> str:
        """The qualified name."""
        return self._table

    def create(self, watched: Watched) -> None:
        """Make the empty table with the types that DuckDB gives the rows."""
        self._session.register(_OFFERED, watched.schema.empty_table())
        described = self._session.sql(f"describe from {quoted(_OFFERED)}").fetchall()
        self._session.unregister(_OFFERED)
        self.columns = tuple(TableColumn(row[0], row[1]) for row in described)
        self.create_like(self._table)

    def create_like(self, table: str) -> None:
        """Make an empty table with the columns of this one.

        Not by `create table as`: in DuckDB 2.0 that keeps the statistics of no rows for all rows inserted in the same
        transaction, and scans then skip them.
        """
        columns = ", ".join(f"{quoted(column.name)} {column.type}" for column in self.columns)
        self._session.execute(f"create table {table} ({columns})")

    def fill(self, watched: Watched) -> None:
        """Stream all rows in; DriverError when not all of them arrive."""
        self._session.register(_OFFERED, watched.reader())
        with named_faults(watched):
            self._session.execute(f"insert into {self._table} from {quoted(_OFFERED)}")
        self._session.unregister(_OFFERED)
        if (stored := self.count()) != watched.rows:
            raise rows_lost(watched.rows, stored)

    def count(self) -> int:
        """Return the number of rows."""
        return self._number(f"select count(*) from {self._table}")

    def check_keys(self, keys: Sequence[str], on_duplicate: str) -> int:
        """Refuse NULL keys; refuse duplicates or drop all but the first or last. Return the rows dropped.

        First and last are meant in the order in which the rows came.
        """
        for key in keys:
            if missing := self._number(f"select count(*) from {self._table} where {quoted(key)} is null"):
                raise null_key(key, missing)
        grouped = f"select {listed(tuple(keys))} from {self._table} group by all having count(*) > 1"
        twice = self._number(f"select count(*) from ({grouped})")
        if twice and on_duplicate == "error":
            raise repeated_keys(keys, twice)
        if not twice:
            return 0
        kept = "min" if on_duplicate == "first" else "max"
        before = self.count()
        self._session.execute(
            f"delete from {self._table} where rowid not in "
            f"(select {kept}(rowid) from {self._table} group by {listed(tuple(keys))})"
        )
        return before - self.count()

    def check_fit(self, moves: Sequence[Move]) -> None:
        """Refuse values that the type of their target column does not hold exactly."""
        for move in moves:
            if not move.checked:
                continue
            column = f"s.{quoted(move.source)}"
            there = f"try_cast({column} as {move.type})"
            own = next(each.type for each in self.columns if each.name == move.source)
            lost = self._number(
                f"select count(*) from {self._table} s where {column} is not null and ({there} is null "
                f"or try_cast({there} as {own}) is distinct from {column})"
            )
            if lost:
                raise values_do_not_fit(move.source, own, move.type, lost)

    def drop(self) -> None:
        """Remove the table if it is there."""
        self._session.execute(f"drop table if exists {self._table}")

    def _number(self, query: str) -> int:
        return int(self._session.sql(query).fetchall()[0][0])


def prepare(session: duckdb.DuckDBPyConnection, live: set[str]) -> None:
    """Make the schema and remove what dead runs left in it.

    No other process has the file open for writing, so only the tables in `live` are in use.
    """
    catalogue = catalogue_of(session)
    session.execute(f"create schema if not exists {quoted(catalogue, SCHEMA)}")
    found = session.sql(
        f"select table_name from duckdb_tables() where schema_name = {literal(SCHEMA)} "
        f"and database_name = current_catalog() and starts_with(table_name, {literal(STAGE_PREFIX)})"
    ).fetchall()
    for (name,) in found:
        if name not in live:
            session.execute(f"drop table if exists {quoted(catalogue, SCHEMA, name)}")
