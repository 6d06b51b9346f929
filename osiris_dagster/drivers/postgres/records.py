"""The record of loads and the positions in PostgreSQL's SQL; both lie in the target's own database."""

from __future__ import annotations

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.positions import POSITIONS
from osiris_dagster.drivers.postgres.session import Session
from osiris_dagster.drivers.tables.loads import KEPT_DAYS, KEY_COLUMNS, LOADS, SCHEMA
from osiris_dagster.drivers.tables.records import POSITION_KEY, Records, RecordSql, equal
from osiris_dagster.errors import DriverError
from osiris_dagster.sql.quoting import listed, quoted

_LOADS, _POSITIONS = quoted(SCHEMA, LOADS), quoted(SCHEMA, POSITIONS)
_NAMED = listed(KEY_COLUMNS)
_VALUES = ("cursor", "type", "value", "run_id")
_RENEWED = ", ".join(f"{quoted(name)} = excluded.{quoted(name)}" for name in (*_VALUES, "committed_at"))
_MAKE_SCHEMA = f"create schema if not exists {quoted(SCHEMA)}"
_MAKE_LOADS = (
    f"create table if not exists {_LOADS} ({', '.join(f'{name} text' for name in KEY_COLUMNS)}, "
    f"run_id text not null, rows bigint not null, committed_at timestamptz not null, primary key ({_NAMED}))"
)
_MAKE_POSITIONS = (
    f"create table if not exists {_POSITIONS} ({', '.join(f'{quoted(name)} text' for name in POSITION_KEY)}, "
    f"{', '.join(f'{quoted(name)} text not null' for name in _VALUES)}, committed_at timestamptz not null, "
    f"primary key ({listed(POSITION_KEY)}))"
)
_LOADS_SQL = RecordSql(
    find=f"select run_id, rows from {_LOADS} where {equal(KEY_COLUMNS, '%s', quoted)}",
    put=f"insert into {_LOADS} ({_NAMED}, run_id, rows, committed_at) values (%s, %s, %s, %s, %s, %s, %s, now()) "
    f"on conflict ({_NAMED}) do update set run_id = excluded.run_id, rows = excluded.rows, "
    "committed_at = excluded.committed_at",
    exists=f"select to_regclass('{_LOADS}')",
    make=(_MAKE_SCHEMA, _MAKE_LOADS),
    forget=f"delete from {_LOADS} where committed_at < now() - interval '{KEPT_DAYS} days'",
)
_POSITIONS_SQL = RecordSql(
    find=f'select "cursor", "type", "value" from {_POSITIONS} where {equal(POSITION_KEY, "%s", quoted)}',
    put=f"insert into {_POSITIONS} ({listed((*POSITION_KEY, *_VALUES))}, committed_at) "
    "values (%s, %s, %s, %s, %s, %s, %s, now()) "
    f"on conflict ({listed(POSITION_KEY)}) do update set {_RENEWED}",
    exists=f"select to_regclass('{_POSITIONS}')",
    make=(_MAKE_SCHEMA, _MAKE_POSITIONS),
)
_RIGHTS = ("select", "insert", "update", "delete")
_MADE_BY_ANOTHER = frozenset({"SQLSTATE 23505", "SQLSTATE 42P06", "SQLSTATE 42P07"})


def records_of(session: Session) -> Records:
    """Return the records of the database that a session is in."""
    return Records(session.rows, _LOADS_SQL, _POSITIONS_SQL)


def prepare_record(session: Session, records: Records, call: StepCall) -> bool:
    """Make the record if need be; tell whether this load can be recorded. False when the rights are missing."""
    if not call.run_id:
        return False
    for _ in range(3):
        try:
            with session.transaction():
                records.make(records.loads)
                return all(
                    session.rows("select has_table_privilege(%s, %s)", [_LOADS, right])[0][0] for right in _RIGHTS
                )
        except DriverError as error:
            if error.first.code == "DRV066":
                return False
            if error.first.found not in _MADE_BY_ANOTHER:
                raise
    return False
