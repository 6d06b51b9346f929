"""The record of loads and the positions in MySQL's SQL. Keys are digests: an index holds no long texts."""

from __future__ import annotations

from collections.abc import Sequence

from osiris_dagster.canonical import canonical_json, sha256
from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.mysql.session import Session
from osiris_dagster.drivers.mysql.side import Side, allowed, sides_of
from osiris_dagster.drivers.positions import POSITIONS, Position
from osiris_dagster.drivers.tables.loads import LOADS, load_key
from osiris_dagster.drivers.tables.records import Records, RecordSql
from osiris_dagster.drivers.tables.target import Target
from osiris_dagster.errors import DriverError

_POSITIONS_COLUMNS = """(
    position_key char(64) not null primary key, pipeline text, step text, target text,
    `cursor` text not null, type varchar(255) not null, value longtext not null,
    run_id text not null, committed_at datetime(6) not null
) engine = InnoDB character set utf8mb4 collate utf8mb4_bin"""


def records_of(session: Session, side: Side) -> Records:
    """Return the records that lie at a place."""
    loads, positions = (side.table(name).replace("%", "%%") for name in (LOADS, POSITIONS))
    return Records(
        session.rows,
        RecordSql(
            find=f"select run_id, row_count from {loads} where load_key = %s",
            put=f"replace into {loads} (load_key, root_run_id, pipeline, step, target, run_id, row_count, "
            "committed_at) values (%s, %s, %s, %s, %s, %s, %s, utc_timestamp(6))",
            found_by=lambda key: [_load_digest(key)],
            put_as=lambda key: [_load_digest(key), *key[:4]],
        ),
        RecordSql(
            find=f"select `cursor`, type, value from {positions} where position_key = %s",
            put=f"replace into {positions} (position_key, pipeline, step, target, `cursor`, type, value, "
            "run_id, committed_at) values (%s, %s, %s, %s, %s, %s, %s, %s, utc_timestamp(6))",
            found_by=lambda key: [_position_digest(key)],
            put_as=lambda key: [_position_digest(key), *key],
        ),
    )


def digest_of(call: StepCall, target: Target) -> str:
    """Return the key of a load as one text."""
    return _load_digest(load_key(call, target.name))


def _load_digest(key: Sequence[str]) -> str:
    return sha256("\0".join(key))


def _position_digest(key: Sequence[str]) -> str:
    return sha256(canonical_json(list(key)))


def find_position(session: Session, call: StepCall, step: str, target: Target) -> Position | None:
    """Return how far the rows of an incremental step are in the target, None when nothing says so."""
    for side in sides_of(target):
        there = (
            f"table_schema = {session.text(side.database)} and table_name = {session.text(f'{side.prefix}{POSITIONS}')}"
        )
        if session.rows(f"select 1 from information_schema.tables where {there}"):
            found = records_of(session, side).position(call, step, target.name)
            if found is not None:
                return found
    return None


def prepare_positions(session: Session, side: Side, call: StepCall) -> None:
    """Make the record before any row moves. DriverError without the right to, as the next run would read all again."""
    made = f"create table if not exists {side.table(POSITIONS)} {_POSITIONS_COLUMNS}"
    if call.advances and not allowed(session, made):
        raise DriverError(
            "the position of an incremental step cannot be kept",
            code="DRV092",
            found=f"no right to make the table {side.table(POSITIONS)}",
            expected="a record that is committed with the rows",
            fix="let the user create tables in the target's database, or in a database named _osiris",
        )
