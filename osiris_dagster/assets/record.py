"""What a run leaves in Dagster's event log: metadata for people, and one JSON entry that the run reader relies on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dagster import AssetKey, AssetMaterialization, AssetObservation, MaterializeResult, MetadataValue

from osiris_dagster.assets.column_lineage import LINEAGE, column_origins, step_lineage, written_lineage
from osiris_dagster.assets.keys import dataset_key, step_keys
from osiris_dagster.assets.partitions import WORKED_ON
from osiris_dagster.assets.translator import table_schema
from osiris_dagster.compiler.manifest import Dataset, Manifest, StepPlan
from osiris_dagster.oml.partition import Partition
from osiris_dagster.runs.trace import RETRY, TRACE, retry_entry, trace_entry
from osiris_dagster.steps.report import StepRecord, StepRetry


def materialized(
    key: AssetKey, manifest: Manifest, step: StepPlan, report: StepRecord, partition: Partition | None
) -> MaterializeResult[Any]:
    """Return the result of a step that ended well."""
    metadata = {
        **_numbers(report),
        **{f"artifact {a.path}": MetadataValue.path(a.path) for a in report.artifacts},
        TRACE: MetadataValue.json(trace_entry(manifest, report)),
    }
    if partition:
        metadata[WORKED_ON] = partition.name
    if report.notes:
        metadata["notes"] = "; ".join(report.notes)
    if report.columns and report.columns != step.columns:
        metadata["dagster/column_schema"] = table_schema(report.columns, column_origins(manifest).get(step.id))
    if lineage := step_lineage(step, step_keys(manifest)):
        metadata[LINEAGE] = lineage
    return MaterializeResult(asset_key=key, metadata=metadata)


def _numbers(report: StepRecord) -> dict[str, Any]:
    return {
        "dagster/row_count": report.rows_out,
        "rows in": report.rows_in,
        "bytes": report.bytes_out,
        "duration (s)": round((report.took_ms or 0) / 1000, 3),
        "busy (s)": round((report.busy_ms or 0) / 1000, 3),
        **({"attempts": report.attempts} if report.attempts > 1 else {}),
        "peak memory (MB)": round((report.peak_memory_bytes or 0) / 1e6, 1),
    }


def dataset_written(
    dataset: Dataset, manifest: Manifest, report: StepRecord, partition: str | None = None
) -> AssetMaterialization:
    """Return the event that tells other pipelines that a table or file has new rows."""
    metadata: dict[str, Any] = {"osiris/written_by": f"{manifest.pipeline}/{report.step_id}"}
    if report.rows_total is not None:
        metadata["dagster/row_count"] = report.rows_total
    if report.columns:
        metadata["dagster/column_schema"] = table_schema(report.columns, column_origins(manifest).get(report.step_id))
    if lineage := written_lineage([(manifest, manifest.step(report.step_id))]):
        metadata[LINEAGE] = lineage
    return AssetMaterialization(dataset_key(dataset), metadata=metadata, partition=partition)


def unfinished(key: AssetKey, manifest: Manifest, failure: StepRecord) -> AssetObservation:
    """Return the observation of a step that did not end well: what happened, and the error where it arose."""
    metadata: Mapping[str, Any] = {
        "status": failure.status,
        **({"error": failure.error.message} if failure.error else {}),
        **({"how to fix": failure.error.fix} if failure.error and failure.error.fix else {}),
        TRACE: MetadataValue.json(trace_entry(manifest, failure)),
    }
    return AssetObservation(key, description=f"step {failure.step_id} {failure.status}", metadata=metadata)


def retried(key: AssetKey, manifest: Manifest, retry: StepRetry) -> AssetObservation:
    """Return the observation of an attempt that failed and was not the last."""
    metadata: Mapping[str, Any] = {
        "status": "retrying",
        "attempt": retry.attempt,
        "next after (s)": round(retry.pause_ms / 1000, 1),
        "error": retry.error.message,
        RETRY: MetadataValue.json(retry_entry(manifest, retry)),
    }
    return AssetObservation(key, description=f"step {retry.step_id}: attempt {retry.attempt} failed", metadata=metadata)
