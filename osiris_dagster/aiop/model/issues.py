"""What went wrong in a run, with the chain of its causes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from osiris_dagster.aiop.model.ids import NAME
from osiris_dagster.aiop.model.node import Node
from osiris_dagster.aiop.model.values import (
    AlwaysTrue,
    Count,
    Flag,
    Instant,
    IssueId,
    Line,
    Maybe,
    Ordinal,
    RunId,
    StepId,
    StepRunId,
    Text,
    one_of,
    pattern,
)


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
