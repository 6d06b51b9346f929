"""The state of what a run read, by Dagster's log: who wrote it last before it began, and what failed since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dagster import AssetKey, AssetRecordsFilter, DagsterInstance, EventLogRecord

from osiris_dagster.compiler.names import key_part
from osiris_dagster.runs.surroundings import Upstream

Writer = tuple[str, str]
"""Pipeline and step."""
WRITTEN_BY = "osiris/written_by"


def read_upstream(
    instance: DagsterInstance,
    reads: Iterable[tuple[str, ...]],
    writers: Mapping[tuple[str, ...], tuple[Writer, ...]],
    before_ms: int,
) -> tuple[Upstream, ...]:
    """Return the state of each dataset as it was at `before_ms`; `writers` are those that the project knows."""
    return tuple(_state(instance, key, writers.get(key, ()), before_ms / 1000) for key in sorted(dict.fromkeys(reads)))


def _state(instance: DagsterInstance, dataset: tuple[str, ...], writers: tuple[Writer, ...], before: float) -> Upstream:
    wanted = AssetRecordsFilter(AssetKey([key_part(part) for part in dataset]), before_timestamp=before)
    last = next(iter(instance.fetch_materializations(wanted, limit=1).records), None)
    pipeline, step = _writer(last) if last else ("", "")
    failed, failed_by = None, ("", "")
    for writer in writers:
        attempt = AssetRecordsFilter(AssetKey([key_part(part) for part in writer]), before_timestamp=before)
        seen = next(iter(instance.fetch_observations(attempt, limit=1).records), None)
        if seen and (last is None or seen.timestamp > last.timestamp) and (failed is None or seen.timestamp > failed):
            failed, failed_by = seen.timestamp, writer
    return Upstream(
        dataset=dataset,
        state="failed" if failed else "written" if last else "unknown",
        pipeline=failed_by[0] or pipeline,
        step=failed_by[1] or step,
        run_id=last.run_id if last else "",
        written_ms=round(last.timestamp * 1000) if last else None,
        failed_ms=round(failed * 1000) if failed else None,
    )


def _writer(record: EventLogRecord) -> Writer:
    event = record.asset_materialization
    told = event.metadata.get(WRITTEN_BY) if event else None
    pipeline, _, step = str(told.value if told else "").rpartition("/")
    return pipeline, step
