"""What OML says about starting by itself, in Dagster's terms: schedules, automation conditions, freshness, pools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import partial, reduce
from operator import or_

from dagster import (
    AssetKey,
    AssetSelection,
    AutomationCondition,
    AutomationConditionSensorDefinition,
    DefaultScheduleStatus,
    DefaultSensorStatus,
    FreshnessPolicy,
    ScheduleDefinition,
)

from osiris_dagster.assets.keys import job_name, op_name
from osiris_dagster.assets.partitions import last_partition
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.compiler.names import key_part
from osiris_dagster.oml.times import duration_seconds

UPDATES = "osiris_on_update"
INTERVAL = 15  # seconds between two looks for updates


def schedule_of(manifest: Manifest) -> ScheduleDefinition | None:
    """Return the schedule of a pipeline with a cron string, running from the start; DagsterError for a refused one."""
    wanted = manifest.schedule
    if wanted is None or not wanted.cron:
        return None
    partitions = manifest.partitions
    return ScheduleDefinition(
        name=f"{op_name(manifest.pipeline)}_schedule",
        job_name=job_name(manifest.pipeline),
        cron_schedule=wanted.cron,
        execution_fn=partial(last_partition, partitions) if partitions else None,
        execution_timezone=wanted.timezone,
        default_status=DefaultScheduleStatus.RUNNING,
        description=f"`schedule` of {manifest.file}.",
    )


def on_update(first: AssetKey, updated: Mapping[AssetKey, bool]) -> AutomationCondition[AssetKey] | None:
    """Return the condition of every step of a pipeline that runs when one of the assets was `updated`.

    It asks about the pipeline's first step, whichever step it is evaluated for: so all start together, in one run.
    Only the request of a run makes an update old, not the end of one: an update during a run is followed by another.
    Of a partitioned pipeline the partitions are run that were updated; where an asset has none that correspond, which
    the value says, it is the last one that is complete.
    """
    # A `since` for each asset: where an update and the request of a run fall between two looks, it compares their
    # times, and Dagster knows none of `a | b`.
    pending = [_pending(key, latest=latest) for key, latest in updated.items()]
    if not pending:
        return None
    start = reduce(or_, pending[1:], pending[0]) & ~AutomationCondition.in_progress()
    return AutomationCondition.asset_matches(first, start.with_label("updated since the last start"))


def _pending(key: AssetKey, *, latest: bool) -> AutomationCondition[AssetKey]:
    updated = AutomationCondition.asset_matches(key, AutomationCondition.newly_updated())
    pending = updated.since(AutomationCondition.newly_requested())
    return pending & AutomationCondition.in_latest_time_window() if latest else pending


def update_sensor(keys: Iterable[AssetKey]) -> AutomationConditionSensorDefinition:
    """Return the one sensor, running from the start, that evaluates the conditions of these assets."""
    return AutomationConditionSensorDefinition(
        UPDATES,
        target=AssetSelection.assets(*keys),
        default_status=DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=INTERVAL,
        description="Starts pipelines with `schedule: {on: update}` when others have written what they read.",
    )


def freshness_of(manifest: Manifest) -> FreshnessPolicy | None:
    """Return the policy for the pipeline's last assets: failed when they are older than `max_lag`."""
    if manifest.freshness is None:
        return None
    return FreshnessPolicy.time_window(fail_window=timedelta(seconds=duration_seconds(manifest.freshness.max_lag)))


def pool_of(manifest: Manifest) -> str | None:
    """Return the name of the pool of which one run goes at a time; also part of a run's tag."""
    return key_part(manifest.concurrency) if manifest.concurrency else None
