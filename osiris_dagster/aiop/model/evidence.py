"""The run as it happened: what the evidence layer is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from osiris_dagster.aiop.model.columns import Column
from osiris_dagster.aiop.model.issues import Issue
from osiris_dagster.aiop.model.neighbours import DownstreamPipeline, UpstreamState
from osiris_dagster.aiop.model.node import Node
from osiris_dagster.aiop.model.values import (
    ArtifactId,
    CheckId,
    ComponentId,
    Count,
    DatasetId,
    EventId,
    Flag,
    Instant,
    Items,
    Maybe,
    MetricId,
    Ordinal,
    OutputId,
    PipelineId,
    RunId,
    Sha256,
    Status,
    StepId,
    StepRunId,
    Text,
    fixed,
    one_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric(Node):
    """One measured whole number about a step run or the run."""

    KINDS = ("Metric", "prov:Entity", "schema:PropertyValue")
    TERMS: ClassVar = {"value": "schema:value"}
    id: MetricId
    metric_name: Text
    value: Count
    unit: Annotated[str, one_of("rows", "bytes", "ms", "attempts", "steps", "files")]
    ts: Instant
    verifies: StepRunId | RunId


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Node):
    """The run of one pipeline."""

    KINDS = ("Run", "prov:Activity", "schema:CreateAction")
    TERMS: ClassVar = {"materializes": "schema:instrument"}
    id: RunId
    dagster_run_id: Text
    root_run_id: Maybe[Text]
    parent_run_id: Maybe[Text]
    status: Annotated[str, one_of("completed", "failed", "canceled")]
    start_time: Instant
    end_time: Instant
    duration_ms: Count
    engine: Maybe[Text]
    origin: Maybe[Text]
    partition: Maybe[Text]
    siblings: tuple[Text, ...]
    manifest_hash: Sha256
    materializes: PipelineId
    first_failure: Maybe[StepRunId]
    metrics: Annotated[tuple[Metric, ...], Items(least=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact(Node):
    """A file that a step run left."""

    KINDS = ("Artifact", "prov:Entity")
    TERMS: ClassVar = {"mime_type": "schema:encodingFormat"}
    id: ArtifactId
    path: Text
    size_bytes: Count
    sha256: Sha256
    mime_type: Maybe[Text]
    ts: Instant
    version_of: Maybe[DatasetId]


@dataclass(frozen=True, slots=True, kw_only=True)
class Output(Node):
    """What a step run committed to a dataset: rows written, and rows there are afterwards where that is known."""

    KINDS = ("Output", "prov:Entity")
    id: OutputId
    version_of: DatasetId
    records: Count | None
    records_total: Count | None
    ts: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Check(Node):
    """What one data check found in the rows of a step run; `text` says it in words where there is something to say."""

    KINDS = ("Check", "prov:Entity")
    id: CheckId
    seq: Ordinal
    check_name: Text
    check_type: Text
    severity: Annotated[str, one_of("error", "warn")]
    passed: Flag
    rows_checked: Count
    rows_failing: Count | None
    text: Maybe[Text]
    ts: Instant
    verifies: StepRunId


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRun(Node):
    """A step as executed. Without a start it never ran; `columns` only where they differ from the plan."""

    KINDS = ("StepRun", "prov:Activity", "schema:CreateAction")
    TERMS: ClassVar = {
        "executes": "p-plan:correspondsToStep",
        "informed_by": "prov:wasInformedBy",
        "consumes": "prov:used",
        "produces": "prov:generated",
    }
    RULES: ClassVar = {"dependentRequired": {"start_time": ["end_time"], "end_time": ["start_time"]}}
    id: StepRunId
    seq: Ordinal
    step_id: Text
    status: Status
    start_time: Maybe[Instant]
    end_time: Maybe[Instant]
    executes: StepId
    component: ComponentId
    part_of: RunId
    informed_by: tuple[StepRunId, ...]
    consumes: tuple[DatasetId, ...]
    produces: tuple[Artifact | Output, ...]
    columns: tuple[Column, ...]
    metrics: tuple[Metric, ...]
    checks: tuple[Check, ...]
    notes: Annotated[tuple[Text, ...], Items(unique=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Node):
    """One entry of the timeline; `untrusted` when it carries a message."""

    KINDS = ("Event", "prov:Entity")
    TERMS: ClassVar = {"type": "aiop:event_type"}
    RULES: ClassVar = {"dependentSchemas": {"log_message": {"properties": {"untrusted": {"const": True}}}}}
    id: EventId
    seq: Ordinal
    type: Annotated[
        str,
        one_of(
            "run_start",
            "run_end",
            "step_start",
            "step_retry",
            "step_complete",
            "step_failed",
            "step_aborted",
            "step_canceled",
            "step_skipped",
            "log",
        ),
    ]
    ts: Instant
    level: Annotated[str, one_of("debug", "info", "warning", "error")]
    log_message: Maybe[Text]
    untrusted: Flag
    verifies: StepRunId | RunId


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceLayer(Node):
    """What happened: step runs with their metrics and outputs, timeline, issues, and what stood around the run."""

    KINDS = ("EvidenceLayer",)
    id: Annotated[str, fixed("r:layer/evidence")]
    step_runs: tuple[StepRun, ...]
    timeline: Annotated[tuple[Event, ...], Items(least=2)]
    issues: tuple[Issue, ...]
    upstream: tuple[UpstreamState, ...]
    downstream: tuple[DownstreamPipeline, ...]
