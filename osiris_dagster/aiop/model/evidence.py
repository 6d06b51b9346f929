"""The run as it happened: what the evidence layer is made of."""

from __future__ import annotations

from dataclasses import dataclass

from osiris_dagster.aiop.model.neighbours import DownstreamPipeline, UpstreamState
from osiris_dagster.aiop.model.node import Node, Ref
from osiris_dagster.aiop.model.plan import Column


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric(Node):
    """One measured whole number about a step run or the run."""

    KINDS = ("Metric", "prov:Entity", "schema:PropertyValue")
    metric_name: str
    value: int
    unit: str
    ts: str
    verifies: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Node):
    """The run of one pipeline."""

    KINDS = ("Run", "prov:Activity", "schema:CreateAction")
    dagster_run_id: str
    root_run_id: str
    parent_run_id: str
    status: str
    start_time: str
    end_time: str
    duration_ms: int
    engine: str
    origin: str
    partition: str
    siblings: tuple[str, ...]
    manifest_hash: str
    materializes: Ref
    first_failure: Ref
    metrics: tuple[Metric, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact(Node):
    """A file that a step run left."""

    KINDS = ("Artifact", "prov:Entity")
    path: str
    size_bytes: int
    sha256: str
    mime_type: str
    ts: str
    version_of: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Output(Node):
    """What a step run committed to a dataset: rows written, and rows there are afterwards where that is known."""

    KINDS = ("Output", "prov:Entity")
    version_of: Ref
    records: int | None
    records_total: int | None
    ts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check(Node):
    """What one data check found in the rows of a step run; `text` says it in words where there is something to say."""

    KINDS = ("Check", "prov:Entity")
    seq: int
    check_name: str
    check_type: str
    severity: str
    passed: bool
    rows_checked: int
    rows_failing: int | None
    text: str
    ts: str
    verifies: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRun(Node):
    """A step as executed. Without a start it never ran; `columns` only where they differ from the plan."""

    KINDS = ("StepRun", "prov:Activity", "schema:CreateAction")
    seq: int
    step_id: str
    status: str
    start_time: str
    end_time: str
    executes: Ref
    component: Ref
    part_of: Ref
    informed_by: tuple[Ref, ...]
    consumes: tuple[Ref, ...]
    produces: tuple[Artifact | Output, ...]
    columns: tuple[Column, ...]
    metrics: tuple[Metric, ...]
    checks: tuple[Check, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Node):
    """One entry of the timeline; `untrusted` when it carries a message."""

    KINDS = ("Event", "prov:Entity")
    seq: int
    type: str
    ts: str
    level: str
    log_message: str
    untrusted: bool
    verifies: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame(Node):
    """One stack frame, outermost first; files are relative to the project or to the installed packages."""

    KINDS = ("Frame",)
    seq: int
    file: str
    line: int
    function: str
    in_project: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause(Node):
    """An exception that caused the one before it."""

    KINDS = ("Cause",)
    seq: int
    error_type: str
    message: str
    code: str
    fix: str
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue(Node):
    """What went wrong with a step run or the run; all its text is untrusted.

    `occurrences` counts this run and those of the `runs_considered` before it that had the same fingerprint.
    """

    KINDS = ("Issue", "prov:Entity")
    seq: int
    severity: str
    ts: str
    about: Ref
    error_type: str
    message: str
    code: str
    fix: str
    retryable: str
    fingerprint: str
    first_seen: str
    occurrences: int
    runs_considered: int
    frames: tuple[Frame, ...]
    causes: tuple[Cause, ...]
    stopped: tuple[Ref, ...]
    blast_radius: tuple[Ref, ...]
    untrusted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceLayer(Node):
    """What happened: step runs with their metrics and outputs, timeline, issues, and what stood around the run."""

    KINDS = ("EvidenceLayer",)
    step_runs: tuple[StepRun, ...]
    timeline: tuple[Event, ...]
    issues: tuple[Issue, ...]
    upstream: tuple[UpstreamState, ...]
    downstream: tuple[DownstreamPipeline, ...]
