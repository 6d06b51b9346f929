"""Sentences about the run against its past and its surroundings, each with the ids that prove it."""

from __future__ import annotations

from dataclasses import dataclass, field

from osiris_dagster.aiop.facts.text import cut
from osiris_dagster.aiop.model.delta import Comparison, DeltaLayer
from osiris_dagster.aiop.model.evidence import EvidenceLayer, StepRun
from osiris_dagster.aiop.model.issues import Issue
from osiris_dagster.aiop.model.node import Ref
from osiris_dagster.aiop.sections.wording import counted, duration, listed, moment, size

_MOST = 3
_MEASURES = {"duration_ms": "time", "rows_out": "rows", "rows_written": "rows written", "peak_memory_bytes": "memory"}


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence and its proof; an empty one says nothing."""

    sentence: str = ""
    cites: list[Ref] = field(default_factory=list)


def recurrence(issue: Issue) -> Statement:
    """Say whether the error is new."""
    runs, before = issue.runs_considered, issue.occurrences - 1
    if not runs:
        return Statement()
    if not before:
        return Statement(f"None of the {counted(runs, 'run')} before had this error.", [issue.id])
    seen = f"{before:,} of the {counted(runs, 'run')} before had the same error"
    return Statement(f"{seen}, the first on {moment(issue.first_seen)}.", [issue.id])


def changed(delta: DeltaLayer) -> Statement:
    """Say what changed since the last success."""
    if not delta.last_success_time:
        return Statement("No earlier run of this pipeline succeeded." if delta.strategy == "no_success" else "")
    since = f"since the last success on {moment(delta.last_success_time)}"
    if not delta.changes:
        return Statement(f"Neither plan nor columns nor software changed {since}.")
    shown = listed([f"{change.pointer} ({change.operation})" for change in delta.changes], most=_MOST)
    return Statement(f"What changed {since}: {shown}.", [change.id for change in delta.changes[:_MOST]])


def stale_inputs(evidence: EvidenceLayer) -> Statement:
    """Say which inputs were not renewed, because the step that writes them failed."""
    failed = [item for item in evidence.upstream if item.state == "failed"]
    if not failed:
        return Statement()
    by = listed([f"“{cut(item.written_by, 100)}”" for item in failed], most=_MOST)
    return Statement(
        f"Before it began, {by} failed to renew what it reads.",
        [item.id for item in failed[:_MOST]],
    )


def waiting(evidence: EvidenceLayer) -> Statement:
    """Say who is waiting for what the run should have written."""
    pipelines = evidence.downstream
    if not pipelines:
        return Statement()
    shown = [
        f"“{cut(item.name, 100)}”" + (f" ({listed(list(item.owners), most=1)})" if item.owners else "")
        for item in pipelines
    ]
    verb = "needs" if len(shown) == 1 else "need"
    return Statement(f"{listed(shown, most=_MOST)} {verb} what it writes.", [item.id for item in pipelines[:_MOST]])


def unusual(delta: DeltaLayer, evidence: EvidenceLayer) -> Statement:
    """Say which measures are unusual."""
    steps = {step.id: step for step in evidence.step_runs}
    found = [item for item in delta.comparisons if item.judgement in ("anomaly", "changed")]
    shown = [measured(item, steps) for item in found[:_MOST]]
    more = f", and {counted(len(found) - _MOST, 'more measure')}" if len(found) > _MOST else ""
    if not shown:
        return Statement()
    return Statement(f"Unusual for this pipeline: {'; '.join(shown)}{more}.", [item.id for item in found[:_MOST]])


def measured(item: Comparison, steps: dict[str, StepRun]) -> str:
    """Say one measure against what is usual."""
    step = steps.get(item.about)
    where = f" of “{cut(step.step_id, 100)}”" if step else ""
    usual = amount(item, round(float(item.median)))
    z = f", z {item.robust_z}" if item.robust_z else ", always the same before"
    return f"{_MEASURES[item.metric_name]}{where} {amount(item, item.current)}, median {usual} of {item.samples}{z}"


def amount(item: Comparison, value: int) -> str:
    """Return a value in the unit of its measure."""
    if item.unit == "ms":
        return duration(value)
    return size(value) if item.unit == "bytes" else counted(value, "row")
