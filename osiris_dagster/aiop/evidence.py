"""The evidence layer: step runs, timeline and issues of one run."""

from __future__ import annotations

from osiris_dagster.aiop.execution import step_runs
from osiris_dagster.aiop.issues import issues
from osiris_dagster.aiop.model import EvidenceLayer
from osiris_dagster.aiop.scene import Scene
from osiris_dagster.aiop.timeline import timeline


def evidence_layer(scene: Scene) -> EvidenceLayer:
    """Return what happened, as far as the record says."""
    return EvidenceLayer(
        id="r:layer/evidence",
        step_runs=step_runs(scene),
        timeline=timeline(scene),
        issues=issues(scene),
    )
