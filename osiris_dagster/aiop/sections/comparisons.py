"""Sentences about the run against its past and its surroundings, each with the ids that prove it."""

from __future__ import annotations

from dataclasses import dataclass, field

from osiris_dagster.aiop.facts.text import cut
from osiris_dagster.aiop.model import Comparison, DeltaLayer, EvidenceLayer, Issue, Ref, StepRun
from osiris_dagster.aiop.sections.wording import counted, duration, listed, moment, size

_TOLD = 3
_MEASURES = {"duration_ms": "time", "rows_out": "rows", "rows_written": "rows written", "peak_memory_bytes": "memory"}


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence and its proof; an empty one says nothing."""

    sentence: str = ""
    cites: list[Ref] = field(default_factory=list)


def recurrence(issue: Issue) -> Said:
    """Say whether the error is new."""
    runs, before = issue.runs_considered, issue.occurrences - 1
    if not runs:
        return Said()
    if not before:
        return Said(f"None of the {counted(runs, 'run')} before had this error.", [issue.id])
    seen = f"{before:,} of the {counted(runs, 'run')} before had the same error"
    return Said(f"{seen}, the first on {moment(issue.first_seen)}.", [issue.id])


def changed(delta: DeltaLayer) -> Said:
    """Say what changed since the last success."""
    if not delta.last_success_time:
        return Said("No earlier run of this pipeline succeeded." if delta.strategy == "no_success" else "")
    since = f"since the last success on {moment(delta.last_success_time)}"
    if not delta.changes:
        return Said(f"Neither plan nor columns nor software changed {since}.")
    told = listed([f"{change.pointer} ({change.operation})" for change in delta.changes], most=_TOLD)
    return Said(f"What changed {since}: {told}.", [change.id for change in delta.changes[:_TOLD]])


def stale_inputs(evidence: EvidenceLayer) -> Said:
    """Say which inputs were not renewed, because the step that writes them failed."""
    failed = [item for item in evidence.upstream if item.state == "failed"]
    if not failed:
        return Said()
    by = listed([f"“{cut(item.written_by, 100)}”" for item in failed], most=_TOLD)
    return Said(
        f"Before it began, {by} failed to renew what it reads.",
        [item.id for item in failed[:_TOLD]],
    )


def waiting(evidence: EvidenceLayer) -> Said:
    """Say who is waiting for what the run should have written."""
    pipelines = evidence.downstream
    if not pipelines:
        return Said()
    told = [
        f"“{cut(item.name, 100)}”" + (f" ({listed(list(item.owners), most=1)})" if item.owners else "")
        for item in pipelines
    ]
    verb = "needs" if len(told) == 1 else "need"
    return Said(f"{listed(told, most=_TOLD)} {verb} what it writes.", [item.id for item in pipelines[:_TOLD]])


def unusual(delta: DeltaLayer, evidence: EvidenceLayer) -> Said:
    """Say which measures are unusual."""
    steps = {step.id: step for step in evidence.step_runs}
    found = [item for item in delta.comparisons if item.judgement in ("anomaly", "changed")]
    told = [measured(item, steps) for item in found[:_TOLD]]
    more = f", and {counted(len(found) - _TOLD, 'more measure')}" if len(found) > _TOLD else ""
    if not told:
        return Said()
    return Said(f"Unusual for this pipeline: {'; '.join(told)}{more}.", [item.id for item in found[:_TOLD]])


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
