"""Ended runs that nobody queued, found in Dagster's storage and queued.

Status sensors skip runs made in process, know nothing that is older than their first tick, and lose what they raise on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dagster import DagsterInstance, RunsFilter

from osiris_dagster.exports.queue import export_queue
from osiris_dagster.project import Project
from osiris_dagster.runs.read import ENDED
from osiris_dagster.runs.record import RunStatus

OVERLAP = timedelta(minutes=5)  # an event may be stored later than a younger one
BATCH = 200  # new runs a look


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A run that is over and that was not known yet."""

    run_id: str
    status: RunStatus


def queue_ended(instance: DagsterInstance, project: Project, since: datetime) -> tuple[tuple[EndedRun, ...], datetime]:
    """Queue ended runs updated after `since` (with an overlap); return them, oldest first, and the time seen up to."""
    filters = RunsFilter(statuses=list(ENDED), updated_after=since - OVERLAP)
    queue = export_queue(project)
    queued: list[EndedRun] = []
    seen_to = since
    # Not limited by the query: those that are known would fill a page again and again, and the rest be passed over.
    for record in instance.get_run_records(filters, order_by="update_timestamp", ascending=True):
        if len(queued) == BATCH:
            break
        run, seen = record.dagster_run, _utc(record.update_timestamp)
        if queue.add(run.run_id):
            queued.append(EndedRun(run.run_id, ENDED[run.status]))
        seen_to = max(seen_to, seen)
    return tuple(queued), seen_to


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
