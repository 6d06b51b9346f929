"""The run as a log of JSON lines and as one object of figures, for tools that read neither RDF nor Dagster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from osiris_dagster.aiop.model.evidence import Event, Run, StepRun
from osiris_dagster.aiop.model.issues import Issue
from osiris_dagster.aiop.model.package import Package
from osiris_dagster.canonical import canonical_json, readable_json

AGENT = "osiris-dagster"
EXIT_CODES = {"completed": 0, "failed": 4, "canceled": 130}
"""What `osiris run` leaves with for each status of a run."""
_ENDS = ("run_end", "step_complete", "step_failed", "step_aborted", "step_canceled", "step_skipped")


def run_log(package: Package) -> bytes:
    """Return one line for each start, end, error and set of metrics; times are ISO 8601 in UTC."""
    return b"".join(canonical_json(line) + b"\n" for line in _lines(package))


def _lines(package: Package) -> Iterator[dict[str, Any]]:
    steps = {step.id: step for step in package.evidence.step_runs}
    issues = {issue.about: issue for issue in reversed(package.evidence.issues)}
    for event in package.evidence.timeline:
        owner: Run | StepRun = steps.get(event.verifies, package.run)
        common = _common(package, event, owner)
        if event.type in ("run_start", "step_start"):
            yield {**common, "event": "start"}
        elif event.type in _ENDS:
            if owner.metrics:
                yield {**common, "event": "metrics", **{m.metric_name: m.value for m in owner.metrics}}
            if event.verifies in issues:
                yield {**common, "event": "error", "error": _error(issues[event.verifies])}
            yield {**common, "event": "end", "status": owner.status, **_moved(owner)}
        else:
            yield {**common, "event": "log", "level": event.level, "message": event.log_message}


def _common(package: Package, event: Event, owner: Run | StepRun) -> dict[str, Any]:
    run = package.run
    return {
        "ts": event.ts,
        "run_id": run.dagster_run_id,
        "correlation_id": run.root_run_id or run.dagster_run_id,
        "agent": AGENT,
        "engine": run.engine,
        "pipeline": package.pipeline.name,
        "step": owner.step_id if isinstance(owner, StepRun) else "",
    }


def _moved(owner: Run | StepRun) -> dict[str, int]:
    """Return rows and duration under the names that a log of a step has."""
    values = {metric.metric_name: metric.value for metric in owner.metrics}
    names = {"rows_read": "rows_in", "rows_written": "rows_out"}
    found = {name: values.get(other, values.get(name)) for name, other in names.items()}
    found["duration_ms"] = values.get("duration_ms")
    return {name: value for name, value in found.items() if value is not None}


def _error(issue: Issue) -> dict[str, str]:
    parts = {"type": issue.error_type, "message": issue.message, "code": issue.code, "fix": issue.fix}
    return {**{name: text for name, text in parts.items() if text}, "fingerprint": issue.fingerprint}


def metrics(package: Package) -> bytes:
    """Return counters and durations of the run and of each step, the exit code and the versions."""
    run = package.run
    value = {
        "run_id": run.dagster_run_id,
        "pipeline": package.pipeline.name,
        "status": run.status,
        "exit_code": EXIT_CODES[run.status],
        "counters": {m.metric_name: m.value for m in run.metrics if m.unit != "ms"},
        "durations_ms": {m.metric_name: m.value for m in run.metrics if m.unit == "ms"},
        "steps": {
            step.step_id: {"status": step.status, **{m.metric_name: m.value for m in step.metrics}}
            for step in package.evidence.step_runs
        },
        "components": {component.name: component.code_version for component in package.semantic.components},
        "versions": {item.name: item.code_version for item in package.metadata.versions},
    }
    return readable_json(value).encode()
