"""A run record in its normal form: steps in manifest order, times that run forward, a complete ordered timeline."""

from __future__ import annotations

from dataclasses import replace

from osiris_dagster.aiop.facts.facts import Facts
from osiris_dagster.aiop.facts.text import colourless, distinct
from osiris_dagster.errors import ErrorInfo
from osiris_dagster.runs.record import EventRecord, RunRecord
from osiris_dagster.steps.report import StepRecord

STEP_END = {
    "completed": "step_complete",
    "failed": "step_failed",
    "aborted": "step_aborted",
    "canceled": "step_canceled",
    "skipped": "step_skipped",
}
ORDER = ("run_start", "step_start", "log", "step_retry", *STEP_END.values(), "run_end")
"""Types of events, in the order that events of one millisecond are listed."""

LEVELS = ("debug", "info", "warning", "error")
_LAST_MS = 253_402_300_799_999  # end of the year 9999


def normalize(facts: Facts) -> Facts:
    """Return facts with a normalized record. What had to be changed is said in a note of the step or a log event."""
    order = {step.id: index for index, step in enumerate(facts.manifest.steps)}
    last = {step.step_id: _with_forward_time(step) for step in facts.record.steps}
    last = {step_id: replace(step, error=_without_colour(step.error)) for step_id, step in last.items()}
    steps = tuple(sorted(last.values(), key=lambda step: order[step.step_id]))
    record = _with_forward_run(replace(facts.record, steps=steps, siblings=distinct(facts.record.siblings)))
    return replace(facts, record=replace(record, error=_without_colour(record.error), events=_timeline(record, order)))


def _without_colour(error: ErrorInfo | None) -> ErrorInfo | None:
    if error is None:
        return None
    return replace(error, message=colourless(error.message), cause=_without_colour(error.cause))


def _with_forward_run(record: RunRecord) -> RunRecord:
    start = _bounded(record.start_ms)
    end = _bounded(record.end_ms)
    if end >= start:
        return replace(record, start_ms=start, end_ms=end)
    warning = EventRecord(
        start,
        "log",
        message=f"the clock ran backwards: the run ended {start - end} ms before it began",
        level="warning",
    )
    return replace(record, start_ms=start, end_ms=start, events=(*record.events, warning))


def _with_forward_time(step: StepRecord) -> StepRecord:
    if step.start_ms is None:
        return replace(step, end_ms=None if step.end_ms is None else _bounded(step.end_ms))
    start = _bounded(step.start_ms)
    end = start if step.end_ms is None else _bounded(step.end_ms)
    if end >= start:
        return replace(step, start_ms=start, end_ms=end)
    note = f"the clock ran backwards: the step ended {start - end} ms before it began"
    return replace(step, start_ms=start, end_ms=start, notes=(*step.notes, note))


def _bounded(ms: int) -> int:
    return min(max(ms, 0), _LAST_MS)


def _timeline(record: RunRecord, order: dict[str, int]) -> tuple[EventRecord, ...]:
    known = {step.step_id for step in record.steps}
    events = [_normalized_event(event, known) for event in record.events]
    present = {(event.type, event.step_id) for event in events}
    events += [event for event in _implied(record) if (event.type, event.step_id) not in present]

    def position(event: EventRecord) -> tuple[int, int, int, str, str]:
        return event.ts_ms, ORDER.index(event.type), order.get(event.step_id, -1), event.message, event.level

    return tuple(sorted(events, key=position))


def _normalized_event(event: EventRecord, known: set[str]) -> EventRecord:
    """Bring an event of an unknown kind, or of a step that is no part of the run, into the form of a run's log line."""
    level = event.level if event.level in LEVELS else "info"
    event = replace(event, ts_ms=_bounded(event.ts_ms), level=level, message=colourless(event.message))
    if event.type not in ORDER:
        event = replace(event, type="log", message=f"{event.type}: {event.message}")
    if event.step_id and event.step_id not in known:
        event = replace(event, type="log", step_id="", message=f"{event.step_id}: {event.message or event.type}")
    return event


def _implied(record: RunRecord) -> list[EventRecord]:
    """Return what the record says about starts and ends, for a log that does not say it."""
    events = [EventRecord(record.start_ms, "run_start"), EventRecord(record.end_ms, "run_end")]
    for step in record.steps:
        if step.start_ms is not None:
            events.append(EventRecord(step.start_ms, "step_start", step.step_id))
        level = "error" if step.status == "failed" else "info"
        ended = record.end_ms if step.end_ms is None else step.end_ms
        events.append(EventRecord(ended, STEP_END[step.status], step.step_id, level=level))
    return events


def first_failure(record: RunRecord) -> StepRecord | None:
    """Return the failed step that ended first; the earlier one in the manifest when two ended together."""
    failed = [step for step in record.steps if step.status == "failed"]
    return min(failed, key=lambda step: _LAST_MS if step.end_ms is None else step.end_ms, default=None)
