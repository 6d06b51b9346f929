"""What happened to the recorded steps: said from any thread, told to one listener in the order it was said."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

from osiris_dagster.errors import ErrorInfo
from osiris_dagster.steps.meter import Clock
from osiris_dagster.steps.report import StepEvent, StepProgress, StepRecord, StepRetry, StepStarted

HEAR_SIGNALS = 0.5
"""Seconds that the caller's thread waits at most at once: a signal just before a wait does not end the wait."""


class Journal:
    """One start and one end for each recorded step; what is said about other steps, or after the end, is dropped."""

    def __init__(self, recorded: Sequence[str], clock: Clock) -> None:
        self._recorded = recorded
        self._open = set(recorded)
        self._clock = clock
        self._queue: SimpleQueue[StepEvent | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._started: dict[str, int] = {}
        self._ends: dict[str, StepRecord] = {}
        self._told: set[str] = set()
        self._taken = False

    def started(self, step_id: str, at_ms: int) -> None:
        """Say that a step opened, the first time."""
        with self._lock:
            if step_id in self._open and step_id not in self._started:
                self._started[step_id] = at_ms
                self._queue.put(StepStarted(step_id, at_ms))

    def progress(self, step_id: str, rows: int) -> None:
        """Say how far a step is."""
        with self._lock:
            if step_id in self._open:
                self._queue.put(StepProgress(step_id, self._clock.now_ms(), rows))

    def retried(self, retry: StepRetry) -> None:
        """Say that a step failed and is tried again."""
        with self._lock:
            if retry.step_id in self._open:
                self._queue.put(retry)

    def ended(self, ends: Iterable[StepRecord]) -> None:
        """Say how steps ended; the first end of a step counts."""
        with self._lock:
            for end in ends:
                self._end(end)

    def skipped(self, step_ids: Iterable[str]) -> None:
        """Say that steps will never start."""
        now = self._clock.now_ms()
        self.ended(StepRecord(step_id, "skipped", end_ms=now) for step_id in step_ids)

    def close(self, error: ErrorInfo | None = None) -> None:
        """End every step that has no end yet, as canceled with `error` if it started, and tell the listener to go."""
        now = self._clock.now_ms()
        with self._lock:
            for step_id in self._recorded:
                start = self._started.get(step_id)
                if start is None:
                    self._end(StepRecord(step_id, "skipped", end_ms=now))
                else:
                    self._end(StepRecord(step_id, "canceled", start, now, rows_in=0, rows_out=0, error=error))
            self._queue.put(None)

    def _end(self, end: StepRecord) -> None:
        if end.step_id in self._open:
            self._open.discard(end.step_id)
            self._ends[end.step_id] = end
            self._queue.put(end)

    def tell(self) -> Iterator[StepEvent]:
        """Yield the events as they come, until `close` or `take_untold`."""
        while (event := self._next()) is not None:
            with self._lock:
                if self._taken:
                    return
                if isinstance(event, StepRecord):
                    self._told.add(event.step_id)
            yield event

    def _next(self) -> StepEvent | None:
        while True:
            with suppress(Empty):
                return self._queue.get(timeout=HEAR_SIGNALS)

    def take_untold(self) -> list[StepRecord]:
        """Return the ends that `tell` has not yielded, in manifest order; it yields nothing any more. Idempotent."""
        with self._lock:
            self._taken = True
            return [self._ends[s] for s in self._recorded if s in self._ends and s not in self._told]
