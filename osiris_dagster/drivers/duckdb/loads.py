"""The record of committed writes, kept in the target's own file and written with the rows: a retry looks here first."""

from __future__ import annotations

import duckdb

from osiris_dagster.canonical import canonical_json, sha256
from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.duckdb.sql import catalogue_of, quoted
from osiris_dagster.drivers.duckdb.staging import SCHEMA

_KEPT_DAYS = 30
_COLUMNS = """(
    root_run_id varchar, pipeline varchar, step varchar, target varchar, plan varchar,
    run_id varchar not null, rows bigint not null, committed_at timestamptz not null,
    primary key (root_run_id, pipeline, step, target, plan)
)"""


def committed_rows(session: duckdb.DuckDBPyConnection, call: StepCall, target: str) -> int | None:
    """Return the rows that this load committed already, None when it has to be done; makes the record if need be.

    Only a retry is spared: of the same run, or of the run that it re-executes from its failure. Executing everything
    again is a new load, although its root run is the same.
    """
    if not call.run_id:
        return None
    loads = _table(session)
    session.execute(f"create table if not exists {loads} {_COLUMNS}")
    found = session.execute(
        f"""select run_id, rows from {loads}
        where root_run_id = ? and pipeline = ? and step = ? and target = ? and plan = ?""",
        _key(call, target),
    ).fetchall()
    if found and (call.retry_of or found[0][0] == call.run_id):
        return int(found[0][1])
    return None


def record_load(session: duckdb.DuckDBPyConnection, call: StepCall, target: str, rows: int) -> None:
    """Add the load to the transaction that is open, and forget loads too old to be retried."""
    if not call.run_id:
        return
    loads = _table(session)
    session.execute(
        f"insert or replace into {loads} by name select ? as root_run_id, ? as pipeline, ? as step, "
        "? as target, ? as plan, ? as run_id, ? as rows, now() as committed_at",
        [*_key(call, target), call.run_id, rows],
    )
    session.execute(f"delete from {loads} where committed_at < now() - interval {_KEPT_DAYS} days")


def _table(session: duckdb.DuckDBPyConnection) -> str:
    return quoted(catalogue_of(session), SCHEMA, "loads")


def _key(call: StepCall, target: str) -> list[str]:
    plan = sha256(canonical_json([call.component, dict(call.config)]))
    return [call.root_run_id or call.run_id, call.pipeline, call.step_id, target, plan]
