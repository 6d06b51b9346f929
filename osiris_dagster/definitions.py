"""The one place that assembles Dagster Definitions: every OML file of the project, its lineage, jobs and sensors.

`workspace.yaml` names this module. When a code location is initialised the files are compiled; a run worker, which
reconstructs the location, loads exactly the manifests that the initialisation saw.
"""

from __future__ import annotations

import atexit
import gc
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import dagster as dg

from osiris_dagster.assets.automation import pool_of, update_sensor
from osiris_dagster.assets.broken import broken_asset, compiles_check
from osiris_dagster.assets.executors import Executor, project_executor
from osiris_dagster.assets.factory import Around, Job, PipelineAssets, dataset_assets, pipeline_assets
from osiris_dagster.assets.keys import dataset_key, job_name, step_keys
from osiris_dagster.assets.lineage import Lineage, feeders, lineage_of
from osiris_dagster.assets.partitions import partitions_of_assets
from osiris_dagster.assets.pipeline import Execute, run_as_it_is
from osiris_dagster.assets.translator import DagsterOsirisTranslator
from osiris_dagster.assets.triggers import Starts, starts_of
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.connections.project import connections_of
from osiris_dagster.connections.resolution import Connections
from osiris_dagster.errors import ConfigError, Diagnostic, Place
from osiris_dagster.loading import Broken
from osiris_dagster.location import STATE, Location, location_of, pinned
from osiris_dagster.project import MARKER, Project, find_project
from osiris_dagster.resources.driver import OsirisDriver
from osiris_dagster.resources.services import Services
from osiris_dagster.resources.table import driver_resources
from osiris_dagster.sensors.table import sensors
from osiris_dagster.settings import Settings
from osiris_dagster.specs.load import load_catalogue

# Code references are beta in Dagster and say so at every use; a person at the console cannot act on it.
warnings.filterwarnings("ignore", category=dg.BetaWarning)


@dataclass(frozen=True, slots=True)
class Choices:
    """What an embedding project may have otherwise; by default, all as in a location of its own."""

    translator: DagsterOsirisTranslator = field(default_factory=DagsterOsirisTranslator)
    execute: Execute = run_as_it_is
    resources: Mapping[str, OsirisDriver] = field(default_factory=dict)  # in place of ours
    provided: frozenset[dg.AssetKey] = frozenset()  # tables and files that an asset of the project stands for
    executor: dg.ExecutorDefinition | None = None


OWN = Choices(executor=dg.in_process_executor)


@dg.definitions
def defs() -> dg.Definitions:
    """Return the definitions of the project that OSIRIS_HOME or the working directory names."""
    project = find_project()
    pins = pinned(STATE)
    if pins is not None and (project, pins) in _initialized:
        return _initialized[(project, pins)]
    with _for_good():
        location = location_of(project)
        built = project_definitions(location, OWN, every_job=pins is None)
    _initialized.clear()
    _initialized[(project, location.pins)] = built
    return built


@contextmanager
def _for_good() -> Iterator[None]:
    """Look for no garbage in what is built: it stays as long as the process, and the looks take a third of a load."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
    gc.freeze()
    atexit.register(gc.unfreeze)  # at the end DuckDB's module expects to be taken apart, and complains otherwise


# A code server initialises a location and reconstructs it at once, in the same process: that is the same location.
_initialized: dict[tuple[Project, str], dg.Definitions] = {}


def project_definitions(location: Location, choices: Choices, *, every_job: bool = True) -> dg.Definitions:
    """Return definitions of a location; what Dagster itself refuses is shown as broken, like the rest.

    Without `every_job`, Dagster makes a job when it is asked for: right where one of them will be.
    """
    project, manifests = location.project, location.manifests
    catalogue = load_catalogue()
    services = Services(project, _connections(project, manifests), catalogue)
    built: list[PipelineAssets] = []
    refused: list[Broken] = list(location.broken)
    lineage = lineage_of(manifests)
    starts = starts_of(manifests, lineage)
    by_name = {manifest.pipeline: manifest for manifest in manifests}
    partitions = partitions_of_assets(manifests)
    families = (step.family for manifest in manifests for step in manifest.steps)
    resources = driver_resources(catalogue, choices.resources, families)
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
                choices.translator,
                around=Around(
                    _fed_by(manifest, lineage, by_name),
                    tuple(_started_by(starts.get(manifest.pipeline, Starts()), by_name)),
                    partitions,
                ),
                executor=executor.definition,
                execute=choices.execute,
            )
            jobs.append(_resolved(part, resources) if every_job else part.job)
            built.append(part)
        except dg.DagsterError as error:
            refused.append(Broken(manifest.file, (_refused(manifest, error),)))
    if fault and len(built) == len(manifests):
        refused.append(Broken(MARKER, fault.diagnostics))
    datasets = dataset_assets(manifests, lineage, {part.manifest.pipeline: part.origins for part in built})
    return dg.Definitions(
        assets=[
            *(assets for part in built for assets in part.assets),
            *(part.aiop for part in built),
            *(spec for spec in datasets if spec.key not in choices.provided),
            *(broken_asset(item, project) for item in refused),
        ],
        asset_checks=[compiles_check(item, project) for item in refused],
        jobs=jobs,
        schedules=[part.schedule for part in built if part.schedule],
        sensors=[*sensors(project, tuple(refused), _pools(built)), *_update_sensors(built)],
        resources=resources,
        executor=executor.definition if executor.chosen and choices.executor else choices.executor,
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
        return Connections({}, {}, {})


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
