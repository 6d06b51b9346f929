"""The one place that assembles Dagster Definitions: every OML file of the project, its lineage, jobs and sensors.

`workspace.yaml` names this module. When a code location is initialised the files are compiled; a run worker, which
reconstructs the location, loads exactly the manifests that the initialisation saw.
"""

from __future__ import annotations

import json
import warnings
from typing import Any

import dagster as dg
from dagster._core.definitions.definitions_load_context import DefinitionsLoadContext, DefinitionsLoadType

from osiris_dagster.assets.automation import pool_of, update_sensor
from osiris_dagster.assets.broken import broken_asset, compiles_check
from osiris_dagster.assets.executors import Executor, project_executor
from osiris_dagster.assets.factory import Job, PipelineAssets, dataset_assets, pipeline_assets
from osiris_dagster.assets.keys import dataset_key, job_name, step_keys
from osiris_dagster.assets.lineage import Lineage, feeders, lineage_of
from osiris_dagster.assets.translator import DagsterOsirisTranslator
from osiris_dagster.assets.triggers import Starts, starts_of
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.compiler.store import load
from osiris_dagster.drivers.connections import Connections
from osiris_dagster.errors import ConfigError, Diagnostic, Place
from osiris_dagster.loading import Broken, Folder, load_folder
from osiris_dagster.project import MARKER, Project, find_project
from osiris_dagster.redaction import Redactor
from osiris_dagster.resources.driver import OsirisDriver
from osiris_dagster.resources.services import Services
from osiris_dagster.resources.table import driver_resources
from osiris_dagster.sensors.table import sensors
from osiris_dagster.settings import Settings, connections_of
from osiris_dagster.specs.load import load_catalogue

# Code references are beta in Dagster and say so at every use; a person at the console cannot act on it.
warnings.filterwarnings("ignore", category=dg.BetaWarning)

STATE = "osiris/manifests"


@dg.definitions
def defs() -> dg.Definitions:
    """Return the definitions of the project that OSIRIS_HOME or the working directory names."""
    project = find_project()
    context = DefinitionsLoadContext.get()
    if context.load_type == DefinitionsLoadType.RECONSTRUCTION and STATE in context.reconstruction_metadata:
        state = str(context.reconstruction_metadata[STATE])
        return _initialized.get((project, state)) or _reconstructed(project, state)
    folder = load_folder(project, Settings())
    state = _state(folder)
    context.add_to_pending_reconstruction_metadata(STATE, state)
    built = project_definitions(project, tuple(item.manifest for item in folder.loaded), folder.broken)
    _initialized.clear()
    _initialized[(project, state)] = built
    return built


# A code server initialises a location and reconstructs it at once, in the same process: that is the same location.
_initialized: dict[tuple[Project, str], dg.Definitions] = {}


def _reconstructed(project: Project, state: str) -> dg.Definitions:
    manifests, broken = _from_state(project, json.loads(state))
    return project_definitions(project, manifests, broken, every_job=False)


def _state(folder: Folder) -> str:
    """Return what a run worker needs to see the location as it is now."""
    return json.dumps(
        {
            "manifests": [[item.manifest.pipeline, item.manifest.hash] for item in folder.loaded],
            "broken": [[item.file, [d.as_dict() for d in item.diagnostics]] for item in folder.broken],
        }
    )


def _from_state(project: Project, state: dict[str, Any]) -> tuple[tuple[Manifest, ...], tuple[Broken, ...]]:
    manifests = tuple(load(project.build, name, digest) for name, digest in state["manifests"])
    broken = tuple(
        Broken(file, tuple(Diagnostic(d["code"], d["message"], place=Place(file, d.get("line", 1))) for d in found))
        for file, found in state["broken"]
    )
    return manifests, broken


def project_definitions(
    project: Project, manifests: tuple[Manifest, ...], broken: tuple[Broken, ...] = (), *, every_job: bool = True
) -> dg.Definitions:
    """Return definitions for these manifests; what Dagster itself refuses is shown as broken, like the rest.

    Without `every_job`, Dagster makes a job when it is asked for: right where one of them will be.
    """
    catalogue = load_catalogue()
    services = Services(project, _connections(project, manifests), catalogue)
    built: list[PipelineAssets] = []
    refused: list[Broken] = list(broken)
    lineage, translator = lineage_of(manifests), DagsterOsirisTranslator()
    starts = starts_of(manifests, lineage)
    by_name = {manifest.pipeline: manifest for manifest in manifests}
    resources = driver_resources(catalogue)
    jobs: list[Job] = []
    executor, fault = _executor(project)
    for manifest in manifests:
        if fault and manifest.execution.isolation == "step":
            refused.append(Broken(manifest.file, fault.diagnostics))
            continue
        try:
            part = pipeline_assets(
                manifest,
                services,
                translator,
                fed_by=_fed_by(manifest, lineage, by_name),
                started_by=_started_by(starts.get(manifest.pipeline, Starts()), by_name),
                executor=executor.definition,
            )
            jobs.append(_resolved(part, resources) if every_job else part.job)
            built.append(part)
        except dg.DagsterError as error:
            refused.append(Broken(manifest.file, (_refused(manifest, error),)))
    if fault and len(built) == len(manifests):
        refused.append(Broken(MARKER, fault.diagnostics))
    return dg.Definitions(
        assets=[
            *(assets for part in built for assets in part.assets),
            *(part.aiop for part in built),
            *dataset_assets(manifests, lineage, {part.manifest.pipeline: part.origins for part in built}),
            *(broken_asset(item, project) for item in refused),
        ],
        asset_checks=[compiles_check(item, project) for item in refused],
        jobs=jobs,
        schedules=[part.schedule for part in built if part.schedule],
        sensors=[*sensors(project, tuple(refused), _pools(built)), *_update_sensors(built)],
        resources=resources,
        executor=executor.definition if executor.chosen else dg.in_process_executor,
        metadata=_told(lineage, starts),
    )


def _executor(project: Project) -> tuple[Executor, ConfigError | None]:
    """Return the executor of isolated steps, and why there is none."""
    try:
        return project_executor(project), None
    except ConfigError as error:
        return Executor(dg.in_process_executor, chosen=False), error


def _resolved(part: PipelineAssets, resources: dict[str, OsirisDriver]) -> Job:
    """Make the job of a pipeline beside its own assets: beside all others, each job costs a look at all of them."""
    alone = dg.Definitions(assets=part.assets, jobs=[part.job], resources=resources, executor=dg.in_process_executor)
    return alone.resolve_job_def(job_name(part.manifest.pipeline))


def _fed_by(manifest: Manifest, lineage: Lineage, by_name: dict[str, Manifest]) -> dict[str, tuple[dg.AssetKey, ...]]:
    return {
        step.id: tuple(
            step_keys(by_name[write.pipeline])[write.step] for write in feeders(lineage, manifest.pipeline, step.reads)
        )
        for step in manifest.steps
    }


def _started_by(starts: Starts, by_name: dict[str, Manifest]) -> list[dg.AssetKey]:
    writes = (step_keys(by_name[write.pipeline])[write.step] for write in starts.writes)
    return [*(dataset_key(dataset) for dataset in starts.datasets), *writes]


def _update_sensors(built: list[PipelineAssets]) -> list[dg.AutomationConditionSensorDefinition]:
    keys = [key for part in built if part.waits for assets in part.assets for key in assets.keys]
    return [update_sensor(keys)] if keys else []


def _pools(built: list[PipelineAssets]) -> frozenset[str]:
    return frozenset(pool for part in built if (pool := pool_of(part.manifest)))


def _connections(project: Project, manifests: tuple[Manifest, ...]) -> Connections:
    try:
        return connections_of(project, Settings())
    except ConfigError:
        if manifests:
            raise
        # The file is damaged, so every pipeline is broken and says why: that must be seen, not the location's end.
        return Connections({}, {}, {}, Redactor())


def _told(lineage: Lineage, starts: dict[str, Starts]) -> dict[str, str]:
    edges = [f"{w.pipeline}/{w.step} -> {w.dataset.name}" for w in lineage.left_out]
    updates = [f"{w.pipeline}/{w.step} -> {name}" for name, found in sorted(starts.items()) for w in found.left_out]
    told = {"osiris/edges_left_out": edges, "osiris/updates_left_out": updates}
    return {name: "; ".join(found) for name, found in told.items() if found}


def _refused(manifest: Manifest, error: dg.DagsterError) -> Diagnostic:
    return Diagnostic(
        "CMP061",
        f"Dagster refuses the assets of pipeline {manifest.pipeline!r}",
        place=Place(manifest.file),
        found=str(error),
        fix="rename the pipeline or the step that the message names",
    )
