"""Earlier runs of a pipeline, each in a few numbers: written into Dagster's log with each package, read back here.

Reading costs one query however many runs there were; a run's own record has everything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dagster import AssetKey, DagsterInstance, JsonMetadataValue

from osiris_dagster.codec import from_stamped
from osiris_dagster.runs.past import PastRun
from osiris_dagster.runs.record import RunRecord

ENTRY = "osiris/run"
VERSION = 1
KEPT = 50  # runs that a package may look back on
_PAGE = 100
_MOST_PAGES = 20


def read_history(instance: DagsterInstance, key: AssetKey, record: RunRecord) -> tuple[PastRun, ...]:
    """Return the last runs that ended before this one began, oldest first; `key` is that of the pipeline's packages."""
    found: dict[str, PastRun] = {}
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = instance.fetch_materializations(key, limit=_PAGE, cursor=cursor)
        for item in page.records:
            past = _past(item.asset_materialization.metadata if item.asset_materialization else {})
            if past and past.end_ms <= record.start_ms and past.run_id != record.run_id:
                found.setdefault(past.run_id, past)
        if len(found) >= KEPT or not page.has_more:
            break
        cursor = page.cursor
    return _newest(found.values())


def _newest(found: Iterable[PastRun]) -> tuple[PastRun, ...]:
    return tuple(sorted(found, key=lambda past: (past.end_ms, past.run_id))[-KEPT:])


def _past(metadata: Mapping[str, Any]) -> PastRun | None:
    """Return what an event says; None for one of another version, or without an entry."""
    value = metadata.get(ENTRY)
    data = value.value if isinstance(value, JsonMetadataValue) else None
    return from_stamped(PastRun, data, VERSION)
