"""A connection of the DuckDB family in; whether its file opens, and the tables and views in it, out."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb

from osiris_dagster.drivers.batches import name_of_type
from osiris_dagster.drivers.duckdb.faults import named_faults
from osiris_dagster.drivers.duckdb.pool import acquire, connect_file
from osiris_dagster.drivers.duckdb.session import catalogue_of
from osiris_dagster.drivers.duckdb.types import not_exported
from osiris_dagster.drivers.inspection import (
    Category,
    ConnectionCall,
    FoundColumn,
    FoundTable,
    Probe,
    TableKind,
    wanted,
)
from osiris_dagster.drivers.stopping import StopSign
from osiris_dagster.drivers.tables.loads import SCHEMA
from osiris_dagster.errors import ConfigError, DriverError
from osiris_dagster.sql.quoting import quoted

_CATEGORIES: Mapping[str, Category] = {"DRV020": "not_found", "DRV021": "busy"}
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


class DuckDBInspector:
    """Opens the file for reading, as an extractor would."""

    def __init__(self, call: ConnectionCall) -> None:
        self._call = call

    def probe(self) -> Probe:
        """Open the file and ask for the version; a file that is not there yet is one that a writer will make."""
        path, name = self._file()
        if not path.exists():
            return _absent(path, name)
        if not os.access(path, os.R_OK):
            return Probe("permission", f"{name} may not be read", "give this user the right to read the file")
        try:
            with self._session() as session:
                start = time.perf_counter()
                ((version,),) = session.execute("select version()").fetchall()
                latency = (time.perf_counter() - start) * 1000
        except DriverError as error:
            return Probe(_CATEGORIES.get(error.first.code, "configuration"), error.first.message, error.first.fix)
        return Probe("ok", server=f"DuckDB {version.removeprefix('v')}", latency_ms=round(latency, 1))

    def tables(self, pattern: str) -> tuple[FoundTable, ...]:
        """Return tables and views; a row count is what the catalogue has."""
        with self._session() as session:
            with named_faults():
                listed = session.execute(_TABLES).fetchall()
            return tuple(
                self._table(session, schema, name, kind, rows, comment or "")
                for schema, name, kind, rows, comment in listed
                if schema.lower() != SCHEMA and wanted(pattern, schema, name)
            )

    def stamp(self) -> str:
        """Return size and time of the file and of what was not yet merged into it."""
        path, _ = self._file()
        found = [file.stat() for file in (path, path.with_name(f"{path.name}.wal")) if file.is_file()]
        return "".join(f"{facts.st_size}-{facts.st_mtime_ns};" for facts in found)

    def close(self) -> None:
        """Nothing outlives a question."""

    def _file(self) -> tuple[Path, str]:
        name = self._call.connection.get("path")
        if not isinstance(name, str) or not name:
            raise ConfigError(
                f"the connection {self._call.reference} does not say which database file it means",
                code="CFG030",
                found="no `path`",
                expected="a path below the project",
                fix="add `path: data/<file>.duckdb` to it",
            )
        return self._call.project.inside(name), name

    @contextmanager
    def _session(self) -> Iterator[duckdb.DuckDBPyConnection]:
        path, name = self._file()
        if not path.exists():
            absent = _absent(path, name)
            raise DriverError(
                absent.message,
                code="DRV020",
                found=name,
                expected="a DuckDB database",
                fix=absent.fix or "run first what writes it",
            )
        lease = acquire(path, connect_file, StopSign(), write=False, wait=self._call.timeout, name=name)
        try:
            with lease.cursor() as session:
                yield session
        finally:
            lease.close()

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


def _absent(path: Path, name: str) -> Probe:
    if path.parent.is_dir():
        return Probe("ok", f"{name} does not exist yet; the first write makes it")
    return Probe("not_found", f"neither {name} nor its folder exists", "correct `path`, or make the folder")
