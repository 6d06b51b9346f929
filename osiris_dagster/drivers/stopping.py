"""How a driver ends on request: a flag set by another thread in, a DriverError at the next step of the work out."""

from __future__ import annotations

import threading

from osiris_dagster.errors import DriverError


def canceled() -> DriverError:
    """Return the error of a call that `cancel` ended."""
    return DriverError("the step was canceled", code="DRV028", fix="run the step again", retryable="transient")


class StopSign:
    """Set once, by any thread."""

    def __init__(self) -> None:
        self.event = threading.Event()

    def set(self) -> None:
        """Ask the work to end. Idempotent."""
        self.event.set()

    def check(self) -> None:
        """Raise DriverError once the sign is set."""
        if self.event.is_set():
            raise canceled()
