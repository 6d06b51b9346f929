"""The delta layer: the run against its last success and against what is usual for its pipeline."""

from __future__ import annotations

from dataclasses import replace

from osiris_dagster.aiop.facts.baseline import baseline, percent
from osiris_dagster.aiop.facts.changes import Difference, differences, pointer_to
from osiris_dagster.aiop.facts.facts import Facts
from osiris_dagster.aiop.facts.normalize import first_failure
from osiris_dagster.aiop.facts.text import cut
from osiris_dagster.aiop.facts.trim import Dropped
from osiris_dagster.aiop.model.delta import Change, Comparison, DeltaLayer
from osiris_dagster.aiop.sections.scope import Scope, once, timestamp
from osiris_dagster.canonical import slug
from osiris_dagster.oml.partition import RANGE
from osiris_dagster.runs.past import RUN, Measures, PastRun, measures_of

BASELINE_RUNS = 14
_UNITS = {"duration_ms": "ms", "rows_written": "rows", "rows_out": "rows", "peak_memory_bytes": "bytes"}
_NOTABLE = ("anomaly", "changed")


@once
def delta_layer(scope: Scope) -> DeltaLayer:
    """Return how the run differs from the runs before it; a first run has nothing to compare."""
    facts, record = scope.whole, scope.whole.record
    previous = facts.previous
    return DeltaLayer(
        id="r:layer/delta",
        strategy=_strategy(scope),
        runs_considered=len(facts.history),
        last_success_run_id=previous.run_id if previous else "",
        last_success_time=timestamp(previous.end_ms) if previous else "",
        failing_since=timestamp(failing_since(facts.history, record.start_ms)) if record.status == "failed" else "",
        comparisons=comparisons(scope)[: scope.limits.items],
        changes=_changes(scope)[: scope.limits.items],
    )


def left_out(scope: Scope) -> list[Dropped]:
    """Return what the layer does not show."""
    counts = {"comparisons": len(comparisons(scope)), "changes": len(_changes(scope))}
    most = scope.limits.items
    return [Dropped(name, most, count - most) for name, count in counts.items() if count > most]


def failing_since(history: tuple[PastRun, ...], start_ms: int) -> int:
    """Return when the row of failed runs began that a failed run closes."""
    since = start_ms
    for past in reversed(history):
        if past.status == "completed":
            break
        since = past.start_ms if past.status == "failed" else since
    return since


def _strategy(scope: Scope) -> str:
    previous = scope.whole.previous
    if previous is None:
        return "no_success" if scope.whole.history else "first_run"
    return "same_manifest" if previous.manifest_hash == scope.whole.record.manifest_hash else "same_pipeline"


@once
def comparisons(scope: Scope) -> tuple[Comparison, ...]:
    """Return every measure that an earlier run had too: the unusual ones first, else in the order of the plan."""
    facts = scope.whole
    usual = [past for past in facts.history if past.status == "completed" and _alike(past, scope)][-BASELINE_RUNS:]
    previous: Measures = measures_of(facts.previous) if facts.previous else {}
    found = []
    for step_id, values in measures_of(facts.record).items():
        shown = cut(step_id, scope.limits.text)
        if shown not in scope.records if step_id != RUN else facts.record.status != "completed":
            continue  # not shown here; or a run that broke off, whose numbers say nothing about the usual ones
        for name, current in values.items():
            before = [past.measures[step_id][name] for past in usual if name in past.measures.get(step_id, {})]
            last = previous.get(step_id, {}).get(name)
            if before or last is not None:
                found.append(_comparison(scope, shown, name, current, last, before))
    found.sort(key=lambda item: item.judgement not in _NOTABLE)
    return tuple(replace(item, seq=seq) for seq, item in enumerate(found, 1))


def _alike(past: PastRun, scope: Scope) -> bool:
    """Runs of one partition are compared with such runs only, and so are those of a range."""
    one, other = past.partition, scope.whole.record.partition
    return bool(one) == bool(other) and (RANGE in one) == (RANGE in other)


def _comparison(scope: Scope, step_id: str, name: str, current: int, last: int | None, before: list[int]) -> Comparison:
    usual = baseline(name, current, before)
    return Comparison(
        id=f"r:delta/{scope.names.slugs[step_id] if step_id else '_run'}/{name}",
        seq=1,
        about=scope.names.step_run(step_id),
        metric_name=name,
        unit=_UNITS[name],
        current=current,
        previous=last,
        change_percent=percent(current, last),
        median=usual.median,
        mad=usual.mad,
        robust_z=usual.robust_z,
        samples=usual.samples,
        judgement=usual.judgement,
    )


@once
def _changes(scope: Scope) -> tuple[Change, ...]:
    limit = scope.limits.text
    return tuple(
        Change(
            id=f"r:change/{seq}-{slug(item.pointer)}",
            seq=seq,
            changed=item.changed,
            operation=item.operation,
            pointer=cut(item.pointer, limit),
            before=cut(item.before, limit),
            after=cut(item.after, limit),
        )
        for seq, item in enumerate(_nearest_first(scope.whole), 1)
    )


def _nearest_first(facts: Facts) -> list[Difference]:
    """Return the changes of the step that failed first, then those of other steps, then the rest."""
    first = first_failure(facts.record)
    near = f"{pointer_to(first.step_id)}/" if first else "/steps/"

    def distance(item: Difference) -> tuple[bool, bool]:
        return not item.pointer.startswith(near), not item.pointer.startswith("/steps/")

    return sorted(differences(facts), key=distance)
