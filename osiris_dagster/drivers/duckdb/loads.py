"""The record of committed writes, kept in the target's own file and written with the rows: a retry looks here first."""

from __future__ import annotations

import duckdb

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.duckdb.session import catalogue_of
from osiris_dagster.drivers.tables.loads import KEPT_DAYS, KEY_COLUMNS, LOADS, SCHEMA, is_same_load, load_key
from osiris_dagster.sql.quoting import quoted

_COLUMNS = f"""(
    {", ".join(f"{name} varchar" for name in KEY_COLUMNS)},
    run_id varchar not null, rows bigint not null, committed_at timestamptz not null,
    primary key ({", ".join(KEY_COLUMNS)})
)"""


def committed_rows(session: duckdb.DuckDBPyConnection, call: StepCall, target: str) -> int | None:
    """Return the rows that this load committed already, None when it has to be done; makes the record if need be."""
    if not call.run_id:
        return None
    loads = _table(session)
    session.execute(f"create table if not exists {loads} {_COLUMNS}")
    found = session.execute(
        f"select run_id, rows from {loads} where {' and '.join(f'{name} = ?' for name in KEY_COLUMNS)}",
        load_key(call, target),
    ).fetchall()
    return int(found[0][1]) if found and is_same_load(call, found[0][0]) else None


def record_load(session: duckdb.DuckDBPyConnection, call: StepCall, target: str, rows: int) -> None:
    """Add the load to the transaction that is open, and forget loads too old to be retried."""
    if not call.run_id:
        return
    loads = _table(session)
    session.execute(
        f"insert or replace into {loads} by name select {', '.join(f'? as {name}' for name in KEY_COLUMNS)}, "
        "? as run_id, ? as rows, now() as committed_at",
        [*load_key(call, target), call.run_id, rows],
    )
    session.execute(f"delete from {loads} where committed_at < now() - interval {KEPT_DAYS} days")


def _table(session: duckdb.DuckDBPyConnection) -> str:
    return quoted(catalogue_of(session), SCHEMA, LOADS)
