"""Osiris in a Dagster project that has assets of its own: all pipelines at once, or one as a decorated function."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import dagster as dg

from osiris_dagster.assets.automation import pool_of
from osiris_dagster.assets.body import Body
from osiris_dagster.assets.factory import pipeline_op
from osiris_dagster.assets.pipeline import Execute, OsirisPipeline, run_as_it_is
from osiris_dagster.assets.translator import DagsterOsirisTranslator
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.compiler.store import load, store
from osiris_dagster.connections.project import connections_of
from osiris_dagster.definitions import Choices, project_definitions
from osiris_dagster.drivers.registry import installed
from osiris_dagster.errors import ConfigError, OsirisError
from osiris_dagster.loading import compile_file
from osiris_dagster.location import location_of, pin, pinned
from osiris_dagster.oml.render import render
from osiris_dagster.project import Project, find_project
from osiris_dagster.resources.driver import OsirisDriver
from osiris_dagster.resources.services import Services
from osiris_dagster.resources.table import driver_resources, resource_key
from osiris_dagster.sensors.table import sensors
from osiris_dagster.settings import Settings
from osiris_dagster.specs.load import load_catalogue


def osiris_definitions(
    project: str | Path = "",
    *,
    translator: DagsterOsirisTranslator | None = None,
    execute: Execute = run_as_it_is,
    resources: Mapping[str, OsirisDriver] | None = None,
    provided: Iterable[dg.AssetKey] = (),
) -> dg.Definitions:
    """Return everything that the location of an Osiris project holds, to be merged with definitions of your own.

    Args:
        project: Folder of the Osiris project; by default found as the command line finds it.
        translator: Says how a step becomes an asset.
        execute: Called in the op of each pipeline, with the context and the pipeline; yields from `pipeline.run`.
        resources: Driver resources in place of ours, by key (`osiris_<family>`).
        provided: Keys of tables and files that are assets of your own; no external asset is made for them.

    """
    choices = Choices(
        translator or DagsterOsirisTranslator(), execute, dict(resources or {}), frozenset(provided), executor=None
    )
    return project_definitions(location_of(find_project(str(project))), choices)


def osiris_pipeline(file: str | Path, project: str | Path = "") -> OsirisPipeline:
    """Return one compiled pipeline, for `osiris_assets`; `file` is relative to the project.

    Raises DagsterInvalidDefinitionError with the diagnostics when it does not compile. A worker gets the pipeline that
    the code server saw, whatever the file says by then.
    """
    found = find_project(str(project))
    catalogue = load_catalogue()
    services = Services(found, connections_of(found, Settings(), catalogue), catalogue)
    return OsirisPipeline(Body(_manifest(found, found.root / file, services), services))


def _manifest(project: Project, path: Path, services: Services) -> Manifest:
    shown = project.relative(path)
    key = f"osiris/pipeline/{shown}"
    if (pins := pinned(key)) is not None:
        name, digest = json.loads(pins)
        kept = load(project.build, name, digest)
        for step in kept.steps:
            installed(services.catalogue, step.component, step.package)  # Dagster would only miss the resource
        return kept
    try:
        compiled, text = compile_file(project, path, Settings(), services.connections)
    except OsirisError as error:
        raise dg.DagsterInvalidDefinitionError(f"{shown} does not compile.\n\n{render(error.diagnostics)}") from None
    store(project.build, compiled.manifest, text)
    pin(key, json.dumps([compiled.manifest.pipeline, compiled.manifest.hash]))
    return compiled.manifest


def osiris_assets(
    pipeline: OsirisPipeline, *, translator: DagsterOsirisTranslator | None = None
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """Return a decorator: the steps of a pipeline become assets, and your function materializes them.

    The function takes the context and any resources of your own, as parameters with their types.

    Example:
        ```python
        ORDERS = osiris_pipeline("pipelines/orders.yaml", project="osiris")

        @osiris_assets(ORDERS)
        def orders(context: dg.AssetExecutionContext):
            yield from ORDERS.run(context)
        ```

    """
    if pipeline.manifest.execution.isolation == "step":
        raise ConfigError(
            f"pipeline {pipeline.name!r} has steps that run for themselves, and one function cannot be all of them",
            code="RUN094",
            found="execution: {isolation: step}",
            expected="execution: {isolation: pipeline}, for a pipeline that a function materializes",
            fix="change the OML, or take the pipeline in with osiris_definitions or the component",
        )
    make = pipeline_op(pipeline, translator or DagsterOsirisTranslator())
    return lambda function: make(_with_drivers(function, pipeline.families))


def _with_drivers(function: Callable[..., Any], families: Iterable[str]) -> Callable[..., Any]:
    """Return the function with the drivers as parameters beside its own: this is how Dagster lets both be required."""
    own = signature(function, eval_str=True)
    drivers = [Parameter(resource_key(f), Parameter.KEYWORD_ONLY, annotation=OsirisDriver) for f in families]

    @wraps(function)
    def materialize(*context: dg.AssetExecutionContext, **resources: object) -> Any:
        return function(*context, **{name: found for name, found in resources.items() if name in own.parameters})

    wider = own.replace(parameters=[*own.parameters.values(), *drivers])
    materialize.__signature__ = wider  # type: ignore[attr-defined]  # Python and Dagster read it, mypy does not know it
    return materialize


def osiris_resources(**replaced: OsirisDriver) -> dict[str, OsirisDriver]:
    """Return the driver resources that decorated pipelines need, some of them `replaced` (`osiris_duckdb=...`)."""
    return driver_resources(load_catalogue(), replaced)


def osiris_sensors(*pipelines: OsirisPipeline) -> list[dg.SensorDefinition]:
    """Return the sensors that make packages of the runs of decorated pipelines, which are of one project."""
    pools = frozenset(pool for pipeline in pipelines if (pool := pool_of(pipeline.manifest)))
    return sensors(pipelines[0].services.project, (), pools) if pipelines else []
