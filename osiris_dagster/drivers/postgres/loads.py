"""The record of committed writes, kept in the target's own database and written with the rows: a retry looks here."""

from __future__ import annotations

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.postgres.session import Session
from osiris_dagster.drivers.tables.loads import KEPT_DAYS, KEY_COLUMNS, LOADS, SCHEMA, is_same_load, load_key
from osiris_dagster.errors import DriverError
from osiris_dagster.sql.quoting import listed, quoted

_TABLE = quoted(SCHEMA, LOADS)
_NAMED = listed(KEY_COLUMNS)
_MAKE = (
    f"create table if not exists {_TABLE} ({', '.join(f'{name} text' for name in KEY_COLUMNS)}, "
    f"run_id text not null, rows bigint not null, committed_at timestamptz not null, primary key ({_NAMED}))"
)
_RIGHTS = ("select", "insert", "update", "delete")
_MADE_BY_ANOTHER = frozenset({"SQLSTATE 23505", "SQLSTATE 42P06", "SQLSTATE 42P07"})


def prepare_record(session: Session, call: StepCall) -> bool:
    """Make the record if need be; tell whether this load can be recorded. False when the rights are missing."""
    if not call.run_id:
        return False
    for _ in range(3):
        try:
            with session.transaction():
                if session.rows("select to_regclass(%s)", [_TABLE])[0][0] is None:
                    session.execute(f"create schema if not exists {quoted(SCHEMA)}")
                    session.execute(_MAKE)
                return all(
                    session.rows("select has_table_privilege(%s, %s)", [_TABLE, right])[0][0] for right in _RIGHTS
                )
        except DriverError as error:
            if error.first.code == "DRV066":
                return False
            if error.first.found not in _MADE_BY_ANOTHER:
                raise
    return False


def committed_rows(session: Session, call: StepCall, target: str) -> int | None:
    """Return the rows that this load committed already, None when it has to be done."""
    same = " and ".join(f"{quoted(name)} = %s" for name in KEY_COLUMNS)
    found = session.rows(f"select run_id, rows from {_TABLE} where {same}", load_key(call, target))
    return int(found[0][1]) if found and is_same_load(call, found[0][0]) else None


def record_load(session: Session, call: StepCall, target: str, rows: int) -> None:
    """Add the load to the transaction that is open, and forget loads too old to be retried."""
    session.execute(
        f"insert into {_TABLE} ({_NAMED}, run_id, rows, committed_at) values (%s, %s, %s, %s, %s, %s, %s, now()) "
        f"on conflict ({_NAMED}) do update set run_id = excluded.run_id, rows = excluded.rows, "
        "committed_at = excluded.committed_at",
        [*load_key(call, target), call.run_id, rows],
    )
    session.execute(f"delete from {_TABLE} where committed_at < now() - interval '{KEPT_DAYS} days'")
