"""The end of a write: a COMMIT whose answer may be lost, and what really happened then."""

from __future__ import annotations

import time
from functools import partial

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.postgres.endpoint import Endpoint
from osiris_dagster.drivers.postgres.records import records_of
from osiris_dagster.drivers.postgres.session import Session, Switch
from osiris_dagster.drivers.tables.lost_answer import unless_committed
from osiris_dagster.errors import DriverError

_LOST = "DRV063"
_PATIENCE = 20.0  # seconds for the old session to end
_PAUSE = 0.2


def commit(session: Session, switch: Switch, endpoint: Endpoint, call: StepCall, recorded_as: str) -> None:
    """Commit the open transaction. When the connection breaks meanwhile, ask the server over another one.

    `recorded_as` is the target in the record of loads, empty when there is none. Raises DriverError: transient when
    the transaction was undone, ambiguous when that cannot be found out.
    """
    number = session.number("select txid_current()")
    try:
        session.commit()
    except DriverError as error:
        if error.first.code != _LOST:
            raise
        asked = partial(_happened, switch, endpoint, call, recorded_as, number)
        unless_committed(error, asked, partial(_unknown, endpoint))


def _happened(switch: Switch, endpoint: Endpoint, call: StepCall, recorded_as: str, number: int) -> bool:
    other = switch.open(endpoint)
    deadline = time.monotonic() + _PATIENCE
    while True:
        if recorded_as and records_of(other).committed_rows(call, recorded_as) is not None:
            return True
        state = other.rows("select txid_status(%s)", [number])[0][0]
        if state in ("committed", "aborted"):
            return bool(state == "committed")
        if time.monotonic() > deadline:
            raise _unknown(endpoint, f"the transaction is {state or 'forgotten'}")
        switch.stopped.event.wait(_PAUSE)


def _unknown(endpoint: Endpoint, found: str) -> DriverError:
    return DriverError(
        f"{endpoint.name}: the connection was lost during COMMIT, and what became of it cannot be found out",
        code="DRV067",
        found=found,
        expected="an answer to COMMIT",
        fix="retry the run: a retry looks at the record of loads first",
        retryable="ambiguous",
    )
