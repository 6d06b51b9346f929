"""Positions of incremental steps, kept beside the record of loads: read before a run, written with its rows."""

from __future__ import annotations

from osiris_dagster.canonical import canonical_json, sha256
from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.mysql.names import quoted
from osiris_dagster.drivers.mysql.session import Session
from osiris_dagster.drivers.mysql.side import Side, allowed, sides_of
from osiris_dagster.drivers.positions import POSITIONS, Position, Since, moved
from osiris_dagster.drivers.tables.target import Target
from osiris_dagster.errors import DriverError

_COLUMNS = """(
    position_key char(64) not null primary key, pipeline text, step text, target text,
    `cursor` text not null, type varchar(255) not null, value longtext not null,
    run_id text not null, committed_at datetime(6) not null
) engine = InnoDB character set utf8mb4 collate utf8mb4_bin"""
_BARE = ("int", "uint", "decimal", "float")


def condition(session: Session, since: Since) -> str:
    """Return the condition on new rows in SQL. The session's time zone is UTC, so an instant stands without one."""
    value = since.value.removesuffix("Z") if since.type.startswith("timestamptz") else since.value
    literal = value if since.type.startswith(_BARE) else session.text(value)
    return f"{quoted(since.column)} {'>=' if since.inclusive else '>'} {literal}"


def find_position(session: Session, call: StepCall, step: str, target: Target) -> Position | None:
    """Return how far the rows of an incremental step are in the target, None when nothing says so."""
    for side in sides_of(target):
        there = (
            f"table_schema = {session.text(side.database)} and table_name = {session.text(f'{side.prefix}{POSITIONS}')}"
        )
        if session.rows(f"select 1 from information_schema.tables where {there}"):
            found = read_position(session, side, call, step, target)
            if found is not None:
                return found
    return None


def read_position(session: Session, side: Side, call: StepCall, step: str, target: Target) -> Position | None:
    """Return the position that the record of one place has."""
    found = session.rows(
        f"select `cursor`, type, value from {side.table(POSITIONS)} where position_key = '{_key(call, step, target)}'"
    )
    return Position(*map(str, found[0])) if found else None


def prepare_positions(session: Session, side: Side, call: StepCall) -> None:
    """Make the record before any row moves. DriverError without the right to, as the next run would read all again."""
    made = f"create table if not exists {side.table(POSITIONS)} {_COLUMNS}"
    if call.advances and not allowed(session, made):
        raise DriverError(
            "the position of an incremental step cannot be kept",
            code="DRV092",
            found=f"no right to make the table {side.table(POSITIONS)}",
            expected="a record that is committed with the rows",
            fix="let the user create tables in the target's database, or in a database named _osiris",
        )


def record_positions(session: Session, side: Side, call: StepCall, target: Target, *, fresh: bool) -> None:
    """Add the positions to the transaction that is open; a table that it made is nobody's position yet.

    Raises DriverError when another run has moved one meanwhile.
    """
    for advance in call.advances:
        now = read_position(session, side, call, advance.step, target)
        if now != advance.before and not fresh:
            raise moved(advance.step, advance.before, now)
        if after := advance.after():
            parts = (call.pipeline, advance.step, target.name, after.cursor, after.type, after.value, call.run_id)
            session.run(
                f"replace into {side.table(POSITIONS)} (position_key, pipeline, step, target, `cursor`, type, value, "
                f"run_id, committed_at) values ('{_key(call, advance.step, target)}', "
                f"{', '.join(map(session.text, parts))}, utc_timestamp(6))"
            )


def _key(call: StepCall, step: str, target: Target) -> str:
    return sha256(canonical_json([call.pipeline, step, target.name]))
