"""The right to change a table until the end of the transaction: one run at a time has it."""

from __future__ import annotations

import hashlib

from osiris_dagster.drivers.postgres.session import Session
from osiris_dagster.drivers.tables.lease import granted
from osiris_dagster.errors import DriverError


def take_lease(session: Session, target: str, wait: float) -> None:
    """Wait up to `wait` seconds for other runs that write to the table. DriverError when that is not enough."""
    key = int.from_bytes(hashlib.sha256(f"osiris {target}".encode()).digest()[:8], "big", signed=True)
    if not granted(
        lambda: bool(session.rows("select pg_try_advisory_xact_lock(%s)", [key])[0][0]), wait, session.stopped
    ):
        raise _held(session, target, key, wait)


def holders(session: Session, table: str) -> list[str]:
    """Return who else holds locks on a table, `table` in SQL."""
    found = session.rows(
        "select distinct a.pid, a.usename, a.application_name from pg_locks l join pg_stat_activity a on a.pid = l.pid "
        "where l.relation = to_regclass(%s) and l.granted and l.pid <> pg_backend_pid() order by a.pid limit 3",
        [table],
    )
    return [f"session {pid} of {user}" + (f" ({name})" if name else "") for pid, user, name in found]


def _held(session: Session, target: str, key: int, wait: float) -> DriverError:
    # The lock's key is kept in two halves.
    found = session.rows(
        "select a.pid, a.application_name from pg_locks l join pg_stat_activity a on a.pid = l.pid "
        "where l.locktype = 'advisory' and l.granted and l.objsubid = 1 "
        "and l.classid = %s::bigint::oid and l.objid = %s::bigint::oid",
        [(key >> 32) & 0xFFFFFFFF, key & 0xFFFFFFFF],
    )
    holder = f"by session {found[0][0]} ({found[0][1]})" if found else "by another run"
    return DriverError(
        f"{session.place}: the table {target} is held {holder}; waited {wait:g} s",
        code="DRV064",
        found=f"in use {holder}",
        expected="one run at a time that writes to the table",
        fix="let that run end, or raise lock_timeout and run the step again",
        retryable="transient",
    )
