"""Positions of incremental steps, kept in the target's own file: read before a run, written with its rows."""

from __future__ import annotations

import duckdb

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.duckdb.session import catalogue_of
from osiris_dagster.drivers.positions import POSITIONS, Position, moved
from osiris_dagster.drivers.tables.loads import SCHEMA
from osiris_dagster.sql.quoting import quoted

_KEY = ("pipeline", "step", "target")
_COLUMNS = f"""(
    {", ".join(f"{name} varchar" for name in _KEY)},
    "cursor" varchar not null, type varchar not null, value varchar not null, run_id varchar not null,
    committed_at timestamptz not null, primary key ({", ".join(_KEY)})
)"""


def read_position(session: duckdb.DuckDBPyConnection, call: StepCall, step: str, target: str) -> Position | None:
    """Return how far the rows of an incremental step are in the target, None when nothing says so."""
    known = session.execute(
        "select 1 from duckdb_tables() where database_name = current_catalog() and schema_name = ? and table_name = ?",
        [SCHEMA, POSITIONS],
    ).fetchall()
    if not known:
        return None
    found = session.execute(
        f'select "cursor", type, value from {_table(session)} where {" and ".join(f"{name} = ?" for name in _KEY)}',
        [call.pipeline, step, target],
    ).fetchall()
    return Position(*found[0]) if found else None


def record_positions(session: duckdb.DuckDBPyConnection, call: StepCall, target: str, *, fresh: bool) -> None:
    """Add the positions to the transaction that is open; a table that it made is nobody's position yet.

    Raises DriverError when another run has moved one meanwhile.
    """
    if not call.advances:
        return
    session.execute(f"create table if not exists {_table(session)} {_COLUMNS}")
    for advance in call.advances:
        now = read_position(session, call, advance.step, target)
        if now != advance.before and not fresh:
            raise moved(advance.step, advance.before, now)
        if after := advance.after():
            session.execute(
                f"insert or replace into {_table(session)} values (?, ?, ?, ?, ?, ?, ?, now())",
                [call.pipeline, advance.step, target, after.cursor, after.type, after.value, call.run_id],
            )


def _table(session: duckdb.DuckDBPyConnection) -> str:
    return quoted(catalogue_of(session), SCHEMA, POSITIONS)
