"""Try one unit once in one thread: open its steps, stream the rows to its end, close, and say how each step ended."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from osiris_dagster.arrow import columns_of
from osiris_dagster.canonical import slug
from osiris_dagster.columns import Columns
from osiris_dagster.compiler.manifest import StepInput, StepPlan
from osiris_dagster.drivers.base import Driver, Noting, StepCall, TransformInput, WriteReport
from osiris_dagster.errors import ErrorInfo
from osiris_dagster.steps.checkpoint import Kept, keep
from osiris_dagster.steps.checks.unit_checks import UnitChecks
from osiris_dagster.steps.increments import Increments
from osiris_dagster.steps.journal import Journal
from osiris_dagster.steps.meter import Clock, Limit, Meter, Watch
from osiris_dagster.steps.narrowing import narrowed
from osiris_dagster.steps.open_drivers import Interruptible, OpenDriver, OpenDrivers
from osiris_dagster.steps.promises import check_write, kept_columns
from osiris_dagster.steps.report import StepRecord, StepStatus, in_place_of
from osiris_dagster.steps.runtime import Runtime, open_driver, step_call
from osiris_dagster.steps.scans import counted_scans
from osiris_dagster.steps.selection import Selection
from osiris_dagster.steps.stream import Fault, Guard, Stream
from osiris_dagster.steps.timeout import TimeLimit
from osiris_dagster.steps.units import Unit

_PATIENCE = 1.0  # seconds that a pull in a library's own thread may take to end before its driver is interrupted
_MOST_NAMED = 10


@dataclass(frozen=True)
class Shared:
    """What the units of one execution have in common."""

    pipeline: str
    file: str  # of the OML, below the project
    runtime: Runtime
    selection: Selection
    plans: Mapping[str, StepPlan]  # of the whole pipeline
    narrowing: Mapping[str, Columns]  # extractor -> columns to read, beside those that a unit finds out
    upstream_notes: Mapping[str, Sequence[str]]  # recorded step -> what to say about rows of steps not in the run
    folder: Path
    canceled: threading.Event
    clock: Clock
    journal: Journal
    watch: Watch
    drivers: OpenDrivers
    kept: Kept
    increments: Increments


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a unit: its number from 1, its private folder, and when each step started for the first time."""

    number: int
    folder: Path
    started: dict[str, int]


@dataclass(frozen=True, slots=True)
class UnitEnd:
    """How a unit ended: well or not, and the ends of recorded steps that follow from it."""

    well: bool
    ends: tuple[StepRecord, ...]


class UnitRun:
    """One try of one unit: `run`, and then `ended` or `broke`."""

    def __init__(self, unit: Unit, shared: Shared, attempt: Attempt) -> None:
        self._unit = unit
        self._shared = shared
        self._attempt = attempt
        self._guard = Guard(shared.canceled, shared.runtime.redactor, shared.runtime.project.root)
        self._limit = TimeLimit(self._guard)
        self._at = unit.steps[0]  # the step whose code this thread is in, when it is not inside a stream
        self._meters: dict[str, Meter] = {}
        self._opened: dict[str, OpenDriver[Driver]] = {}
        self._checks = UnitChecks(shared.runtime, attempt.folder, shared.drivers, shared.kept)
        self._readers: dict[str, pa.RecordBatchReader] = {}
        self._streams: list[tuple[str, Stream]] = []  # with the step that made the rows
        self._written: WriteReport | None = None
        self._narrowed: Mapping[str, Columns] = {}
        self._notes: dict[str, list[str]] = {step_id: [] for step_id in unit.steps}

    def run(self) -> Fault | None:
        """Run to the end or to the first fault, which is returned; never raises."""
        try:
            self._attempt.folder.mkdir(mode=0o700)
            self._narrowed = {**self._shared.narrowing, **narrowed(self._unit.steps, self._shared.plans)}
            for step_id in self._unit.steps:
                self._at = step_id
                self._open(self._shared.plans[step_id])
            self._finish(self._shared.plans[self._at])
        except BaseException as error:  # noqa: BLE001 - the border: any fault of a driver becomes the end of its step
            self._guard.note(self._at, error)
        fault = self._guard.seal()
        self._close()
        return fault

    def _open(self, plan: StepPlan) -> None:
        self._guard.check()
        shared = self._shared
        start_ms = self._attempt.started.setdefault(plan.id, shared.clock.now_ms())
        meter = self._meters[plan.id] = Meter(plan.id, start_ms)
        shared.journal.started(plan.id, start_ms)
        shared.watch.opened(meter, self._limited(plan))
        with meter.own():
            opened = shared.drivers.add(open_driver(self._call(plan), shared.runtime))
            self._opened[plan.id] = opened
            self._guard.check()  # a cancellation that came before there was a driver to interrupt
            if plan.role == "writer":
                return
            if plan.role == "extractor":
                reader = shared.increments.new_rows(plan, opened.driver.read())
            else:
                inputs = tuple(TransformInput(i.names, self._rows(i, meter), i.scans) for i in plan.inputs)
                reader = opened.driver.transform(counted_scans(plan, inputs))
        meter.columns = self._promised(plan, reader.schema)
        self._checks.begin(plan, meter.columns, reader.schema)
        self._readers[plan.id] = reader

    def _limited(self, plan: StepPlan) -> Limit | None:
        if plan.timeout is None:
            return None
        return Limit(plan.timeout, lambda: self._limit.reached(plan, list(self._working(plan.id))))

    def _working(self, step_id: str) -> Iterator[OpenDriver[Interruptible]]:
        if (opened := self._opened.get(step_id)) is not None:
            yield opened
        yield from self._checks.opened(step_id)

    def _call(self, plan: StepPlan) -> StepCall:
        shared = self._shared
        call = self._step_call(plan, self._attempt.folder)
        if plan.role == "writer":
            return shared.increments.of_writer(plan, call)
        wanted = tuple(column.name for column in self._narrowed.get(plan.id, ()))
        return replace(call, wanted=wanted, since=shared.increments.begin(plan, self._asked))

    def _step_call(self, plan: StepPlan, folder: Path) -> StepCall:
        shared = self._shared
        call = step_call(plan, shared.pipeline, shared.runtime, folder, shared.selection.steps)
        return replace(call, oml=shared.file)

    @contextmanager
    def _asked(self, writer: StepPlan) -> Iterator[Driver]:
        """Open the driver of a writer to ask it something before its own turn."""
        shared = self._shared
        folder = self._attempt.folder / slug(f"before {self._at}")
        folder.mkdir(mode=0o700, exist_ok=True)
        call = self._step_call(writer, folder)
        opened = shared.drivers.add(open_driver(call, shared.runtime))
        try:
            yield opened.driver
        finally:
            shared.drivers.close(opened)

    def _promised(self, plan: StepPlan, schema: pa.Schema) -> Columns:
        """Return the columns of a step's rows; those that nobody reads may be missing, and are said to be."""
        wanted = self._narrowed.get(plan.id)
        if wanted is None or len(wanted) != len(schema):
            return kept_columns(plan, schema)
        left = [column.name for column in plan.columns or () if column not in wanted]
        self._notes[plan.id].append(f"not read, as no step needs them: {_listed(left)}")
        return kept_columns(replace(plan, columns=wanted), schema)

    def _rows(self, source: StepInput, consumer: Meter) -> pa.RecordBatchReader:
        """Return the rows of an upstream step, from its open stream or from its checkpoint."""
        if source.step in self._readers:
            return self._stream(source.step, consumer).reader()
        kept = self._shared.kept.of(source.step)
        # Reading the file is nobody's own time; that it cannot be read is the fault of the step that reads.
        ends = (Meter(consumer.step_id), consumer)
        stream = Stream(kept.batches().__next__, kept.schema, ends, self._guard, self._shared.watch)
        self._streams.append(("", stream))
        return stream.reader()

    def _stream(self, step_id: str, consumer: Meter) -> Stream:
        reader, ends = self._readers[step_id], (self._meters[step_id], consumer)
        stream = Stream(reader.read_next_batch, reader.schema, ends, self._guard, self._shared.watch)
        self._streams.append((step_id, stream))
        self._checks.watch(stream, step_id)
        return stream

    def _finish(self, last: StepPlan) -> None:
        """Pull all rows through the unit."""
        if self._unit.end == "write":
            return self._write(last)
        stream = self._stream(last.id, Meter(last.id))
        self._checks.last(stream, last.id)
        if self._unit.end == "spill":
            self._keep(last, stream)
        else:
            deque(stream, maxlen=0)  # unlike a loop it holds no batch while the next one is made
        return None

    def _keep(self, plan: StepPlan, stream: Stream) -> None:
        """Keep the rows: for this execution, or where later ones find them."""
        shared, store = self._shared, self._shared.runtime.store
        if store is None or not store.lasting or plan.id not in shared.selection.recorded:
            stem = self._attempt.folder / f"{slug(plan.id)}.rows"
            return shared.kept.add(plan.id, keep(stream, stream.schema, stem))
        checkpoint = keep(stream, stream.schema, store.stem(plan.id))
        store.publish(plan.id, checkpoint, shared.increments.behind(plan.id))
        return shared.kept.add(plan.id, checkpoint, lasting=True)

    def _write(self, plan: StepPlan) -> None:
        meter = self._meters[plan.id]
        rows = self._rows(plan.inputs[0], meter)
        meter.columns = columns_of(rows.schema)
        stream = self._streams[-1][1]
        self._checks.last(stream, plan.id)
        self._checks.begin(plan, meter.columns, rows.schema)
        self._checks.watch(stream, plan.id)
        with meter.own():
            report = self._opened[plan.id].driver.write(rows)
        check_write(plan, report, meter, read_to_end=stream.ended)
        self._checks.complete()  # what was committed by an attempt before is not read by the writer
        clean = self._shared.runtime.redactor.text
        artifacts = tuple(replace(artifact, path=clean(artifact.path)) for artifact in report.artifacts)
        self._written = replace(report, artifacts=artifacts, notes=tuple(map(clean, report.notes)))

    def _close(self) -> None:
        self._limit.over()
        for _, stream in self._streams:
            stream.stop()
        for step_id, stream in self._streams:
            if not stream.idle(_PATIENCE) and step_id:
                self._opened[step_id].cancel()
                stream.idle(self._shared.runtime.cancel_seconds)
        for step_id, opened in reversed(self._opened.items()):
            self._readers.pop(step_id, None)
            if (error := self._shared.drivers.close(opened)) is not None:
                self._notes[step_id].append(f"closing failed: {self._guard.record(error).message}")
        self._checks.close()
        for meter in self._meters.values():
            self._shared.watch.closed(meter)

    def ended(self) -> UnitEnd:
        """Say how the steps of a run without a fault ended."""
        for step_id, opened in self._opened.items():
            if self._shared.plans[step_id].role != "writer" and isinstance(opened.driver, Noting):
                self._notes[step_id] += map(self._shared.runtime.redactor.text, opened.driver.notes)
        for step_id, stream in self._streams:
            if step_id and not stream.ended:
                rows = self._meters[step_id].rows_out
                self._notes[step_id].append(f"its reader stopped after {rows} rows; the rest was not read")
        now = self._shared.clock.now_ms()
        recorded = (step_id for step_id in self._unit.steps if step_id in self._shared.selection.recorded)
        return UnitEnd(well=True, ends=tuple(self._report(self._shared.plans[step_id], now) for step_id in recorded))

    def _report(self, plan: StepPlan, now: int) -> StepRecord:
        meter = self._meters[plan.id]
        written = self._written if plan.role == "writer" else None
        notes = list(written.notes) if written else []
        notes += self._shared.upstream_notes.get(plan.id, ())
        return StepRecord(
            step_id=plan.id,
            status="completed",
            start_ms=meter.start_ms,
            end_ms=now,
            busy_ms=meter.busy_ms,
            rows_in=meter.rows_in,
            rows_out=written.rows_written if written else meter.rows_out,
            bytes_out=meter.bytes_in if written else meter.bytes_out,
            peak_memory_bytes=meter.peak_bytes,
            attempts=self._attempt.number,
            columns=meter.columns,
            artifacts=written.artifacts if written else (),
            writes=tuple(dataset.key for dataset in plan.writes),
            rows_total=written.rows_total if written else None,
            notes=(*notes, *self._notes[plan.id]),
            checks=self._checks.found(plan.id),
        )

    def broke(self, fault: Fault) -> UnitEnd:
        """Say how the steps ended because of a fault."""
        now = self._shared.clock.now_ms()
        failed, error = self.blamed(fault)
        steps = [step_id for step_id in self._unit.steps if step_id in self._shared.selection.recorded]
        if error is not None and failed not in steps:
            steps.append(failed)
        ends = []
        for step_id in steps:
            status: StepStatus = "canceled" if error is None else "failed" if step_id == failed else "aborted"
            ends.append(self._failure(step_id, status, now, error if step_id == failed else None))
        return UnitEnd(well=False, ends=tuple(ends))

    def blamed(self, fault: Fault) -> tuple[str, ErrorInfo | None]:
        """A silent step has no record of its own: the one that speaks for it fails in its place."""
        failed, error = self._shared.selection.speakers.get(fault.step_id, fault.step_id), fault.error
        if error is not None and failed != fault.step_id:
            error = in_place_of(fault.step_id, failed, error)
        return failed, error

    def _failure(self, step_id: str, status: StepStatus, now: int, error: ErrorInfo | None) -> StepRecord:
        meter = self._meters.get(step_id)
        if meter is None:
            return StepRecord(step_id, "failed" if status == "failed" else "skipped", end_ms=now, error=error)
        return StepRecord(
            step_id,
            status,
            meter.start_ms,
            now,
            rows_in=meter.rows_in,
            rows_out=meter.rows_out,
            attempts=self._attempt.number,
            error=error,
            checks=self._checks.found(step_id),
        )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
