"""The statements that change the rows of a target, in their order."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from osiris_dagster.drivers.tables.drift import Drift
from osiris_dagster.drivers.tables.store import ChangeSql
from osiris_dagster.drivers.tables.target import Target, sliced_column
from osiris_dagster.errors import DriverError

Result = TypeVar("Result")
_TRIES = 5


def statements(sql: ChangeSql, target: Target, drift: Drift) -> Iterator[str]:
    """Yield them one by one: a later one may depend on what an earlier one did."""
    if target.emptied:
        yield f"delete from {sql.table}"
    yield from sql.alterations(drift)
    if target.slice:
        yield f"delete from {sql.table} where {sql.in_slice(target.slice, sliced_column(target, drift.moves))}"
    if target.mode == "upsert":
        yield from sql.upsert(drift, target.keys)
    else:
        yield sql.insertion(drift)


def past_deadlocks(change: Callable[[], Result], is_deadlock: Callable[[DriverError], bool]) -> Result:
    """Make a change again, from its beginning, when a deadlock was broken at its expense."""
    for attempt in range(1, _TRIES):
        try:
            return change()
        except DriverError as error:
            if not is_deadlock(error):
                raise
        time.sleep(random.uniform(0.05, 0.2) * attempt)  # noqa: S311 - two that met should not meet again
    return change()
