"""The end of a step that has used up its own time: no batch passes any more, and its driver is asked to stop."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from osiris_dagster.compiler.manifest import StepPlan
from osiris_dagster.errors import RunError
from osiris_dagster.steps.open_drivers import Interruptible, OpenDriver
from osiris_dagster.steps.stream import Guard


class TimeLimit:
    """The limits of the steps of one try of a unit."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def reached(self, plan: StepPlan, opened: Iterable[OpenDriver[Interruptible]]) -> None:
        """Stop a step, from any thread. A driver that is still being opened is stopped by the guard afterwards."""
        self._guard.expire(
            plan.id,
            RunError(
                f"step {plan.id!r} did not end within its time",
                code="RUN050",
                found=f"more than {plan.timeout:g} s of its own time",
                expected=f"at most {plan.timeout:g} s, without waiting for the steps before it",
                fix="raise `timeout`, or let the step do less; `retry` tries it again",
                retryable="transient",
            ),
        )
        for each in opened:
            # In a thread of its own: to cancel may take a connection, and other steps have limits too.
            thread = threading.Thread(target=self._interrupt, args=(each,), name="osiris-timeout", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _interrupt(self, opened: OpenDriver[Interruptible]) -> None:
        """Interrupt until the try is over: a driver between two calls misses the first time."""
        pause = 1.0
        while not self._over.is_set():
            opened.cancel()
            self._over.wait(pause)
            pause *= 2

    def over(self) -> None:
        """The try is over; nothing is interrupted any more."""
        self._over.set()
        for thread in self._threads:
            thread.join()
