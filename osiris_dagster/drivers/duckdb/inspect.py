"""Answers for connections of the DuckDB family: whether the file opens, and which tables and views are in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from osiris_dagster.drivers.batches import name_of_type
from osiris_dagster.drivers.duckdb.faults import named_faults
from osiris_dagster.drivers.duckdb.pool import acquire, connect_file
from osiris_dagster.drivers.duckdb.session import catalogue_of
from osiris_dagster.drivers.duckdb.types import not_exported
from osiris_dagster.drivers.inspection import FoundColumn, FoundTable, TableKind, wanted
from osiris_dagster.drivers.stopping import StopSign
from osiris_dagster.drivers.tables.file_inspector import FileInspector
from osiris_dagster.drivers.tables.loads import SCHEMA
from osiris_dagster.errors import DriverError
from osiris_dagster.sql.quoting import quoted

_TABLES = """
    select schema_name, table_name, 'table', estimated_size, comment from duckdb_tables()
        where database_name = current_catalog() and not internal
    union all
    select schema_name, view_name, 'view', null, comment from duckdb_views()
        where database_name = current_catalog() and not internal
    order by 1, 2
"""
_COLUMNS = """
    select column_name, data_type, is_nullable, comment from duckdb_columns()
    where database_name = current_catalog() and schema_name = ? and table_name = ? order by column_index
"""
_KEY = """
    select constraint_column_names from duckdb_constraints()
    where database_name = current_catalog() and schema_name = ? and table_name = ? and constraint_type = 'PRIMARY KEY'
"""


class DuckDBInspector(FileInspector[duckdb.DuckDBPyConnection]):
    """Asks one file."""

    family = "duckdb"
    product = "DuckDB"
    beside = ".wal"

    @contextmanager
    def opened(self, path: Path, name: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """Share the file with steps of this process."""
        lease = acquire(path, connect_file, StopSign(), write=False, wait=self.call.timeout, name=name)
        try:
            with lease.cursor() as session:
                yield session
        finally:
            lease.close()

    def version(self, session: duckdb.DuckDBPyConnection) -> str:
        """Return the version of the library, which is the server."""
        ((version,),) = session.execute("select version()").fetchall()
        return str(version).removeprefix("v")

    def tables(self, pattern: str) -> tuple[FoundTable, ...]:
        """Return tables and views; a row count is what the catalogue has."""
        with self.session() as session:
            with named_faults():
                listed = session.execute(_TABLES).fetchall()
            return tuple(
                self._table(session, schema, name, kind, rows, comment or "")
                for schema, name, kind, rows, comment in listed
                if schema.lower() != SCHEMA and wanted(pattern, schema, name)
            )

    def _table(
        self,
        session: duckdb.DuckDBPyConnection,
        schema: str,
        name: str,
        kind: TableKind,
        rows: int | None,
        comment: str,
    ) -> FoundTable:
        with named_faults():
            columns = session.execute(_COLUMNS, [schema, name]).fetchall()
            keys = session.execute(_KEY, [schema, name]).fetchall()
        try:
            with named_faults():
                types, problem = _types(session, schema, name), ""
        except DriverError as error:
            types, problem = {}, error.first.message
        found = tuple(
            FoundColumn(column, types.get(column, ""), source, nullable, note or "")
            for column, source, nullable, note in columns
        )
        return FoundTable(schema, name, kind, found, tuple(keys[0][0]) if keys else (), rows, comment, problem)


def _types(session: duckdb.DuckDBPyConnection, schema: str, name: str) -> dict[str, str]:
    """Return the types in which an extractor hands the columns on; those it would refuse are missing."""
    relation = session.sql(f"from {quoted(catalogue_of(session), schema, name)} limit 0")
    columns = relation.to_arrow_table().schema
    found = zip(columns, relation.types, strict=True)
    return {field.name: name_of_type(field.type) for field, kind in found if not not_exported(kind)}
