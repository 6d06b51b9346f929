"""The timeline: one node for each event of the record, in the order they are told."""

from __future__ import annotations

from osiris_dagster.aiop.model import Event
from osiris_dagster.aiop.scene import Scene, timestamp


def timeline(scene: Scene) -> tuple[Event, ...]:
    """Return the events of a settled record; events of one step, kind and millisecond are numbered."""
    events = scene.facts.record.events
    ids = scene.names.evidence("event", [(event.step_id, event.type, event.ts_ms) for event in events])
    return tuple(
        Event(
            id=evidence_id,
            seq=seq,
            type=event.type,
            ts=timestamp(event.ts_ms),
            level=event.level,
            log_message=event.message,
            untrusted=bool(event.message),
            verifies=scene.names.step_run(event.step_id),
        )
        for seq, (evidence_id, event) in enumerate(zip(ids, events, strict=True), 1)
    )
