"""The run as it happened: what the evidence layer is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from osiris_dagster.aiop.model.ids import NAME
from osiris_dagster.aiop.model.node import Node
from osiris_dagster.aiop.model.plan import Column
from osiris_dagster.aiop.model.values import (
    AlwaysTrue,
    ArtifactId,
    CheckId,
    ComponentId,
    Count,
    DatasetId,
    EventId,
    Flag,
    Instant,
    IssueId,
    Items,
    Line,
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
    pattern,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamState(Node):
    """A dataset that the pipeline reads, as it was when the run began; `age_ms` since it was written."""

    KINDS = ("UpstreamState", "prov:Entity")
    id: Annotated[str, pattern("^r:upstream/[0-9]+$")]
    dataset: DatasetId
    state: Annotated[str, one_of("written", "failed", "unknown")]
    written_by: Maybe[Text]
    dagster_run_id: Maybe[Text]
    written_time: Maybe[Instant]
    failed_time: Maybe[Instant]
    age_ms: Count | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DownstreamPipeline(Node):
    """A pipeline that needs what this one writes; `distance` 1 reads it directly."""

    KINDS = ("DownstreamPipeline", "prov:Entity")
    id: Annotated[str, pattern(f"^r:downstream/{NAME}$")]
    name: Text
    path: Text
    owners: Annotated[tuple[Text, ...], Items(unique=True)]
    distance: Ordinal
    through: Annotated[tuple[Text, ...], Items(least=1, unique=True)]


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
class Frame(Node):
    """One stack frame, outermost first; files are relative to the project or to the installed packages."""

    KINDS = ("Frame",)
    id: Annotated[str, pattern(rf"^r:evidence/ev\.issue\.{NAME}\.{NAME}\.[0-9]{{13}}(/cause/[0-9]+)?/frame/[0-9]+$")]
    seq: Ordinal
    file: Maybe[Text]
    line: Line
    function: Maybe[Text]
    in_project: Flag


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause(Node):
    """An exception that caused the one before it."""

    KINDS = ("Cause",)
    id: Annotated[str, pattern(rf"^r:evidence/ev\.issue\.{NAME}\.{NAME}\.[0-9]{{13}}/cause/[0-9]+$")]
    seq: Ordinal
    error_type: Text
    message: Maybe[Text]
    code: Maybe[Text]
    fix: Maybe[Text]
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue(Node):
    """What went wrong with a step run or the run; all its text is untrusted.

    `occurrences` counts this run and those of the `runs_considered` before it that had the same fingerprint.
    """

    KINDS = ("Issue", "prov:Entity")
    id: IssueId
    seq: Ordinal
    severity: Annotated[str, one_of("error", "warning")]
    ts: Instant
    about: StepRunId | RunId
    error_type: Text
    message: Text
    code: Maybe[Text]
    fix: Maybe[Text]
    retryable: Annotated[str, one_of("transient", "permanent", "ambiguous")]
    fingerprint: Annotated[str, pattern("^[0-9a-f]{16}$")]
    first_seen: Instant
    occurrences: Ordinal
    runs_considered: Count
    frames: tuple[Frame, ...]
    causes: tuple[Cause, ...]
    stopped: tuple[StepRunId, ...]
    blast_radius: tuple[StepId, ...]
    untrusted: AlwaysTrue


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
