"""The rows between two steps: batches pass one by one, are counted, and stop at the first fault or cancellation."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from osiris_dagster.errors import ErrorInfo, RunError
from osiris_dagster.redaction import Redactor, capture
from osiris_dagster.steps.meter import Meter, Watch


@dataclass(frozen=True, slots=True)
class Fault:
    """Where a unit broke first. Without an error it was canceled."""

    step_id: str
    error: ErrorInfo | None


class Guard:
    """Keeps the first fault of a unit and lets no batch pass after it.

    Libraries between two steps may replace an exception by their own and drop the cause, so a fault is noted where
    it leaves its step.
    """

    def __init__(self, canceled: threading.Event, redactor: Redactor, root: Path) -> None:
        self.fault: Fault | None = None
        self._expired: Fault | None = None
        self._canceled = canceled
        self._redactor = redactor
        self._root = root
        self._lock = threading.Lock()
        self._sealed = False

    def note(self, step_id: str, error: BaseException) -> None:
        """Keep the error as the fault of the unit, unless there is one or the unit has ended without."""
        with self._lock:
            if self.fault is None and not self._sealed:
                self.fault = self._meant(step_id, error)

    def _meant(self, step_id: str, error: BaseException) -> Fault:
        if self._canceled.is_set():
            return Fault(step_id, None)
        return self._expired or Fault(step_id, self.record(error))

    def expire(self, step_id: str, error: RunError) -> None:
        """Let no batch pass any more: a step has used up its time. If the unit breaks now, this is why.

        It is no fault by itself, for a commit may be under way that can no longer be stopped.
        """
        with self._lock:
            self._expired = self._expired or Fault(step_id, self.record(error))

    def check(self) -> None:
        """Raise RunError once the run is canceled, a step out of time, or the unit has a fault."""
        if self._canceled.is_set():
            raise RunError("the run was canceled", code="RUN016")
        if self._expired is not None:
            raise RunError(f"step {self._expired.step_id!r} of the same stream is out of time", code="RUN017")
        if self.fault is not None:
            raise RunError(f"step {self.fault.step_id!r} of the same stream failed", code="RUN017")

    def seal(self) -> Fault | None:
        """End the unit: return its fault, and keep no other."""
        with self._lock:
            self._sealed = True
            return self.fault

    def record(self, error: BaseException) -> ErrorInfo:
        """Return the redacted record of any exception."""
        try:
            return capture(error, self._redactor, self._root)
        except Exception:  # noqa: BLE001 - an exception whose own text raises still has to be recorded
            return ErrorInfo(type(error).__name__, "the error has no readable text")


class Observer(Protocol):
    """Sees each batch of a stream, and its end before the reader does; what it raises is the fault of its step."""

    step_id: str

    def see(self, batch: pa.RecordBatch) -> None:
        """Take note of a batch."""
        ...

    def end(self) -> None:
        """Take note that there is no more."""
        ...


class Stream:
    """An iterator over the batches that one step hands to another.

    The source raises StopIteration at the end. `ended` tells that the reader has seen the end; a unit that is broken
    has none, so a writer cannot mistake the fault of a step before it for the last row.

    A library may pull from a thread of its own, and go on after the driver that uses it was closed. So the source is
    only free to be closed once the stream is stopped and idle.
    """

    def __init__(
        self,
        source: Callable[[], pa.RecordBatch],
        schema: pa.Schema,
        ends: tuple[Meter, Meter],
        guard: Guard,
        watch: Watch,
    ) -> None:
        self.schema = schema
        self.ended = False
        self._source: Callable[[], pa.RecordBatch] | None = source
        self._producer, self._consumer = ends
        self._guard = guard
        self._watch = watch
        self._pulling = threading.Lock()
        self._observers: tuple[Observer, ...] = ()

    def observe(self, *observers: Observer) -> None:
        """Let these see all rows too, after those that do already."""
        self._observers += observers

    def reader(self) -> pa.RecordBatchReader:
        """Return the stream in the form that drivers take."""
        return pa.RecordBatchReader.from_batches(self.schema, self)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self

    def __next__(self) -> pa.RecordBatch:
        with self._pulling:
            return self._counted()

    def _counted(self) -> pa.RecordBatch:
        self._guard.check()
        rows = nbytes = 0
        self._consumer.pull_begins()
        self._producer.call_begins()
        try:
            batch = self._pull()
            if batch is None:
                self._guard.check()
                self._tell(lambda observer: observer.end())
                self.ended = True
                raise StopIteration
            self._tell(lambda observer: observer.see(batch))
            rows, nbytes = batch.num_rows, batch.nbytes
        except StopIteration:
            raise
        except BaseException as error:
            self._guard.note(self._producer.step_id, error)
            raise
        finally:
            self._producer.call_ends(rows, nbytes)
            self._consumer.pull_ends(rows, nbytes)
        self._watch.passing()
        return batch

    def _tell(self, what: Callable[[Observer], None]) -> None:
        for observer in self._observers:
            try:
                what(observer)
            except BaseException as error:
                self._guard.note(observer.step_id, error)
                raise

    def _pull(self) -> pa.RecordBatch | None:
        """Return the next batch, None at the end."""
        source = self._source
        if source is None:
            raise RunError(f"the stream of step {self._producer.step_id!r} is read after its end", code="RUN017")
        try:
            batch = source()
        except StopIteration:
            return None
        found = batch.schema
        # Arrow does not compare: a reader in C would take the bytes of one type for those of another.
        if not found.equals(self.schema) and (found.names, found.types) != (self.schema.names, self.schema.types):
            raise RunError(
                f"a batch of step {self._producer.step_id!r} does not have the columns its stream began with",
                code="RUN012",
                found=", ".join(map(str, found)),
                expected=", ".join(map(str, self.schema)),
            )
        return batch

    def stop(self) -> None:
        """Let go of the source: whoever still holds the stream gets no batch more."""
        self._source = None

    def idle(self, seconds: float) -> bool:
        """Wait so long for a pull that is under way; tell whether none is."""
        if not self._pulling.acquire(timeout=seconds):
            return False
        self._pulling.release()
        return True
