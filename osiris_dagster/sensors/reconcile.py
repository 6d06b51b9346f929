"""The sensor that misses nothing: queues every ended run it does not find, ends runs whose process is gone, frees
what such runs held of a pool, and shows broken OML files as failed checks.

Status sensors skip runs made in process, know nothing that is older than their first tick, and lose what they raise on.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import psutil
from dagster import (
    AssetCheckKey,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    DefaultSensorStatus,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    sensor,
)

from osiris_dagster.assets.broken import CHECK, digest, failed_check
from osiris_dagster.assets.keys import broken_key
from osiris_dagster.exports.queue import export_queue
from osiris_dagster.loading import Broken
from osiris_dagster.project import Project
from osiris_dagster.runs.pools import free_ended, limit_pools
from osiris_dagster.runs.read import ENDED
from osiris_dagster.runs.tags import HOST, PID, PROCESS_OF, STARTED

INTERVAL = 15  # seconds
FIRST_LOOK = timedelta(days=7)
OVERLAP = timedelta(minutes=5)  # an event may be stored later than a younger one
BATCH = 200  # new runs a tick


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
        return SkipReason(f"{queued} runs queued, {gone} lost runs ended, {shown} broken files shown; {swept}")

    return reconcile


def queue_ended(instance: DagsterInstance, project: Project, since: datetime) -> tuple[int, datetime]:
    """Queue ended runs updated after `since` (with an overlap); return how many, and the time seen up to."""
    filters = RunsFilter(statuses=list(ENDED), updated_after=since - OVERLAP)
    queue = export_queue(project)
    queued, seen_to = 0, since
    # Not limited by the query: those that are known would fill a page again and again, and the rest be passed over.
    for record in instance.get_run_records(filters, order_by="update_timestamp", ascending=True):
        if queued == BATCH:
            break
        queued += queue.add(record.dagster_run.run_id)
        seen_to = max(seen_to, _utc(record.update_timestamp))
    return queued, seen_to


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def end_lost_runs(instance: DagsterInstance) -> int:
    """Report runs on this host whose process is gone as failed; return how many.

    Dagster does so while the code server that started the process is there; after a kill of all, nobody does.
    """
    filters = RunsFilter(
        statuses=[DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING],
        tags={HOST: socket.gethostname()},
    )
    told = (run for run in instance.get_runs(filters) if run.tags.get(PROCESS_OF) == run.run_id)
    lost = [run for run in told if not _alive(run)]
    for run in lost:
        instance.report_run_failed(run, "The process of this run is gone; it did not end by itself.")
    return len(lost)


def _alive(run: DagsterRun) -> bool:
    try:
        process = psutil.Process(int(run.tags.get(PID, "0")))
        if process.status() == psutil.STATUS_ZOMBIE:  # ended, and nobody asked for it, as in a container without init
            return False
        return abs(process.create_time() - float(run.tags.get(STARTED, "0"))) < 2
    except (psutil.Error, ValueError):
        return False


def show_broken(instance: DagsterInstance, broken: Iterable[Broken]) -> int:
    """Report a failed check for each broken file whose findings are new; return how many were reported."""
    fresh = [item for item in broken if _last_digest(instance, item) != digest(item)]
    for item in fresh:
        instance.report_runless_asset_event(failed_check(item))
    return len(fresh)


def _last_digest(instance: DagsterInstance, broken: Broken) -> str:
    record = instance.get_latest_asset_check_evaluation_record(AssetCheckKey(broken_key(broken.file), CHECK))
    evaluation = record.evaluation if record else None
    entry = evaluation.metadata.get("digest") if evaluation else None
    return str(entry.value) if entry else ""
