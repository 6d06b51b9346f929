"""The sensor that works the export queue off."""

from __future__ import annotations

from datetime import UTC, datetime

from dagster import DefaultSensorStatus, SensorDefinition, SensorEvaluationContext, SkipReason, sensor

from osiris_dagster.exports.ended import queue_ended
from osiris_dagster.exports.work_off import work_off
from osiris_dagster.project import Project

INTERVAL = 5  # seconds


def export_sensor(project: Project) -> SensorDefinition:
    """Return the sensor."""

    @sensor(
        name="osiris_export",
        minimum_interval_seconds=INTERVAL,
        default_status=DefaultSensorStatus.RUNNING,
        description="Builds, proves and writes the AI Operation Packages of queued runs.",
    )
    def export(context: SensorEvaluationContext) -> SkipReason:
        # Another sensor may queue a run just after this tick: a look of our own saves waiting for the next one.
        queue_ended(context.instance, project, datetime.now(UTC))
        exported, failed = work_off(context.instance, project)
        for line in failed:
            context.log.warning(line)
        return SkipReason(f"{exported} runs exported, {len(failed)} attempts failed")

    return export
