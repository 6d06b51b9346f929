"""Three sensors, one for each way a run can end: they put the run into the export queue and return.

They never raise and return nothing: Dagster moves their cursor even past an exception, and would lose the run.
"""

from __future__ import annotations

from dagster import (
    DagsterRunStatus,
    DefaultSensorStatus,
    RunStatusSensorContext,
    RunStatusSensorDefinition,
    run_status_sensor,
)

from osiris_dagster.exports.queue import export_queue
from osiris_dagster.project import Project

INTERVAL = 5  # seconds; Dagster's daemon does not look more often
_STATUSES = {
    "success": DagsterRunStatus.SUCCESS,
    "failure": DagsterRunStatus.FAILURE,
    "canceled": DagsterRunStatus.CANCELED,
}


def status_sensors(project: Project) -> list[RunStatusSensorDefinition]:
    """Return the sensors for success, failure and cancellation."""
    return [_status_sensor(project, name, status) for name, status in _STATUSES.items()]


def _status_sensor(project: Project, name: str, status: DagsterRunStatus) -> RunStatusSensorDefinition:
    @run_status_sensor(
        name=f"osiris_on_{name}",
        run_status=status,
        minimum_interval_seconds=INTERVAL,
        default_status=DefaultSensorStatus.RUNNING,
        description="Queues the run for its AI Operation Package.",
    )
    def enqueue(context: RunStatusSensorContext) -> None:
        try:
            export_queue(project).add(context.dagster_run.run_id)
        except OSError as error:
            # The reconciling sensor finds the run again; raising here would not bring it back.
            context.log.warning("run %s was not queued: %s", context.dagster_run.run_id, error.strerror)

    return enqueue
