"""Run selected steps of a manifest: ready units go to threads, events come out in the caller's thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from pathlib import Path
from queue import SimpleQueue

from osiris_dagster.columns import Columns
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.errors import ErrorInfo, RunError
from osiris_dagster.steps.checkpoint import Kept
from osiris_dagster.steps.increments import Increments
from osiris_dagster.steps.journal import HEAR_SIGNALS, Journal
from osiris_dagster.steps.meter import Clock, Watch
from osiris_dagster.steps.open_drivers import OpenDrivers
from osiris_dagster.steps.partitioned import for_partition
from osiris_dagster.steps.report import StepEvent, StepRecord
from osiris_dagster.steps.retrying import run_unit
from osiris_dagster.steps.runtime import Runtime
from osiris_dagster.steps.schedule import Schedule
from osiris_dagster.steps.scratch import Scratch
from osiris_dagster.steps.selection import select
from osiris_dagster.steps.store import Stored
from osiris_dagster.steps.unit_run import Shared, UnitEnd
from osiris_dagster.steps.units import cut


class Execution:
    """One run of the selected steps of one manifest; `events` drives it, once.

    Raises RunError when the selection or the partition cannot run. After that faults of steps are events.
    """

    def __init__(self, manifest: Manifest, selected: frozenset[str], runtime: Runtime) -> None:
        self._manifest = for_partition(manifest, runtime.partition)
        self._runtime = runtime
        store = runtime.store
        ran = store.ran if store and store.isolated else selected
        self._increments = Increments(self._manifest.steps, ran, full_refresh=runtime.full_refresh)
        self._selection = select(self._manifest, selected, self._find)
        for stored in self._selection.stored.values():
            self._increments.go_on(stored.begun)
        self._notes = self._selection.upstream_notes(ran)
        isolated = bool(store and store.isolated)
        self._units = cut(self._selection, self._handed_on(selected) if isolated else frozenset())
        self._schedule = Schedule(self._units)
        reads = (step_id for unit in self._units for step_id in unit.reads)
        self._kept = Kept(reads, {step: stored.checkpoint for step, stored in self._selection.stored.items()})
        self._clock = Clock()
        self._journal = Journal([step.id for step in manifest.steps if step.id in selected], self._clock)
        self._watch = Watch(self._journal.progress)
        self._drivers = OpenDrivers()
        self._canceled = threading.Event()
        self._ready: SimpleQueue[int | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._scratch = Scratch(runtime.scratch_root, runtime.run_id)
        self._begun = False
        self._left: list[StepRecord] = []

    def events(self) -> Generator[StepEvent]:
        """Run, and yield what happens; each selected step ends exactly once, with a StepRecord.

        Whatever leaves the loop early (an exception thrown in, `close`) cancels the run as `cancel` does.
        Raises RunError when the scratch folder cannot be made.
        """
        if self._begun:
            raise RunError("an execution runs once; make a new one", code="RUN010")
        self._begun = True
        try:
            self._start(self._scratch.make())
            yield from self._journal.tell()
        finally:
            self._stop()

    def cancel(self) -> tuple[StepRecord, ...]:
        """Interrupt the drivers, wait for them up to `cancel_seconds`, and return the failures not yet told.

        A step that had started is `canceled`, one that had not `skipped`. A step that could still commit is neither:
        it is in `late_reports`. Idempotent; after the last event it returns nothing.
        """
        self._begun = True
        self._stop()
        self._left = self._journal.take_untold()
        return tuple(end for end in self._left if end.status != "completed")

    @property
    def late_reports(self) -> tuple[StepRecord, ...]:
        """After `cancel`: the steps that ended well all the same and whose report `events` has not yielded."""
        return tuple(end for end in self._left if end.status == "completed")

    def _find(self, step_id: str) -> Stored | None:
        store = self._runtime.store
        return store.find(step_id, self._increments.writers_after) if store else None

    def _narrowing(self) -> dict[str, Columns]:
        store = self._runtime.store
        found = {step.id: store.identities.narrowing(step.id) for step in self._selection.steps} if store else {}
        return {step_id: columns for step_id, columns in found.items() if columns}

    def _handed_on(self, selected: frozenset[str]) -> frozenset[str]:
        """Return the selected steps whose rows others read, which run for themselves."""
        return selected & {item.step for step in self._manifest.steps for item in step.sources}

    def _start(self, folder: Path) -> None:
        shared = Shared(
            pipeline=self._manifest.pipeline,
            file=self._manifest.file,
            runtime=self._runtime,
            selection=self._selection,
            plans={step.id: step for step in self._manifest.steps},
            narrowing=self._narrowing(),
            upstream_notes=self._notes,
            folder=folder,
            canceled=self._canceled,
            clock=self._clock,
            journal=self._journal,
            watch=self._watch,
            drivers=self._drivers,
            kept=self._kept,
            increments=self._increments,
        )
        if not self._units:
            return self._journal.close()
        self._watch.start()
        for number in range(min(max(self._runtime.max_parallel, 1), len(self._units))):
            # A daemon, so that a driver that never returns cannot keep the process from ending.
            thread = threading.Thread(target=self._work, args=(shared,), name=f"osiris-unit-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()
        # Only now: an interrupt while threads start leaves some that cannot be joined yet, and they must have no work.
        for index in self._schedule.ready():
            self._ready.put(index)
        return None

    def _work(self, shared: Shared) -> None:
        while (index := self._ready.get()) is not None:
            if not self._canceled.is_set():
                self._settle(index, run_unit(self._units[index], shared))

    def _settle(self, index: int, end: UnitEnd) -> None:
        """Tell how a unit ended and let others start, or never start, because of it."""
        with self._lock:
            self._journal.ended(end.ends)
            self._kept.read(self._units[index].reads)
            if end.well:
                for ready in self._schedule.ended_well(index):
                    self._ready.put(ready)
            else:
                for lost in self._schedule.failed(index):
                    self._journal.skipped(self._units[lost].steps)
                    self._kept.read(self._units[lost].reads)
            if self._schedule.done:
                self._journal.close()

    def _stop(self) -> None:
        """End the threads, by force unless all units have ended; leave every step with an end."""
        with self._lock:
            if not self._schedule.done:
                self._canceled.set()
        for _ in self._threads:
            self._ready.put(None)
        try:
            stuck = self._join()
        finally:
            self._scratch.remove()
        self._watch.stop()
        self._journal.close(stuck)

    def _join(self) -> ErrorInfo | None:
        """Wait for the threads; return the error of those that do not end in time."""
        seconds = self._runtime.cancel_seconds
        deadline = time.monotonic() + seconds
        ended = threading.Event()
        interrupter = threading.Thread(target=self._interrupt, args=(ended,), name="osiris-cancel", daemon=True)
        try:
            if self._canceled.is_set():
                interrupter.start()
            for thread in self._threads:
                while thread.is_alive() and (left := deadline - time.monotonic()) > 0:
                    thread.join(min(left, HEAR_SIGNALS))
        finally:
            ended.set()
        if interrupter.is_alive():
            interrupter.join(max(deadline - time.monotonic(), 1))
        if any(thread.is_alive() for thread in self._threads):
            return ErrorInfo(
                "RunError",
                f"the step did not stop within {seconds:g} s of the cancellation",
                code="RUN019",
                fix="look at the target: the step may still be working there",
            )
        return None

    def _interrupt(self, ended: threading.Event) -> None:
        """Interrupt the drivers until all have ended: one between two calls misses the first time."""
        pause = 1.0
        while True:
            self._drivers.cancel()
            if ended.wait(pause):
                return
            pause *= 2
