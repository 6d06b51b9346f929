"""The record of loads and the positions in DuckDB's SQL; both lie in the target's own file."""

from __future__ import annotations

import duckdb

from osiris_dagster.drivers.duckdb.session import catalogue_of
from osiris_dagster.drivers.tables.loads import KEPT_DAYS, SCHEMA
from osiris_dagster.drivers.tables.records import FileSql, Records, records_in_file
from osiris_dagster.sql.quoting import literal, quoted


def records_of(session: duckdb.DuckDBPyConnection) -> Records:
    """Return the records of the file that a session has open."""
    catalogue = catalogue_of(session)
    sql = FileSql(
        table=lambda name: quoted(catalogue, SCHEMA, name),
        exists="select 1 from duckdb_tables() where database_name = current_catalog() "
        f"and schema_name = {literal(SCHEMA)} and table_name = {{}}",
        now="now()",
        long_ago=f"now() - interval {KEPT_DAYS} days",
        text="varchar",
        moment="timestamptz",
    )
    return records_in_file(lambda statement, arguments: session.execute(statement, arguments).fetchall(), sql)
