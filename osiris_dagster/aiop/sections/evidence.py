"""The evidence layer: step runs, timeline, issues of one run, and what stood around it."""

from __future__ import annotations

from osiris_dagster.aiop.model.evidence import EvidenceLayer
from osiris_dagster.aiop.sections.execution import step_runs
from osiris_dagster.aiop.sections.issues import issues
from osiris_dagster.aiop.sections.neighbours import downstream, upstream
from osiris_dagster.aiop.sections.scope import Scope, once
from osiris_dagster.aiop.sections.timeline import timeline


@once
def evidence_layer(scope: Scope) -> EvidenceLayer:
    """Return what happened, as far as the record says."""
    return EvidenceLayer(
        id="r:layer/evidence",
        step_runs=step_runs(scope),
        timeline=tuple(timeline(scope)),
        issues=issues(scope),
        upstream=upstream(scope),
        downstream=downstream(scope),
    )
