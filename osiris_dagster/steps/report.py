"""What a step says while it runs: plain events for whoever records them. Times are Unix milliseconds, UTC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from osiris_dagster.columns import Columns
from osiris_dagster.compiler.manifest import Dataset
from osiris_dagster.drivers.base import Artifact
from osiris_dagster.errors import ErrorInfo

FailureStatus = Literal["failed", "aborted", "canceled", "skipped"]


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step opened; its chain may stream for a while before it ends."""

    step_id: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class StepProgress:
    """Rows so far; at most a few a second."""

    step_id: str
    at_ms: int
    rows: int


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one data check found in the rows of a step, in numbers and words, never in values."""

    name: str
    type: str
    severity: Literal["error", "warn"]
    passed: bool
    rows: int  # seen
    failing: int | None = None  # rows at fault, where they can be counted
    message: str = ""


@dataclass(frozen=True, slots=True)
class StepRetry:
    """A try of a step failed, and there will be another one; the steps of its stream start again with it."""

    step_id: str
    at_ms: int
    attempt: int  # the one that failed, from 1
    pause_ms: int  # before the next
    error: ErrorInfo


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step that ended well. Rows and bytes are what left it (a writer: what it committed).

    Times begin with the first attempt; all other numbers are those of the last one.
    """

    step_id: str
    start_ms: int
    end_ms: int
    busy_ms: int  # time in the step's own code, without waiting for the steps before it
    rows_in: int
    rows_out: int
    bytes_out: int  # Arrow bytes handed on or written
    peak_memory_bytes: int  # of the process, while the step was open
    attempts: int = 1
    columns: Columns = ()
    artifacts: tuple[Artifact, ...] = ()
    writes: tuple[Dataset, ...] = ()
    rows_total: int | None = None
    notes: tuple[str, ...] = ()
    checks: tuple[CheckResult, ...] = ()


@dataclass(frozen=True, slots=True)
class StepFailure:
    """One step that did not end: it failed itself, or its chain broke (`status` aborted), or the run was canceled."""

    step_id: str
    status: FailureStatus
    start_ms: int | None  # None when it never started
    end_ms: int
    rows_in: int = 0
    rows_out: int = 0
    attempts: int = 1
    error: ErrorInfo | None = None
    checks: tuple[CheckResult, ...] = ()  # those that saw all rows


StepEvent = StepStarted | StepProgress | StepRetry | StepReport | StepFailure


def in_place_of(silent: str, speaker: str, error: ErrorInfo) -> ErrorInfo:
    """Return the fault of a step that is not recorded, as the fault of the one that speaks for it."""
    return ErrorInfo(
        "RunError",
        f"step {silent!r}, executed unselected for the rows that {speaker!r} reads, failed",
        code="RUN018",
        fix=error.fix,
        retryable=error.retryable,
        cause=error,
    )
