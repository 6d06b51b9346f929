"""The right to change a table, which one run at a time has: how it is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable

from osiris_dagster.drivers.stopping import StopSign

_PAUSE = 0.1  # seconds between two tries


def granted(attempt: Callable[[], bool], wait: float, stopped: StopSign) -> bool:
    """Try until it works; tell whether it did within `wait` seconds. DriverError when `stopped` is set meanwhile."""
    deadline = time.monotonic() + wait
    while not attempt():
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        stopped.event.wait(min(left, _PAUSE))
        stopped.check()
    return True
