"""The sensor that works the export queue off: a few runs a tick, within a time budget."""

from __future__ import annotations

import time

from dagster import DagsterInstance, DefaultSensorStatus, SensorDefinition, SensorEvaluationContext, SkipReason, sensor

from osiris_dagster.aiop.configure import load_options
from osiris_dagster.errors import OsirisError
from osiris_dagster.project import Project
from osiris_dagster.sensors.export import export_run
from osiris_dagster.sensors.queue import export_queue

INTERVAL = 5  # seconds
BUDGET = 30.0  # seconds of work a tick; Dagster ends a tick after 60


def export_sensor(project: Project) -> SensorDefinition:
    """Return the sensor."""

    @sensor(
        name="osiris_export",
        minimum_interval_seconds=INTERVAL,
        default_status=DefaultSensorStatus.RUNNING,
        description="Builds, proves and writes the AI Operation Packages of queued runs.",
    )
    def export(context: SensorEvaluationContext) -> SkipReason:
        exported, failed = work_off(context.instance, project)
        for line in failed:
            context.log.warning(line)
        return SkipReason(f"{exported} runs exported, {len(failed)} attempts failed")

    return export


def work_off(instance: DagsterInstance, project: Project, budget: float = BUDGET) -> tuple[int, list[str]]:
    """Export queued runs for at most `budget` seconds; return how many, and what failed. Idempotent."""
    queue = export_queue(project)
    if not load_options(project).enabled:
        return 0, []  # they wait, for the day on which packages are wanted
    deadline = time.monotonic() + budget
    exported, failed = 0, []
    for item in queue.pending():
        if time.monotonic() >= deadline:
            break
        try:
            export_run(instance, project, item.run_id)
            exported += 1
        except OsirisError as error:
            dead = queue.failed(item, str(error))
            failed.append(f"run {item.run_id}: {error}" + ("; given up, see the dead folder" if dead else ""))
    return exported, failed
