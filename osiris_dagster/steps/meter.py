"""Measure steps while they stream: rows, bytes, own time and memory. Batches go past, numbers stay."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import psutil

from osiris_dagster.columns import Columns

_LOOK_EVERY = 0.25  # seconds between two looks of the watch: the rate of progress events
_SAMPLE_EVERY = 0.02  # seconds; batches that come faster do not ask for the memory each time


class Clock:
    """Unix milliseconds that never go backwards during a run."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def now_ms(self) -> int:
        """Return the time now."""
        return int((time.monotonic() + self._offset) * 1000)


class Meter:
    """The numbers of one step.

    Own time passes while a call into the step's driver is under way and none of its inputs is being pulled, whatever
    threads the two happen in; so it cannot come out negative.
    """

    def __init__(self, step_id: str, start_ms: int = 0) -> None:
        self.step_id = step_id
        self.start_ms = start_ms
        self.columns: Columns = ()
        self.rows_in = self.rows_out = self.bytes_in = self.bytes_out = 0
        self.peak_bytes = 0
        self._lock = threading.Lock()
        self._calls = self._pulls = 0
        self._since = self._busy = 0.0

    @property
    def busy_ms(self) -> int:
        """Own time so far."""
        return round(self._busy * 1000)

    @property
    def busy_seconds(self) -> float:
        """Own time up to this moment, the call under way included."""
        with self._lock:
            self._pass_time()
            return self._busy

    @contextmanager
    def own(self) -> Iterator[None]:
        """Count the time inside as the step's own."""
        self.call_begins()
        try:
            yield
        finally:
            self.call_ends()

    def call_begins(self) -> None:
        """A call into the driver, or into the stream it returned, begins."""
        with self._lock:
            self._pass_time()
            self._calls += 1

    def call_ends(self, rows: int = 0, nbytes: int = 0) -> None:
        """The call is over and has handed on that much."""
        with self._lock:
            self._pass_time()
            self._calls -= 1
            self.rows_out += rows
            self.bytes_out += nbytes

    def pull_begins(self) -> None:
        """The driver waits for an input."""
        with self._lock:
            self._pass_time()
            self._pulls += 1

    def pull_ends(self, rows: int = 0, nbytes: int = 0) -> None:
        """The input has answered with that much."""
        with self._lock:
            self._pass_time()
            self._pulls -= 1
            self.rows_in += rows
            self.bytes_in += nbytes

    def _pass_time(self) -> None:
        now = time.perf_counter()
        if self._calls and not self._pulls:
            self._busy += now - self._since
        self._since = now


class Limit(NamedTuple):
    """Seconds of own time that a step may take, and what to call beyond."""

    seconds: float
    reached: Callable[[], None]


class Watch:
    """Looks at the open steps a few times a second: memory of the process, and progress for whoever listens."""

    def __init__(self, progress: Callable[[str, int], None]) -> None:
        self._progress = progress
        self._process = psutil.Process()
        self._lock = threading.Lock()
        self._open: dict[Meter, int] = {}  # rows told last
        self._limits: dict[Meter, Limit] = {}
        self._due = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="osiris-watch", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def opened(self, meter: Meter, limit: Limit | None = None) -> None:
        """Follow a step from now on, and tell once when its own time is over its limit."""
        with self._lock:
            self._open[meter] = 0
            if limit is not None:
                self._limits[meter] = limit
        self.sample()

    def closed(self, meter: Meter) -> None:
        """Follow it no longer; its peak is final."""
        self.sample()
        with self._lock:
            self._open.pop(meter, None)
            self._limits.pop(meter, None)

    def passing(self) -> None:
        """A batch passes: sample the memory if the last sample is old enough."""
        if time.monotonic() >= self._due:
            self.sample()

    def sample(self) -> None:
        """Raise the peaks of the open steps to the memory the process has now."""
        self._due = time.monotonic() + _SAMPLE_EVERY
        with suppress(psutil.Error):  # a system that does not tell must not fail the step
            self._raise_peaks(self._process.memory_info().rss)

    def _raise_peaks(self, resident: int) -> None:
        with self._lock:
            for meter in self._open:
                meter.peak_bytes = max(meter.peak_bytes, resident)

    def _look(self) -> None:
        while not self._ended.wait(_LOOK_EVERY):
            self.sample()
            with self._lock:
                moved = [(meter, meter.rows_out or meter.rows_in) for meter in self._open]
                moved = [(meter, rows) for meter, rows in moved if rows != self._open[meter]]
                self._open.update(moved)
                over = [meter for meter, limit in self._limits.items() if meter.busy_seconds > limit.seconds]
                reached = [self._limits.pop(meter) for meter in over]
            for meter, rows in moved:
                self._progress(meter.step_id, rows)
            for limit in reached:
                limit.reached()
