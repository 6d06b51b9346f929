"""What a step says while it runs and at its end, as plain data. Times are Unix milliseconds, UTC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from osiris_dagster.columns import Columns
from osiris_dagster.drivers.base import Artifact
from osiris_dagster.errors import ErrorInfo

StepStatus = Literal["completed", "failed", "aborted", "canceled", "skipped"]


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
class CheckRecord:
    """What one data check found: rows seen, rows at fault where they can be counted, a sentence without values."""

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
class StepRecord:
    """How one step ended: what the step runner says last about it, what stands in the log and in a package.

    `failed`: it failed itself; `aborted`: its stream broke elsewhere; `canceled`: the run was; `skipped`: it never
    started. Times begin with the first attempt, all other numbers are those of the last one. Rows and bytes are what
    left it (a writer: what it committed). None: nothing is known.
    """

    step_id: str
    status: StepStatus
    start_ms: int | None = None
    end_ms: int | None = None
    busy_ms: int | None = None  # time in the step's own code, without waiting for the steps before it
    rows_in: int | None = None
    rows_out: int | None = None
    bytes_out: int | None = None  # Arrow bytes handed on or written
    peak_memory_bytes: int | None = None  # of the process, while the step was open
    attempts: int = 1
    columns: Columns = ()
    artifacts: tuple[Artifact, ...] = ()
    writes: tuple[tuple[str, ...], ...] = ()  # keys of the datasets it committed to
    rows_total: int | None = None  # in the target, afterwards
    notes: tuple[str, ...] = ()
    error: ErrorInfo | None = None
    checks: tuple[CheckRecord, ...] = ()  # of a step that did not end well: those that saw all rows

    @property
    def took_ms(self) -> int | None:
        """Milliseconds from start to end; None for a step that never started."""
        return None if self.start_ms is None or self.end_ms is None else self.end_ms - self.start_ms


StepEvent = StepStarted | StepProgress | StepRetry | StepRecord


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
