"""The record of loads and the positions in SQLite's SQL; both lie in the target's own file."""

from __future__ import annotations

from osiris_dagster.drivers.positions import POSITIONS
from osiris_dagster.drivers.sqlite.catalogue import PREFIX
from osiris_dagster.drivers.sqlite.session import Session
from osiris_dagster.drivers.tables.loads import KEPT_DAYS, KEY_COLUMNS, LOADS
from osiris_dagster.drivers.tables.names import quoted
from osiris_dagster.drivers.tables.records import POSITION_KEY, Records, RecordSql, equal


def records_of(session: Session) -> Records:
    """Return the records of the file that a session has open."""
    loads = _record(LOADS, KEY_COLUMNS, {"run_id": "text", "rows": "integer"}, ("run_id", "rows"), forget=True)
    values = dict.fromkeys(("cursor", "type", "value", "run_id"), "text")
    positions = _record(POSITIONS, POSITION_KEY, values, ("cursor", "type", "value"), forget=False)
    return Records(session.rows, loads, positions)


def _record(
    name: str, key: tuple[str, ...], values: dict[str, str], wanted: tuple[str, ...], *, forget: bool
) -> RecordSql:
    table = quoted("main", f"{PREFIX}{name}")
    rest = [f"{each} {kind} not null" for each, kind in (*values.items(), ("committed_at", "text"))]
    columns = ", ".join([*(f"{each} text" for each in key), *rest, f"primary key ({', '.join(key)})"])
    marks = ", ".join("?" * (len(key) + len(values)))
    return RecordSql(
        find=f"select {', '.join(wanted)} from {table} where {equal(key, '?')}",
        put=f"insert or replace into {table} values ({marks}, datetime('now'))",
        exists=f"select 1 from sqlite_schema where name = '{PREFIX}{name}'",
        make=(f"create table if not exists {table} ({columns}) strict",),
        forget=f"delete from {table} where committed_at < datetime('now', '-{KEPT_DAYS} days')" if forget else "",
    )
