"""What stands around the run: the state of what it reads, and who needs what it writes."""

from __future__ import annotations

from osiris_dagster.aiop.facts.text import distinct
from osiris_dagster.aiop.model.ids import dataset_iri, distinct_slugs
from osiris_dagster.aiop.model.neighbours import DownstreamPipeline, UpstreamState
from osiris_dagster.aiop.sections.scope import Scope, timestamp


def upstream(scope: Scope) -> tuple[UpstreamState, ...]:
    """Return the state of each dataset that a step of the package reads."""
    start = scope.facts.record.start_ms
    read = {dataset_iri(item.key) for plan in scope.plans.values() for item in plan.reads}
    known = {dataset_iri(item.dataset): item for item in scope.facts.upstream}
    return tuple(
        UpstreamState(
            id=f"r:upstream/{seq}",
            dataset=iri,
            state=item.state,
            written_by=f"{item.pipeline}/{item.step}" if item.pipeline else "",
            dagster_run_id=item.run_id,
            written_time=timestamp(item.written_ms),
            failed_time=timestamp(item.failed_ms),
            age_ms=None if item.written_ms is None else max(start - item.written_ms, 0),
        )
        for seq, (iri, item) in enumerate(((iri, known[iri]) for iri in sorted(known) if iri in read), 1)
    )


def downstream(scope: Scope) -> tuple[DownstreamPipeline, ...]:
    """Return the pipelines that need what this one writes, the nearest first."""
    items = scope.facts.downstream
    slugs = distinct_slugs(item.pipeline for item in items)
    return tuple(
        DownstreamPipeline(
            id=f"r:downstream/{name}",
            name=item.pipeline,
            path=item.file,
            owners=distinct(item.owners),
            distance=item.distance,
            through=distinct(item.through),
        )
        for name, item in zip(slugs, items, strict=True)
    )
