"""Checkpoints whose time is over: of runs that came to a good end, and of those that nobody went on with."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from dagster import DagsterInstance, DagsterRunStatus

from osiris_dagster.errors import OsirisError
from osiris_dagster.project import Project
from osiris_dagster.runs.ancestry import runs_of
from osiris_dagster.runs.read import ENDED
from osiris_dagster.steps.leftovers import Leftover, leftover_of, leftovers
from osiris_dagster.steps.place import checkpoint_place

KEPT_FOR = timedelta(days=7)


def sweep_checkpoints(instance: DagsterInstance, project: Project, *, now: datetime | None = None) -> str:
    """Remove what is over; return in words what happened. A place that cannot be reached is left alone and told."""
    moment = now or datetime.now(UTC)
    try:
        over = [item for item in leftovers(checkpoint_place(project)) if is_over(instance, item, moment)]
    except (OsirisError, OSError) as error:
        return f"the place of checkpoints cannot be looked at: {error}"
    for item in over:
        item.remove()
    return f"{len(over)} checkpoints removed"


def drop_checkpoints(instance: DagsterInstance, project: Project, pipeline: str, root_run_id: str) -> None:
    """Remove what a chain of runs has kept of a pipeline, if its last run has ended in a way that ends it.

    A place that cannot be reached changes nothing about the run; the sensor looks there again.
    """
    with suppress(OsirisError, OSError):
        kept = leftover_of(checkpoint_place(project), pipeline, root_run_id)
        if kept.at_ms and is_over(instance, kept, datetime.now(UTC)):
            kept.remove()


def is_over(instance: DagsterInstance, kept: Leftover, now: datetime) -> bool:
    """Tell whether nobody will need it.

    `auto` keeps it until a run of the chain ends well, else for some days; `never` until the runs have ended; runs
    that this instance does not know belong to somebody else, until they are old.
    """
    runs = runs_of(instance, kept.root_run_id)
    if kept.policy == "always" or any(run.status not in ENDED for run in runs):
        return False
    old = now - datetime.fromtimestamp(kept.at_ms / 1000, UTC) > KEPT_FOR
    if not runs:
        return old
    return old or kept.policy == "never" or runs[0].status == DagsterRunStatus.SUCCESS
