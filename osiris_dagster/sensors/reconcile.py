"""The sensor that misses nothing: queues every ended run it does not find, ends runs whose process is gone, frees
what such runs held of a pool, and shows broken OML files as failed checks.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dagster import DefaultSensorStatus, SensorDefinition, SensorEvaluationContext, SkipReason, sensor

from osiris_dagster.exports.broken import show_broken
from osiris_dagster.exports.ended import queue_ended
from osiris_dagster.loading import Broken
from osiris_dagster.project import Project
from osiris_dagster.runs.lost import end_lost_runs
from osiris_dagster.runs.pools import free_ended, limit_pools

INTERVAL = 15  # seconds
FIRST_LOOK = timedelta(days=7)


def reconcile_sensor(project: Project, broken: tuple[Broken, ...], pools: frozenset[str]) -> SensorDefinition:
    """Return the sensor; its cursor is the time up to which ended runs are known to be queued.

    `pools` are those that pipelines name: each has a limit, also on an instance that does not say so.
    """

    @sensor(
        name="osiris_reconcile",
        minimum_interval_seconds=INTERVAL,
        default_status=DefaultSensorStatus.RUNNING,
        description="Queues ended runs that no status sensor saw, and ends runs whose process is gone.",
    )
    def reconcile(context: SensorEvaluationContext) -> SkipReason:
        from osiris_dagster.exports.checkpoints import sweep_checkpoints  # noqa: PLC0415 - loads Arrow; only at a tick

        instance = context.instance
        limit_pools(instance, pools)
        gone = end_lost_runs(instance)
        free_ended(instance)
        since = datetime.fromisoformat(context.cursor) if context.cursor else datetime.now(UTC) - FIRST_LOOK
        queued, seen_to = queue_ended(instance, project, since)
        # To look at storage costs something, and nothing is over before another run has ended.
        swept = sweep_checkpoints(instance, project) if seen_to > since else "no run has ended"
        context.update_cursor(seen_to.isoformat())
        shown = show_broken(instance, broken)
        told = f"{len(queued)} runs queued, {gone} lost runs ended, {len(shown)} broken files shown; {swept}"
        return SkipReason(told)

    return reconcile
