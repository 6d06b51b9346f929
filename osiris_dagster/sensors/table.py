"""All sensors of a code location."""

from __future__ import annotations

from dagster import SensorDefinition

from osiris_dagster.loading import Broken
from osiris_dagster.project import Project
from osiris_dagster.sensors.exporter import export_sensor
from osiris_dagster.sensors.reconcile import reconcile_sensor
from osiris_dagster.sensors.status import status_sensors


def sensors(project: Project, broken: tuple[Broken, ...], pools: frozenset[str]) -> list[SensorDefinition]:
    """Return the status sensors, the reconciling sensor and the export sensor."""
    return [*status_sensors(project), reconcile_sensor(project, broken, pools), export_sensor(project)]
