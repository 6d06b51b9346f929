"""One run of one pipeline as plain data: the only thing that everything after the run reads. No Dagster here.

Times are Unix milliseconds, UTC. A run that materialised several pipelines gives one record for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from osiris_dagster.errors import ErrorInfo
from osiris_dagster.steps.report import StepRecord

RunStatus = Literal["completed", "failed", "canceled"]


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One entry of the timeline; `step_id` is empty for the run itself.

    Types: run_start, run_end, step_start, step_retry, step_complete, step_failed, step_aborted, step_canceled,
    step_skipped, log.
    """

    ts_ms: int
    type: str
    step_id: str = ""
    message: str = ""
    level: str = "info"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One ended run of one pipeline."""

    run_id: str  # Dagster's
    root_run_id: str
    parent_run_id: str  # empty unless a re-execution
    pipeline: str
    manifest_hash: str
    status: RunStatus
    start_ms: int
    end_ms: int
    steps: tuple[StepRecord, ...]  # every selected step, in manifest order
    events: tuple[EventRecord, ...]
    error: ErrorInfo | None = None  # a failure of the run that belongs to no step
    engine: str = "local"
    origin: str = "ui"  # cli | schedule | sensor | backfill | ui
    partition: str = ""
    siblings: tuple[str, ...] = ()  # other pipelines of the same run
    versions: Mapping[str, str] = field(default_factory=dict)  # osiris-dagster, dagster, duckdb, pyarrow, python
    tags: Mapping[str, Any] = field(default_factory=dict)  # those of the pipeline, not Dagster's own
