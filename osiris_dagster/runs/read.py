"""Makes run records of Dagster's event log. Only events and their metadata are read, never log text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dagster import AssetKey, DagsterEventType, DagsterInstance, DagsterRunStatus, EventLogEntry, JsonMetadataValue
from dagster import RunRecord as DagsterRunRecord

from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.compiler.names import key_part, step_parts
from osiris_dagster.compiler.store import load, load_latest
from osiris_dagster.errors import CompileError, ErrorInfo
from osiris_dagster.project import Project
from osiris_dagster.runs.ancestry import parent_of, root_of
from osiris_dagster.runs.failure import dagster_error
from osiris_dagster.runs.record import EventRecord, RunRecord, RunStatus
from osiris_dagster.runs.tags import ORIGIN, worked_on
from osiris_dagster.runs.trace import RETRY, TRACE, Trace, read_retry, read_trace, versions
from osiris_dagster.steps.report import StepRecord

ENDED: Mapping[DagsterRunStatus, RunStatus] = {
    DagsterRunStatus.SUCCESS: "completed",
    DagsterRunStatus.FAILURE: "failed",
    DagsterRunStatus.CANCELED: "canceled",
}
_PAGE = 1000
_READ = {
    DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    DagsterEventType.ASSET_MATERIALIZATION,
    DagsterEventType.ASSET_OBSERVATION,
    DagsterEventType.STEP_FAILURE,
    DagsterEventType.RUN_FAILURE,
    DagsterEventType.RUN_CANCELED,
}


@dataclass
class _Seen:
    """What the events of one run say, gathered in one pass."""

    planned: set[AssetKey] = field(default_factory=set)
    traces: dict[str, dict[str, Trace]] = field(default_factory=lambda: defaultdict(dict))  # pipeline -> step -> trace
    retries: dict[str, list[EventRecord]] = field(default_factory=lambda: defaultdict(list))  # by pipeline
    error: ErrorInfo | None = None


def read_run(instance: DagsterInstance, project: Project, run_id: str) -> tuple[RunRecord, ...]:
    """Return a record for each Osiris pipeline of an ended run, sorted by name.

    Nothing for an unknown or unfinished run and for one without Osiris assets. CompileError when a manifest is gone.
    """
    row = instance.get_run_record_by_id(run_id)
    if row is None or row.dagster_run.status not in ENDED:
        return ()
    seen = _gather(instance, run_id)
    manifests = tuple(_manifests(project, seen))
    names = [manifest.pipeline for manifest, _ in manifests]
    records = [_record(row, manifest, digest, seen) for manifest, digest in manifests]
    return tuple(replace(r, siblings=tuple(n for n in names if n != r.pipeline)) for r in records)


def _gather(instance: DagsterInstance, run_id: str) -> _Seen:
    seen = _Seen()
    for entry in _entries(instance, run_id):
        event = entry.dagster_event
        if event is None:
            continue
        kind = event.event_type
        if kind == DagsterEventType.ASSET_MATERIALIZATION_PLANNED and event.asset_key:
            seen.planned.add(event.asset_key)
        elif kind in (DagsterEventType.STEP_FAILURE, DagsterEventType.RUN_FAILURE, DagsterEventType.RUN_CANCELED):
            seen.error = seen.error or dagster_error(event)
        else:
            _add_entries(entry, seen)
    return seen


def _entries(instance: DagsterInstance, run_id: str) -> Iterator[EventLogEntry]:
    cursor: str | None = None
    while True:
        page = instance.get_records_for_run(run_id, cursor=cursor, of_type=_READ, limit=_PAGE)
        yield from (record.event_log_entry for record in page.records)
        if not page.has_more:
            return
        cursor = page.cursor


def _add_entries(entry: EventLogEntry, seen: _Seen) -> None:
    event = entry.asset_materialization or entry.asset_observation
    metadata = event.metadata if event else {}
    if trace := read_trace(_json(metadata.get(TRACE))):
        seen.traces[trace.pipeline][trace.step.step_id] = trace
    if retry := read_retry(_json(metadata.get(RETRY))):
        seen.retries[retry[0]].append(retry[1])


def _json(value: object) -> Mapping[str, Any]:
    found = value.value if isinstance(value, JsonMetadataValue) else None
    return found if isinstance(found, Mapping) else {}


def _manifests(project: Project, seen: _Seen) -> Iterator[tuple[Manifest, str]]:
    """Yield the manifests of the run: those its steps name, else the latest of a pipeline that was only planned."""
    told: dict[str, Manifest] = {}
    for name, traces in seen.traces.items():
        digest = next(iter(traces.values())).manifest_hash
        told[key_part(name)] = load(project.build, name, digest)
    for part in {key.path[0] for key in seen.planned if len(key.path) == 2} - set(told):
        try:
            told[part] = load_latest(project.build, part)
        except CompileError:
            continue  # an asset that is not ours
    for manifest in sorted(told.values(), key=lambda m: m.pipeline):
        yield manifest, manifest.hash


def _record(row: DagsterRunRecord, manifest: Manifest, digest: str, seen: _Seen) -> RunRecord:
    run = row.dagster_run
    start_ms, end_ms = _milliseconds(row.start_time or row.create_timestamp.timestamp()), _milliseconds(row.end_time)
    status = ENDED[run.status]
    traces = {step: trace.step for step, trace in seen.traces.get(manifest.pipeline, {}).items()}
    steps = tuple(_steps(manifest, traces, seen.planned, status))
    told = any(step.error for step in steps)
    return RunRecord(
        run_id=run.run_id,
        root_run_id=root_of(run),
        parent_run_id=parent_of(run),
        pipeline=manifest.pipeline,
        manifest_hash=digest,
        status=status,
        start_ms=start_ms,
        end_ms=max(end_ms, start_ms),
        steps=steps,
        events=_timeline(start_ms, max(end_ms, start_ms), status, steps, seen.retries.get(manifest.pipeline, ())),
        error=None if told or status != "failed" else seen.error,
        origin=_origin(run.tags),
        partition=worked_on(run.tags),
        versions=_versions(seen, manifest.pipeline),
        tags=dict(manifest.tags),
    )


def _milliseconds(seconds: float | None) -> int:
    return round((seconds or 0) * 1000)


def _steps(
    manifest: Manifest, traces: Mapping[str, StepRecord], planned: set[AssetKey], status: RunStatus
) -> Iterator[StepRecord]:
    parts = step_parts(manifest)
    for step in manifest.steps:
        if step.id in traces:
            yield traces[step.id]
        elif AssetKey(list(parts[step.id])) in planned:
            # Selected, and the process ended without a word about it.
            yield StepRecord(step.id, "canceled" if status == "canceled" else "skipped")


_ENDS = {
    "completed": "step_complete",
    "failed": "step_failed",
    "aborted": "step_aborted",
    "canceled": "step_canceled",
    "skipped": "step_skipped",
}


def _timeline(
    start_ms: int, end_ms: int, status: RunStatus, steps: tuple[StepRecord, ...], retries: Iterable[EventRecord]
) -> tuple[EventRecord, ...]:
    events = [EventRecord(start_ms, "run_start"), *retries]
    for step in steps:
        if step.start_ms is not None:
            events.append(EventRecord(step.start_ms, "step_start", step.step_id))
        level = "error" if step.status == "failed" else "info"
        message = step.error.message if step.error else ""
        events.append(EventRecord(step.end_ms or end_ms, _ENDS[step.status], step.step_id, message, level))
    events.append(EventRecord(end_ms, "run_end", "", status, "error" if status == "failed" else "info"))
    # Stable: at one moment, the order is that of the manifest.
    return tuple(sorted(events, key=lambda event: event.ts_ms))


def _origin(tags: Mapping[str, str]) -> str:
    known = (("dagster/schedule_name", "schedule"), ("dagster/sensor_name", "sensor"), ("dagster/backfill", "backfill"))
    return tags.get(ORIGIN) or next((origin for tag, origin in known if tag in tags), "ui")


def _versions(seen: _Seen, pipeline: str) -> Mapping[str, str]:
    """Return the versions that the run itself told; those of this process when it ended without a word."""
    told = (trace.versions for trace in seen.traces.get(pipeline, {}).values() if trace.versions)
    return next(told, versions())
