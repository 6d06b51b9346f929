"""Pools of runs on a Dagster instance: one run of a pool at a time, whoever started it.

The slot of a pool is Dagster's own, claimed in the instance's storage by the process that is about to run: by the run
worker of a run from the UI, and by `osiris run`. So the two see each other, and a claim by both is settled there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from dagster import DagsterInstance, RunsFilter

_UNKNOWN_AFTER = timedelta(minutes=2)  # a claim comes before its run is recorded; then nothing is left of it


def limit_pools(instance: DagsterInstance, pools: Iterable[str]) -> int:
    """Give pools without a limit the limit of one run; return how many. A limit that somebody set stays."""
    storage = instance.event_log_storage
    known = {limit.name for limit in storage.get_pool_limits()}
    fresh = sorted(set(pools) - known)
    for pool in fresh:
        storage.set_concurrency_slots(pool, 1)
    return len(fresh)


def free_ended(instance: DagsterInstance, *, now: datetime | None = None) -> int:
    """Free the slots of runs that ended without doing it (their process was killed); return of how many runs."""
    storage = instance.event_log_storage
    holders = storage.get_concurrency_run_ids()
    if not holders:
        return 0
    records = {run.run_id: run for run in instance.get_runs(RunsFilter(run_ids=sorted(holders)))}
    stale = [run for run in holders if run in records and records[run].is_finished]
    unknown = holders - records.keys()
    stale += sorted(unknown & _claimed_before(instance, (now or datetime.now(UTC)) - _UNKNOWN_AFTER))
    for run_id in stale:
        storage.free_concurrency_slots_for_run(run_id)
    return len(stale)


def _claimed_before(instance: DagsterInstance, moment: datetime) -> set[str]:
    storage = instance.event_log_storage
    infos = storage.get_concurrency_infos(sorted(storage.get_concurrency_keys()))
    return {
        step.run_id for info in infos.values() for step in info.pending_steps if _utc(step.enqueued_timestamp) < moment
    }


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def holders_of(instance: DagsterInstance, pool: str) -> tuple[str, ...]:
    """Return the runs that hold a slot of a pool."""
    return tuple(sorted({slot.run_id for slot in instance.event_log_storage.get_concurrency_info(pool).claimed_slots}))


def claim(instance: DagsterInstance, pool: str, run_id: str, op: str) -> bool:
    """Claim a slot for the op of a run that is about to start here; False when none is free, then nothing is left."""
    storage = instance.event_log_storage
    if storage.claim_concurrency_slot(pool, run_id, op).is_claimed:
        return True
    storage.free_concurrency_slots_for_run(run_id)
    return False


@contextmanager
def releasing(instance: DagsterInstance, run_id: str) -> Iterator[None]:
    """Free what a run still holds when the block is left, however that happens."""
    try:
        yield
    finally:
        instance.event_log_storage.free_concurrency_slots_for_run(run_id)
