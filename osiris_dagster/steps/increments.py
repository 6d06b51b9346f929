"""Incremental steps of a run: where each begins, which of its rows are new, and what its writers record with them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc

from osiris_dagster.arrow import arrow_type, type_name
from osiris_dagster.compiler.manifest import StepPlan
from osiris_dagster.drivers.base import Driver, StepCall
from osiris_dagster.drivers.positions import Advance, KeepsPositions, Position, Since
from osiris_dagster.errors import RunError
from osiris_dagster.oml.times import duration_seconds

Open = Callable[[StepPlan], AbstractContextManager[Driver]]


@dataclass(frozen=True, slots=True)
class Begun:
    """One incremental step of a run: where it began, and how far its rows have gone until now."""

    since: Since | None
    before: Mapping[str, Position | None]  # by writer of the run that its rows come to
    position: Callable[[], Position | None]


class Increments:
    """The incremental steps of one run; `full_refresh` reads all rows and replaces what is there.

    `plans` are all steps of the pipeline, `ran` those of the run, in whatever process.
    """

    def __init__(self, plans: Sequence[StepPlan], ran: frozenset[str], *, full_refresh: bool) -> None:
        self._plans = {plan.id: plan for plan in plans}
        self._sources = _incremental_sources(plans)
        self._ran = ran
        self._full_refresh = full_refresh
        self._begun: dict[str, Begun] = {}
        self._trackers: dict[str, Tracker] = {}
        self._lock = threading.Lock()

    def writers_after(self, step_id: str) -> frozenset[str]:
        """Return the writers of the run that rows of an incremental step come to."""
        plans = (self._plans[step] for step in self._ran)
        return frozenset(plan.id for plan in plans if plan.role == "writer" and step_id in self._sources[plan.id])

    def go_on(self, begun: Mapping[str, Begun]) -> None:
        """Take over what an execution before this one has begun, with rows that it kept."""
        with self._lock:
            self._begun.update(begun)

    def behind(self, step_id: str) -> Mapping[str, Begun]:
        """Return the incremental steps that rows of a step come from, as far as they have begun."""
        with self._lock:
            return {step: begun for step, begun in self._begun.items() if step in self._sources[step_id]}

    def begin(self, plan: StepPlan, open_driver: Open) -> Since | None:
        """Ask the targets of a step how far they are, and return what it has to read; None means everything.

        Raises RunError when two targets are at different places and rows would come twice into one of them.
        """
        if plan.incremental is None:
            return None
        after = self.writers_after(plan.id)
        writers = [writer for writer in self._plans.values() if writer.id in after]
        before: dict[str, Position | None] = {}
        for writer in writers:
            with open_driver(writer) as driver:
                if not isinstance(driver, KeepsPositions):
                    raise _without_positions(plan, writer)
                before[writer.id] = driver.position(plan.id)
        since = None if self._full_refresh else _since(plan, writers, before)
        tracker = Tracker(plan.incremental.cursor, since, None if self._full_refresh else _furthest(before))
        with self._lock:
            self._begun[plan.id] = Begun(since, before, tracker.position)
            self._trackers[plan.id] = tracker
        return since

    def new_rows(self, plan: StepPlan, rows: pa.RecordBatchReader) -> pa.RecordBatchReader:
        """Return the rows that are new, and take note of how far they go. RunError without the cursor column."""
        tracker = self._trackers.get(plan.id)
        return tracker.reader(plan, rows) if tracker else rows

    def of_writer(self, plan: StepPlan, call: StepCall) -> StepCall:
        """Return the call of a writer with what it has to record, and with what a full refresh changes."""
        sources = [step for step, begun in self._begun.items() if plan.id in begun.before]
        if not sources:
            return call
        if self._full_refresh:
            call = replace(call, config={**call.config, "write_mode": "replace"})
        begun = [(step, self._begun[step]) for step in sources]
        advances = (Advance(step, one.before[plan.id], one.position) for step, one in begun)
        return replace(call, advances=tuple(advances))


class Tracker:
    """Rows of an incremental step on their way: old ones go, the greatest cursor value stays."""

    def __init__(self, cursor: str, since: Since | None, furthest: Position | None) -> None:
        self._cursor = cursor
        self._since = since
        self._greatest: pa.Scalar | None = None
        self._furthest = furthest

    def reader(self, plan: StepPlan, rows: pa.RecordBatchReader) -> pa.RecordBatchReader:
        """Return the new rows."""
        if self._cursor not in rows.schema.names:
            raise RunError(
                f"step {plan.id!r} has no cursor column {self._cursor!r}",
                code="RUN040",
                found=", ".join(rows.schema.names[:20]),
                expected=f"the column {self._cursor}",
                fix="select the column, or correct `incremental.cursor`",
            )
        kind = rows.schema.field(self._cursor).type
        if not _has_order(kind):
            raise RunError(
                f"the cursor column {self._cursor!r} of step {plan.id!r} has the type {kind}, which has no order",
                code="RUN040",
                found=str(kind),
                expected="numbers, text, dates or timestamps",
                fix="choose another column",
            )
        bound = _typed(self._since, kind, plan) if self._since else None
        return pa.RecordBatchReader.from_batches(rows.schema, self._new(rows, bound))

    def _new(self, rows: pa.RecordBatchReader, bound: pa.Scalar | None) -> Iterator[pa.RecordBatch]:
        compare = pc.greater_equal if self._since and self._since.inclusive else pc.greater
        for read in rows:
            batch = read if bound is None else read.filter(compare(read.column(self._cursor), bound))
            greatest = pc.max(batch.column(self._cursor)) if batch.num_rows else None
            if greatest is not None and greatest.is_valid:
                last = self._greatest
                if last is None or pc.greater(greatest, last).as_py():
                    self._greatest = greatest
            yield batch

    def position(self) -> Position | None:
        """Return how far the rows went, not less than it was before; None when nothing is known."""
        if self._greatest is None:
            return self._furthest
        kind = self._greatest.type
        if self._furthest is not None:
            known = pa.scalar(self._furthest.value).cast(kind)
            if pc.greater(known, self._greatest).as_py():
                return self._furthest
        return Position(self._cursor, type_name(kind), self._greatest.cast(pa.string()).as_py())


def _without_positions(plan: StepPlan, writer: StepPlan) -> RunError:
    return RunError(
        f"{writer.component} cannot keep how far the incremental step {plan.id!r} has come",
        code="RUN041",
        found=writer.component,
        expected="a writer of tables",
        fix="write to a table, or read without `incremental`",
    )


def _has_order(kind: pa.DataType) -> bool:
    tests = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_string, pa.types.is_temporal)
    return any(test(kind) for test in tests) and not pa.types.is_interval(kind)


def _typed(since: Since, kind: pa.DataType, plan: StepPlan) -> pa.Scalar:
    try:
        return pa.scalar(since.value).cast(kind)
    except pa.ArrowInvalid:
        raise RunError(
            f"step {plan.id!r} cannot begin at {since.value!r}: it is no value of the cursor column",
            code="RUN040",
            found=since.value,
            expected=f"a value of the type {type_name(kind)}",
            fix="correct `incremental.initial`; after a change of the column's type run with --full-refresh",
        ) from None


def _since(plan: StepPlan, writers: Sequence[StepPlan], before: Mapping[str, Position | None]) -> Since | None:
    incremental = plan.incremental
    assert incremental is not None
    merged = bool(writers) and all(writer.config.get("write_mode") == "upsert" for writer in writers)
    known = [position for position in before.values() if position and position.cursor == incremental.cursor]
    if len(known) < len(before) or not known:
        if known and not merged:
            raise _apart(plan, before)
        initial = str(incremental.initial)
        kind = _literal_type(incremental.initial)
        return Since(incremental.cursor, kind, initial, inclusive=True) if initial else None
    if len({position.value for position in known}) > 1 and not merged:
        raise _apart(plan, before)
    least = min(known, key=lambda position: _scalar(position).as_py())
    value = _looked_back(least, incremental.lookback, plan) if incremental.lookback else least.value
    return Since(incremental.cursor, least.type, value, inclusive=merged)


def _literal_type(initial: object) -> str:
    return "string" if isinstance(initial, str) else "float64"


def _scalar(position: Position) -> pa.Scalar:
    return pa.scalar(position.value).cast(arrow_type(position.type))


def _looked_back(position: Position, lookback: str, plan: StepPlan) -> str:
    kind = arrow_type(position.type)
    if not (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
        raise RunError(
            f"step {plan.id!r} cannot look back {lookback} on a cursor of the type {position.type}",
            code="RUN040",
            found=position.type,
            expected="a date or timestamp",
            fix="remove `lookback`, or choose a cursor column that holds times",
        )
    span = timedelta(seconds=duration_seconds(lookback))
    moment = pc.subtract(_scalar(position).cast(pa.timestamp("us", getattr(kind, "tz", None))), pa.scalar(span))
    return str(moment.cast(kind, safe=False).cast(pa.string()).as_py())


def _furthest(before: Mapping[str, Position | None]) -> Position | None:
    known = [position for position in before.values() if position]
    return max(known, key=lambda position: _scalar(position).as_py(), default=None)


def _apart(plan: StepPlan, before: Mapping[str, Position | None]) -> RunError:
    places = ", ".join(f"{writer} {position.value if position else 'nowhere'}" for writer, position in before.items())
    return RunError(
        f"the targets of the incremental step {plan.id!r} are not at one place, so rows would come twice into one",
        code="RUN041",
        found=places,
        expected="one position in all of its targets",
        fix="finish the failed run with `osiris run --retry RUN`, or begin anew with --full-refresh",
    )


def _incremental_sources(plans: Sequence[StepPlan]) -> Mapping[str, frozenset[str]]:
    """Return, for each step, the incremental ones that its rows come from, itself among them."""
    sources: dict[str, frozenset[str]] = {}
    for plan in plans:
        above = frozenset[str]().union(*(sources.get(item.step, frozenset()) for item in plan.inputs))
        sources[plan.id] = above | {plan.id} if plan.incremental else above
    return sources
