"""Run records as JSON values and back: `record_as_dict` and `record_from_dict` are inverse to each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, get_args

from osiris_dagster.columns import columns_from
from osiris_dagster.errors import ErrorInfo, error_from_dict
from osiris_dagster.runs.record import (
    ArtifactRecord,
    CheckRecord,
    EventRecord,
    RunRecord,
    RunStatus,
    StepRecord,
    StepStatus,
)


def record_as_dict(record: RunRecord) -> dict[str, Any]:
    """Return the JSON form; every field is present, absent numbers and errors are null."""
    return {
        "run_id": record.run_id,
        "root_run_id": record.root_run_id,
        "parent_run_id": record.parent_run_id,
        "pipeline": record.pipeline,
        "manifest_hash": record.manifest_hash,
        "status": record.status,
        "start_ms": record.start_ms,
        "end_ms": record.end_ms,
        "steps": [step_as_dict(step) for step in record.steps],
        "events": [
            {"ts_ms": e.ts_ms, "type": e.type, "step_id": e.step_id, "message": e.message, "level": e.level}
            for e in record.events
        ],
        "error": _error_dict(record.error),
        "engine": record.engine,
        "origin": record.origin,
        "partition": record.partition,
        "siblings": list(record.siblings),
        "versions": dict(record.versions),
        "tags": dict(record.tags),
    }


def record_from_dict(value: Mapping[str, Any]) -> RunRecord:
    """Read back what `record_as_dict` wrote; KeyError, TypeError or ValueError for another shape."""
    return RunRecord(
        run_id=_text(value["run_id"]),
        root_run_id=_text(value["root_run_id"]),
        parent_run_id=_text(value["parent_run_id"]),
        pipeline=_text(value["pipeline"]),
        manifest_hash=_text(value["manifest_hash"]),
        status=_one_of(value["status"], get_args(RunStatus)),
        start_ms=_number(value["start_ms"]),
        end_ms=_number(value["end_ms"]),
        steps=tuple(step_from_dict(item) for item in value["steps"]),
        events=tuple(_event_from(item) for item in value["events"]),
        error=_error_from(value["error"]),
        engine=_text(value["engine"]),
        origin=_text(value["origin"]),
        partition=_text(value["partition"]),
        siblings=_texts(value["siblings"]),
        versions={_text(name): _text(version) for name, version in value["versions"].items()},
        tags=dict(value["tags"]),
    )


def step_as_dict(step: StepRecord) -> dict[str, Any]:
    """Return the JSON form of one step; every field is present, absent numbers and errors are null."""
    return {
        "step_id": step.step_id,
        "status": step.status,
        "start_ms": step.start_ms,
        "end_ms": step.end_ms,
        "busy_ms": step.busy_ms,
        "rows_in": step.rows_in,
        "rows_out": step.rows_out,
        "bytes_out": step.bytes_out,
        "peak_memory_bytes": step.peak_memory_bytes,
        "attempts": step.attempts,
        "columns": [column.as_dict() for column in step.columns],
        "artifacts": [
            {"path": a.path, "size_bytes": a.size_bytes, "sha256": a.sha256, "mime_type": a.mime_type}
            for a in step.artifacts
        ],
        "writes": [list(key) for key in step.writes],
        "rows_total": step.rows_total,
        "notes": list(step.notes),
        "error": _error_dict(step.error),
        "checks": [asdict(check) for check in step.checks],
    }


def step_from_dict(item: Mapping[str, Any]) -> StepRecord:
    """Read back what `step_as_dict` wrote; KeyError, TypeError or ValueError for another shape."""
    return StepRecord(
        step_id=_text(item["step_id"]),
        status=_one_of(item["status"], get_args(StepStatus)),
        start_ms=_optional(item["start_ms"]),
        end_ms=_optional(item["end_ms"]),
        busy_ms=_optional(item["busy_ms"]),
        rows_in=_optional(item["rows_in"]),
        rows_out=_optional(item["rows_out"]),
        bytes_out=_optional(item["bytes_out"]),
        peak_memory_bytes=_optional(item["peak_memory_bytes"]),
        attempts=_number(item["attempts"]),
        columns=columns_from(item["columns"]),
        artifacts=tuple(
            ArtifactRecord(_text(a["path"]), _number(a["size_bytes"]), _text(a["sha256"]), _text(a["mime_type"]))
            for a in item["artifacts"]
        ),
        writes=tuple(_texts(key) for key in item["writes"]),
        rows_total=_optional(item["rows_total"]),
        notes=_texts(item["notes"]),
        error=_error_from(item["error"]),
        checks=tuple(_check_from(check) for check in item.get("checks", ())),  # older records have none
    )


def _check_from(item: Mapping[str, Any]) -> CheckRecord:
    return CheckRecord(
        name=_text(item["name"]),
        type=_text(item["type"]),
        severity=_one_of(item["severity"], ("error", "warn")),
        passed=_one_of(item["passed"], (True, False)),
        rows=_number(item["rows"]),
        failing=_optional(item["failing"]),
        message=_text(item["message"]),
    )


def _event_from(item: Mapping[str, Any]) -> EventRecord:
    return EventRecord(
        ts_ms=_number(item["ts_ms"]),
        type=_text(item["type"]),
        step_id=_text(item["step_id"]),
        message=_text(item["message"]),
        level=_text(item["level"]),
    )


def _error_dict(error: ErrorInfo | None) -> dict[str, Any] | None:
    return error.as_dict() if error else None


def _error_from(value: Mapping[str, Any] | None) -> ErrorInfo | None:
    return error_from_dict(value) if value is not None else None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, found {type(value).__name__}")
    return value


def _texts(values: Iterable[object]) -> tuple[str, ...]:
    return tuple(_text(value) for value in values)


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"expected a whole number, found {type(value).__name__}")
    return value


def _optional(value: object) -> int | None:
    return None if value is None else _number(value)


def _one_of(value: object, allowed: tuple[Any, ...]) -> Any:
    if value not in allowed:
        raise ValueError(f"expected one of {', '.join(allowed)}, found {value!r}")
    return value
