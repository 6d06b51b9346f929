"""Where staging tables and the record of loads lie, who may write a target now, and what dead runs left behind.

They lie in the database `_osiris` where the user may have one, else beside the target under names that begin with it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import pymysql

from osiris_dagster.canonical import sha256
from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.mysql.faults import error_of
from osiris_dagster.drivers.mysql.names import quoted
from osiris_dagster.drivers.mysql.session import Session
from osiris_dagster.drivers.stopping import canceled
from osiris_dagster.drivers.tables.loads import KEPT_DAYS, LOADS, SCHEMA, STAGE_PREFIX, is_same_load, load_key
from osiris_dagster.drivers.tables.target import Target
from osiris_dagster.errors import DriverError

_LOADS_COLUMNS = """(
    load_key char(64) not null primary key, root_run_id text, pipeline text, step text, target text,
    run_id varchar(255) not null, row_count bigint not null, committed_at datetime(6) not null, key (committed_at)
) engine = InnoDB character set utf8mb4 collate utf8mb4_bin"""
_DENIED = (1044, 1142, 1227)
NEW, OLD = "_new", "_old"
"""What follows the name of a staging table in those of tables that change places with the target."""
_POLL = 1.0  # seconds of one wait for a lease, so that a cancellation is not late


@dataclass(frozen=True, slots=True)
class Side:
    """The place of our own tables: a database, and what their names begin with."""

    database: str
    prefix: str = ""

    def table(self, name: str) -> str:
        """Return the qualified name of one of our tables."""
        return quoted(self.database, f"{self.prefix}{name}")


def sides_of(target: Target) -> tuple[Side, Side]:
    """Return where our tables may lie: in a database of their own, or beside the target."""
    return Side(SCHEMA), Side(target.schema, f"{SCHEMA}_")


def side_of(session: Session, target: Target) -> tuple[Side, bool]:
    """Return where our tables lie for a target, and whether loads can be recorded there; makes what is missing."""
    own, beside = sides_of(target)
    made = f"create database if not exists {quoted(SCHEMA)} character set utf8mb4"
    if allowed(session, made) and allowed(session, f"create table if not exists {own.table(LOADS)} {_LOADS_COLUMNS}"):
        return own, True
    recorded = allowed(session, f"create table if not exists {beside.table(LOADS)} {_LOADS_COLUMNS}")
    return beside, recorded


def allowed(session: Session, statement: str) -> bool:
    """Execute a statement; tell whether this user may."""
    session.stop.check()
    try:
        with session.connection.cursor() as cursor:
            cursor.execute(statement)
    except pymysql.Error as error:
        if error_of(error)[0] in _DENIED:
            return False
        with session.faults():
            raise
    return True


def take_lease(session: Session, target: Target, wait: float) -> None:
    """Wait until no other run writes the target, at most `wait` seconds; the lease ends with the session."""
    name = f"osiris:{sha256(target.name.lower())[:40]}"
    left = wait
    while not session.value(f"select get_lock('{name}', {max(0.0, min(left, _POLL)):.3f})"):
        if session.stop.event.is_set():
            raise canceled()
        left -= _POLL
        if left <= 0:
            holder = session.value(f"select is_used_lock('{name}')")
            raise DriverError(
                f"another run has been writing the table {target.name}; waited {wait:g} s",
                code="DRV101",
                found=f"session {holder} of the server holds the lease" if holder else "a lease that just ended",
                expected="one run at a time",
                fix="run the step again when the other run is done, or raise lock_timeout",
                retryable="transient",
            )


def open_transactions(session: Session) -> list[str]:
    """Return the other sessions with a transaction, those with most locks first; none where the user may not ask.

    Who waits for whom is told only while somebody waits.
    """
    with suppress(DriverError):
        found = session.rows(
            "select t.trx_mysql_thread_id, p.user from information_schema.innodb_trx t "
            "left join information_schema.processlist p on p.id = t.trx_mysql_thread_id "
            "where t.trx_mysql_thread_id not in (0, connection_id()) order by t.trx_rows_locked desc limit 3"
        )
        return [f"session {number}" + (f" of {user}" if user else "") for number, user in found]
    return []


def claim_stage(session: Session, side: Side, name: str) -> None:
    """Mark a staging table as in use for as long as this session lives, and drop those whose session is gone."""
    session.value(f"select get_lock('{name}', 0)")
    prefix = session.text(f"{side.prefix}{STAGE_PREFIX}").replace("_", "\\_")
    found = session.rows(
        f"select table_name from information_schema.tables where table_schema = {session.text(side.database)} "
        f"and table_name like concat({prefix}, '%')"
    )
    for (table,) in found:
        stage = str(table).removeprefix(side.prefix).removesuffix(NEW).removesuffix(OLD)
        if stage == name or not session.value(f"select is_used_lock({session.text(stage)})"):
            session.run(f"drop table if exists {quoted(side.database, str(table))}")


def digest_of(call: StepCall, target: Target) -> str:
    """Return the key of a load as one text."""
    return sha256("\0".join(load_key(call, target.name)))


def committed_rows(session: Session, side: Side, call: StepCall, target: Target) -> int | None:
    """Return the rows that this load committed already, None when it has to be done."""
    if not call.run_id:
        return None
    found = session.rows(
        f"select run_id, row_count from {side.table(LOADS)} where load_key = '{digest_of(call, target)}'"
    )
    return int(found[0][1]) if found and is_same_load(call, str(found[0][0])) else None


def record_load(session: Session, side: Side, call: StepCall, target: Target, rows: int) -> None:
    """Add the load to the transaction that is open."""
    if not call.run_id:
        return
    loads = side.table(LOADS)
    values = ", ".join(session.text(part) for part in (digest_of(call, target), *load_key(call, target.name)[:4]))
    session.run(
        f"replace into {loads} (load_key, root_run_id, pipeline, step, target, run_id, row_count, committed_at) "
        f"values ({values}, {session.text(call.run_id)}, {rows}, utc_timestamp(6))"
    )


def forget_old_loads(session: Session, side: Side) -> None:
    """Drop the records of loads too old to be retried; apart from any load, whose locks would meet those of others."""
    session.run(
        f"delete from {side.table(LOADS)} where committed_at < utc_timestamp() - interval {KEPT_DAYS} day limit 10000"
    )
