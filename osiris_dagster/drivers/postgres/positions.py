"""Positions of incremental steps, kept in the target's own database: read before a run, written with its rows."""

from __future__ import annotations

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.positions import POSITIONS, Position, moved
from osiris_dagster.drivers.postgres.session import Session
from osiris_dagster.drivers.tables.loads import SCHEMA
from osiris_dagster.sql.quoting import listed, quoted

_TABLE = quoted(SCHEMA, POSITIONS)
_KEY = ("pipeline", "step", "target")
_VALUES = ("cursor", "type", "value", "run_id")
_MAKE = (
    f"create table if not exists {_TABLE} ({', '.join(f'{quoted(name)} text' for name in _KEY)}, "
    f"{', '.join(f'{quoted(name)} text not null' for name in _VALUES)}, committed_at timestamptz not null, "
    f"primary key ({listed(_KEY)}))"
)


def read_position(session: Session, call: StepCall, step: str, target: str) -> Position | None:
    """Return how far the rows of an incremental step are in the target, None when nothing says so."""
    if session.rows("select to_regclass(%s)", [_TABLE])[0][0] is None:
        return None
    found = session.rows(
        f'select "cursor", "type", "value" from {_TABLE} where {" and ".join(f"{quoted(name)} = %s" for name in _KEY)}',
        [call.pipeline, step, target],
    )
    return Position(*found[0]) if found else None


def record_positions(session: Session, call: StepCall, target: str, *, fresh: bool) -> None:
    """Add the positions to the transaction that is open; a table that it made is nobody's position yet.

    Raises DriverError when another run has moved one meanwhile, or when the user may not keep them.
    """
    if not call.advances:
        return
    if session.rows("select to_regclass(%s)", [_TABLE])[0][0] is None:
        session.execute(f"create schema if not exists {quoted(SCHEMA)}")
        session.execute(_MAKE)
    columns = listed((*_KEY, *_VALUES))
    renewed = ", ".join(f"{quoted(name)} = excluded.{quoted(name)}" for name in (*_VALUES, "committed_at"))
    for advance in call.advances:
        now = read_position(session, call, advance.step, target)
        if now != advance.before and not fresh:
            raise moved(advance.step, advance.before, now)
        if after := advance.after():
            session.execute(
                f"insert into {_TABLE} ({columns}, committed_at) values (%s, %s, %s, %s, %s, %s, %s, now()) "
                f"on conflict ({listed(_KEY)}) do update set {renewed}",
                [call.pipeline, advance.step, target, after.cursor, after.type, after.value, call.run_id],
            )
