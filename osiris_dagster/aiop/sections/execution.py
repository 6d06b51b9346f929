"""The run and its step runs: status, times, metrics, what was used and what was produced."""

from __future__ import annotations

from collections.abc import Iterator

from osiris_dagster.aiop.facts.normalize import first_failure
from osiris_dagster.aiop.facts.text import distinct
from osiris_dagster.aiop.model.columns import Column
from osiris_dagster.aiop.model.evidence import Artifact, Check, Metric, Output, Run, StepRun
from osiris_dagster.aiop.model.ids import component_iri, dataset_iri, distinct_slugs
from osiris_dagster.aiop.sections.scope import Scope, once, timestamp
from osiris_dagster.columns import Columns
from osiris_dagster.compiler.manifest import StepPlan
from osiris_dagster.drivers.base import Artifact as ArtifactRecord
from osiris_dagster.steps.report import StepRecord


@once
def run_of(scope: Scope) -> Run:
    """Return the run, with totals over all its steps."""
    record = scope.facts.record
    first = first_failure(record)
    return Run(
        id=scope.names.run,
        dagster_run_id=record.run_id,
        root_run_id=record.root_run_id,
        parent_run_id=record.parent_run_id,
        status=record.status,
        start_time=timestamp(record.start_ms),
        end_time=timestamp(record.end_ms),
        duration_ms=record.end_ms - record.start_ms,
        engine=record.engine,
        origin=record.origin,
        partition=record.partition,
        siblings=record.siblings,
        manifest_hash=record.manifest_hash,
        materializes=scope.names.pipeline,
        first_failure=scope.names.step_run(first.step_id) if first else "",
        metrics=_metrics(scope, "", record.end_ms, _run_values(scope)),
    )


@once
def step_runs(scope: Scope) -> tuple[StepRun, ...]:
    """Return every selected step as it was executed, in manifest order."""
    plans = scope.plans
    return tuple(_step_run(scope, seq, plans[step.step_id], step) for seq, step in enumerate(scope.records.values(), 1))


def _step_run(scope: Scope, seq: int, plan: StepPlan, step: StepRecord) -> StepRun:
    started = step.start_ms is not None
    ended = scope.facts.record.end_ms if step.end_ms is None else step.end_ms
    return StepRun(
        id=scope.names.step_run(step.step_id),
        seq=seq,
        step_id=step.step_id,
        status=step.status,
        start_time=timestamp(step.start_ms),
        end_time=timestamp(step.end_ms) if started else "",
        executes=scope.names.step(step.step_id),
        component=component_iri(plan.component, plan.version),
        part_of=scope.names.run,
        informed_by=_informants(scope, plan) if started else (),
        consumes=tuple(dict.fromkeys(dataset_iri(read.key) for read in plan.reads)) if started else (),
        produces=(*_artifacts(scope, plan, step, ended), *_outputs(scope, step, ended)),
        columns=() if step.columns in ((), plan.columns) else columns_of(scope.names.step_run(plan.id), step.columns),
        metrics=_metrics(scope, step.step_id, ended, _step_values(step, ended)),
        checks=_checks(scope, step, ended),
        notes=distinct(step.notes),
    )


def _informants(scope: Scope, plan: StepPlan) -> tuple[str, ...]:
    records = scope.records
    sources = [records[item.step] for item in plan.inputs if item.step in records]
    started = [source.step_id for source in sources if source.start_ms is not None]
    return tuple(scope.names.step_run(step_id) for step_id in dict.fromkeys(started))


def _artifacts(scope: Scope, plan: StepPlan, step: StepRecord, ended: int) -> Iterator[Artifact]:
    files = [key for key in (*step.writes, *(write.key for write in plan.writes)) if key[:1] == ("file",)]
    artifacts = sorted(step.artifacts, key=lambda artifact: (artifact.path, artifact.sha256))
    ids = scope.names.evidence("artifact", [(step.step_id, artifact.path, ended) for artifact in artifacts])
    for evidence_id, artifact in zip(ids, artifacts, strict=True):
        yield Artifact(
            id=evidence_id,
            path=artifact.path,
            size_bytes=artifact.size_bytes,
            sha256=artifact.sha256,
            mime_type=artifact.mime_type,
            ts=timestamp(ended),
            version_of=_file_dataset(artifact, files),
        )


def _file_dataset(artifact: ArtifactRecord, files: list[tuple[str, ...]]) -> str:
    """Return the dataset whose path is the artifact's own, or a folder above it."""
    parts = tuple(artifact.path.split("/"))
    return next((dataset_iri(key) for key in files if key[1:] == parts[: len(key) - 1]), "")


def _outputs(scope: Scope, step: StepRecord, ended: int) -> Iterator[Output]:
    keys = sorted(set(step.writes))
    alone = len(keys) == 1
    ids = scope.names.evidence("output", [(step.step_id, "/".join(key), ended) for key in keys])
    for evidence_id, key in zip(ids, keys, strict=True):
        yield Output(
            id=evidence_id,
            version_of=dataset_iri(key),
            records=step.rows_out if alone else None,
            records_total=step.rows_total if alone else None,
            ts=timestamp(ended),
        )


def columns_of(owner: str, columns: Columns) -> tuple[Column, ...]:
    """Return the columns of a step or a step run, whose id is `owner`, in their order."""
    slugs = distinct_slugs(column.name for column in columns)
    return tuple(
        Column(
            id=f"{owner}/column/{name}",
            seq=seq,
            name=column.name,
            data_type=column.type,
            nullable=column.nullable,
            derivation="",
            derived_from=(),
            read_from=(),
        )
        for seq, (name, column) in enumerate(zip(slugs, columns, strict=True), 1)
    )


def _checks(scope: Scope, step: StepRecord, ended: int) -> tuple[Check, ...]:
    ids = scope.names.evidence("check", [(step.step_id, check.name, ended) for check in step.checks])
    return tuple(
        Check(
            id=evidence_id,
            seq=seq,
            check_name=check.name,
            check_type=check.type,
            severity=check.severity,
            passed=check.passed,
            rows_checked=check.rows,
            rows_failing=check.failing,
            text=check.message,
            ts=timestamp(ended),
            verifies=scope.names.step_run(step.step_id),
        )
        for seq, (evidence_id, check) in enumerate(zip(ids, step.checks, strict=True), 1)
    )


def _step_values(step: StepRecord, ended: int) -> list[tuple[str, int | None, str]]:
    return [
        ("rows_in", step.rows_in, "rows"),
        ("rows_out", step.rows_out, "rows"),
        ("bytes_out", step.bytes_out, "bytes"),
        ("duration_ms", None if step.start_ms is None else ended - step.start_ms, "ms"),
        ("busy_ms", step.busy_ms, "ms"),
        ("peak_memory_bytes", step.peak_memory_bytes, "bytes"),
        ("attempts", None if step.start_ms is None else step.attempts, "attempts"),
    ]


def _run_values(scope: Scope) -> list[tuple[str, int | None, str]]:
    totals, record = scope.totals, scope.facts.record
    return [
        ("steps_selected", totals.selected, "steps"),
        ("steps_completed", totals.statuses.get("completed", 0), "steps"),
        ("duration_ms", record.end_ms - record.start_ms, "ms"),
        ("rows_read", totals.rows_read, "rows"),
        ("rows_written", totals.rows_written, "rows"),
        ("bytes_written", totals.bytes_written, "bytes"),
        ("peak_memory_bytes", totals.peak_memory_bytes, "bytes"),
        ("attempts", totals.attempts, "attempts"),
        ("artifacts", totals.artifacts, "files"),
        ("artifact_bytes", totals.artifact_bytes if totals.artifacts else None, "bytes"),
    ]


def _metrics(scope: Scope, step_id: str, ms: int, values: list[tuple[str, int | None, str]]) -> tuple[Metric, ...]:
    known = [(name, value, unit) for name, value, unit in values if value is not None]
    ids = scope.names.evidence("metric", [(step_id, name, ms) for name, _, _ in known])
    return tuple(
        Metric(
            id=evidence_id,
            metric_name=name,
            value=value,
            unit=unit,
            ts=timestamp(ms),
            verifies=scope.names.step_run(step_id),
        )
        for evidence_id, (name, value, unit) in zip(ids, known, strict=True)
    )
