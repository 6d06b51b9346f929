"""One ended run in, its packages out: the one export that the sensor and `osiris run` call. Idempotent.

Building and proving happen in a child process, so that a large package cannot hold up or bring down the caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dagster import AssetMaterialization, DagsterInstance, MetadataValue

from osiris_dagster.aiop.child import export_in_child
from osiris_dagster.aiop.export import ExportResult
from osiris_dagster.aiop.facts import Facts
from osiris_dagster.assets.keys import aiop_key
from osiris_dagster.compiler.store import load, source_text
from osiris_dagster.drivers.connections import Connections
from osiris_dagster.errors import ConfigError
from osiris_dagster.project import Project
from osiris_dagster.runs.read import read_run
from osiris_dagster.runs.record import RunRecord
from osiris_dagster.sensors.queue import export_queue
from osiris_dagster.settings import Settings, connections_of
from osiris_dagster.specs.load import load_catalogue
