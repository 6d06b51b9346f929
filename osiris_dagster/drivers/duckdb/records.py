"""The record of loads and the positions in DuckDB's SQL; both lie in the target's own file."""

from __future__ import annotations

from functools import partial

import duckdb

from osiris_dagster.drivers.duckdb.sql import catalogue_of
from osiris_dagster.drivers.positions import POSITIONS
from osiris_dagster.drivers.tables.loads import KEPT_DAYS, KEY_COLUMNS, LOADS, SCHEMA
from osiris_dagster.drivers.tables.names import literal, quoted
from osiris_dagster.drivers.tables.records import POSITION_KEY, Records, RecordSql, equal

_LOADS = f"""(
    {", ".join(f"{name} varchar" for name in KEY_COLUMNS)},
    run_id varchar not null, rows bigint not null, committed_at timestamptz not null,
    primary key ({", ".join(KEY_COLUMNS)})
)"""
_POSITIONS = f"""(
    {", ".join(f"{name} varchar" for name in POSITION_KEY)},
    "cursor" varchar not null, type varchar not null, value varchar not null, run_id varchar not null,
    committed_at timestamptz not null, primary key ({", ".join(POSITION_KEY)})
)"""


def records_of(session: duckdb.DuckDBPyConnection) -> Records:
    """Return the records of the file that a session has open."""
    table = partial(quoted, catalogue_of(session), SCHEMA)
    loads, positions = table(LOADS), table(POSITIONS)
    return Records(
        lambda statement, arguments: session.execute(statement, arguments).fetchall(),
        RecordSql(
            find=f"select run_id, rows from {loads} where {equal(KEY_COLUMNS, '?')}",
            put=f"insert or replace into {loads} by name select {', '.join(f'? as {name}' for name in KEY_COLUMNS)}, "
            "? as run_id, ? as rows, now() as committed_at",
            make=(f"create table {loads} {_LOADS}",),
            exists=_exists(LOADS),
            forget=f"delete from {loads} where committed_at < now() - interval {KEPT_DAYS} days",
        ),
        RecordSql(
            find=f'select "cursor", type, value from {positions} where {equal(POSITION_KEY, "?")}',
            put=f"insert or replace into {positions} values (?, ?, ?, ?, ?, ?, ?, now())",
            make=(f"create table {positions} {_POSITIONS}",),
            exists=_exists(POSITIONS),
        ),
    )


def _exists(table: str) -> str:
    return (
        "select 1 from duckdb_tables() where database_name = current_catalog() "
        f"and schema_name = {literal(SCHEMA)} and table_name = {literal(table)}"
    )
