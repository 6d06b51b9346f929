"""One ended run in, its packages out: the one export that the sensor and `osiris run` call. Idempotent.

Building and proving happen in a child process, so that a large package cannot hold up or bring down the caller.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagster import AssetMaterialization, DagsterInstance, MetadataValue

from osiris_dagster.aiop.child import Job, export_in_child
from osiris_dagster.aiop.facts import Facts
from osiris_dagster.assets.keys import aiop_key
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.compiler.store import load, source_text
from osiris_dagster.drivers.connections import Connections
from osiris_dagster.errors import ConfigError
from osiris_dagster.project import Project
from osiris_dagster.runs.read import read_run
from osiris_dagster.runs.record import RunRecord
from osiris_dagster.sensors.queue import export_queue
from osiris_dagster.settings import Settings, connections_of
from osiris_dagster.specs.load import load_catalogue

TIMEOUT = 60.0  # seconds for one package
CORE, RUN_CARD = "core.jsonld", "run-card.md"


@dataclass(frozen=True, slots=True)
class Exported:
    """One package on disk; `folder` is project-relative, `reasons` say why a package is not valid."""

    pipeline: str
    folder: str
    valid: bool
    reasons: tuple[str, ...]
    core_bytes: int
    triples: int

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "pipeline": self.pipeline,
            "folder": self.folder,
            "valid": self.valid,
            "reasons": list(self.reasons),
            "core_bytes": self.core_bytes,
            "triples": self.triples,
        }


def export_run(instance: DagsterInstance, project: Project, run_id: str) -> tuple[Exported, ...]:
    """Write a package for each Osiris pipeline of an ended run, and show it on the pipeline's AIOP asset.

    The same run gives the same bytes, so a second call changes nothing. Raises AiopError when a package cannot be
    built in time, CompileError when a manifest is gone, ConfigError for a damaged connections file.
    """
    queue = export_queue(project)
    shown = set(queue.packages(run_id))
    connections = connections_of(project, Settings())
    exported = []
    for record in read_run(instance, project, run_id):
        package = _export(project, record, connections)
        exported.append(package)
        if package.folder not in shown:
            instance.report_runless_asset_event(_event(project, record, package))
    queue.done(run_id, [package.folder for package in exported])
    return tuple(exported)


def _export(project: Project, record: RunRecord, connections: Connections) -> Exported:
    manifest = load(project.build, record.pipeline, record.manifest_hash)
    _learn_secrets(manifest, connections)
    catalogue = load_catalogue()
    facts = Facts(
        record=record,
        manifest=manifest,
        oml=source_text(project.build, record.pipeline, record.manifest_hash),
        specs={step.component: catalogue[step.component] for step in manifest.steps},
        connections=connections.facts,
    )
    result = export_in_child(Job(facts, project.aiop, connections.redactor), TIMEOUT)
    folder = project.relative(project.aiop / Path(result.folder))
    return Exported(record.pipeline, folder, result.valid, result.reasons, result.core_bytes, result.triples)


def _learn_secrets(manifest: Manifest, connections: Connections) -> None:
    """Resolve the connections of the pipeline, so that the redactor knows their secrets before anything is shown."""
    for reference in {step.connection for step in manifest.steps if step.connection}:
        with suppress(ConfigError):  # a secret that cannot be resolved here cannot be in the record either
            connections.resolve(reference)


def _event(project: Project, record: RunRecord, package: Exported) -> AssetMaterialization:
    folder = project.root / package.folder
    metadata: dict[str, Any] = {
        "run": MetadataValue.dagster_run(record.run_id),
        "run status": record.status,
        "what happened": _headline(record),
        "run card": MetadataValue.md((folder / RUN_CARD).read_text(encoding="utf-8")),
        "package": MetadataValue.path(f"{package.folder}/{CORE}"),
        "valid": package.valid,
        "triples": package.triples,
    }
    if package.reasons:
        metadata["why not valid"] = "; ".join(package.reasons)
    return AssetMaterialization(
        aiop_key(record.pipeline), description=f"{record.pipeline} {record.status}", metadata=metadata
    )


def _headline(record: RunRecord) -> str:
    """Return how the run ended in one line, for whoever sees only the asset page."""
    failed = next((step for step in record.steps if step.status == "failed"), None)
    error = failed.error if failed else record.error
    if error:
        where = f"at {failed.step_id}: " if failed else ""
        fix = f" Way out: {error.fix}." if error.fix else ""
        return f"{where}{error.message.splitlines()[0]}.{fix}"
    written = sum(step.rows_out or 0 for step in record.steps if step.writes)
    return f"{len(record.steps)} steps, {written:,} rows written"
