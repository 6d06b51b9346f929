"""The staging table of a write to DuckDB, in `_osiris` of the target's file. What dead runs left there is removed."""

from __future__ import annotations

import duckdb

from osiris_dagster.drivers.batches import Watched
from osiris_dagster.drivers.duckdb.faults import named_faults
from osiris_dagster.drivers.duckdb.session import catalogue_of, transaction
from osiris_dagster.drivers.stopping import StopSign
from osiris_dagster.drivers.tables.dialect import TableColumn
from osiris_dagster.drivers.tables.drift import Move
from osiris_dagster.drivers.tables.loads import SCHEMA, STAGE_PREFIX
from osiris_dagster.drivers.tables.store import Stage
from osiris_dagster.sql.quoting import literal, quoted

_OFFERED = "osiris rows"


def described(session: duckdb.DuckDBPyConnection, watched: Watched) -> tuple[TableColumn, ...]:
    """Return the columns with the types that DuckDB gives the rows."""
    session.register(_OFFERED, watched.schema.empty_table())
    found = session.sql(f"describe from {quoted(_OFFERED)}").fetchall()
    session.unregister(_OFFERED)
    return tuple(TableColumn(row[0], row[1]) for row in found)


class Staging(Stage):
    """The staging table of one write."""

    def __init__(
        self, session: duckdb.DuckDBPyConnection, name: str, columns: tuple[TableColumn, ...], stopped: StopSign
    ) -> None:
        catalogue = catalogue_of(session)
        self.table = quoted(catalogue, SCHEMA, name)
        self.kept = quoted(catalogue, SCHEMA, f"{name}_kept")
        self.columns = columns
        self._session = session
        self._stopped = stopped

    def create_like(self, table: str) -> None:
        """Make an empty table with the columns of this one.

        Not by `create table as`: in DuckDB 2.0 that keeps the statistics of no rows for all rows inserted in the same
        transaction, and scans then skip them.
        """
        columns = ", ".join(f"{quoted(column.name)} {column.type}" for column in self.columns)
        self._session.execute(f"create table {table} ({columns})")

    def fill(self, rows: Watched) -> int:
        """Make the table and stream all rows in, in a transaction of its own."""
        with transaction(self._session):
            self.create_like(self.table)
            self._stopped.check()
            self._session.register(_OFFERED, rows.reader())
            with named_faults(rows):
                self._session.execute(f"insert into {self.table} from {quoted(_OFFERED)}")
            self._session.unregister(_OFFERED)
            return self.number(f"select count(*) from {self.table}")

    def misfits(self, move: Move, own: str) -> int:
        """Return how many values the type of their target column does not hold exactly."""
        column = f"s.{quoted(move.source)}"
        there = f"try_cast({column} as {move.type})"
        return self.number(
            f"select count(*) from {self.table} s where {column} is not null and ({there} is null "
            f"or try_cast({there} as {own}) is distinct from {column})"
        )

    def drop(self) -> None:
        """Remove the table if it is there."""
        self._session.execute(f"drop table if exists {self.table}")

    def number(self, statement: str) -> int:
        """Execute a statement; return the one number that it gives."""
        return int(self._session.execute(statement).fetchall()[0][0])


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
