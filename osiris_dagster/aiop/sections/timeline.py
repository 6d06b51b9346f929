"""The timeline: one node for each event of the record, in the order of the record."""

from __future__ import annotations

from collections.abc import Iterator

from osiris_dagster.aiop.model.evidence import Event
from osiris_dagster.aiop.sections.scope import Scope, timestamp


def timeline(scope: Scope) -> Iterator[Event]:
    """Yield the events of a scope; what has a message is untrusted."""
    for seq, (evidence_id, event) in enumerate(zip(scope.event_ids, scope.facts.record.events, strict=True), 1):
        yield Event(
            id=evidence_id,
            seq=seq,
            type=event.type,
            ts=timestamp(event.ts_ms),
            level=event.level,
            log_message=event.message,
            untrusted=bool(event.message),
            verifies=scope.names.step_run(event.step_id),
        )
