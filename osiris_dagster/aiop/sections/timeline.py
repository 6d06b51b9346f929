"""The timeline: one node for each event of the record, in the order they are told."""

from __future__ import annotations

from collections.abc import Iterator

from osiris_dagster.aiop.model import Event
from osiris_dagster.aiop.sections.scope import Scene, timestamp


def timeline(scene: Scene) -> Iterator[Event]:
    """Yield the events of a scene; what has a message is untrusted."""
    for seq, (evidence_id, event) in enumerate(zip(scene.event_ids, scene.facts.record.events, strict=True), 1):
        yield Event(
            id=evidence_id,
            seq=seq,
            type=event.type,
            ts=timestamp(event.ts_ms),
            level=event.level,
            log_message=event.message,
            untrusted=bool(event.message),
            verifies=scene.names.step_run(event.step_id),
        )
