"""An OML file in, its schema lock out: what every extractor of the file would hand over, read from the sources now."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from osiris_dagster.arrow import columns_of
from osiris_dagster.compiler.lock import LockedSchema, SchemaLock, lock_path, write_lock
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.connections.resolution import Connections
from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.faults import without_secrets
from osiris_dagster.drivers.registry import open_driver
from osiris_dagster.loading import compile_file
from osiris_dagster.oml.partition import first_partition
from osiris_dagster.oml.placeholders import filled
from osiris_dagster.specs.load import load_catalogue
from osiris_dagster.verbs.asked import Asked


def lock_sources(asked: Asked, path: Path, connections: Connections) -> SchemaLock:
    """Ask each extractor of a file for its schema, and write `<name>.schema.json`; driver errors pass through."""
    # Without the old lock: a schema that changed must not stand in the way of the new one.
    compiled, _ = compile_file(asked.project, path, asked.settings, connections, lock=SchemaLock())
    manifest = compiled.manifest
    extractors = [step for step in manifest.steps if step.role == "extractor"]
    lock = SchemaLock({step.id: _schema(asked, manifest, step.id, connections) for step in extractors})
    write_lock(lock_path(path), lock)
    return lock


def _schema(asked: Asked, manifest: Manifest, step_id: str, connections: Connections) -> LockedSchema:
    step = manifest.step(step_id)
    call = StepCall(
        pipeline=manifest.pipeline,
        step_id=step.id,
        component=step.component,
        config=filled(step.config, first_partition(manifest.partitions)),
        connection=connections.resolve(step.connection) if step.connection else {},
        setup=connections.find(step.connection).setup if step.connection else "",
        project=asked.project,
    )
    with without_secrets(connections.redactor), closing(open_driver(load_catalogue()[step.component], call)) as driver:
        return LockedSchema(step.fingerprint, columns_of(driver.schema()))
