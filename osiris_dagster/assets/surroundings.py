"""What the step runner needs to know of a run of Dagster: ids, connections, and where rows are kept."""

from __future__ import annotations

from collections.abc import Mapping

from dagster import AssetExecutionContext, DagsterRun

from osiris_dagster.assets.checks import rows_before
from osiris_dagster.assets.keys import step_keys, step_ops
from osiris_dagster.assets.partitions import partition_of
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.drivers.registry import guarded
from osiris_dagster.oml.partition import Partition
from osiris_dagster.redaction import PROCESS
from osiris_dagster.resources.driver import OsirisDriver
from osiris_dagster.resources.services import Services
from osiris_dagster.runs.ancestry import resumed_of, root_of
from osiris_dagster.runs.tags import FULL_REFRESH
from osiris_dagster.steps.identity import Identities
from osiris_dagster.steps.place import Place, checkpoint_place
from osiris_dagster.steps.runtime import Runtime
from osiris_dagster.steps.store import Store


def runtime_of(
    manifest: Manifest,
    services: Services,
    context: AssetExecutionContext,
    drivers: Mapping[str, OsirisDriver],
    *,
    isolated: bool,
) -> Runtime:
    """Return what the step runner needs to know of the run; ConfigError when checkpoints have no place."""
    run = context.run
    partition = partition_of(run, manifest.partitions)
    return Runtime(
        project=services.project,
        factories={family: guarded(driver.factory(services), services.catalogue) for family, driver in drivers.items()},
        resolve=services.connections.resolve,
        setup=lambda reference: services.connections.find(reference).setup,
        redactor=PROCESS,
        run_id=run.run_id,
        root_run_id=root_of(run),
        retry_of=resumed_of(run),
        full_refresh=run.tags.get(FULL_REFRESH) == "true",
        partition=partition,
        rows_before=rows_before(context.instance, manifest, partition),
        store=_store(manifest, checkpoint_place(services.project), run, partition, isolated=isolated),
    )


def _store(manifest: Manifest, place: Place, run: DagsterRun, partition: Partition | None, *, isolated: bool) -> Store:
    full_refresh = run.tags.get(FULL_REFRESH) == "true"
    key = partition.name if partition else ""
    return Store(
        place=place,
        pipeline=manifest.pipeline,
        run_id=run.run_id,
        root_run_id=root_of(run),
        identities=Identities(manifest, partition=key, full_refresh=full_refresh, isolated=isolated),
        policy=manifest.execution.checkpoint,
        isolated=isolated,
        resumes=bool(resumed_of(run)),
        ran=_steps_of(run, manifest) if isolated else frozenset(),
    )


def _steps_of(run: DagsterRun, manifest: Manifest) -> frozenset[str]:
    """Return the steps that a run executes in ops of their own, all of its processes together."""
    keys, ops = step_keys(manifest), step_ops(manifest)
    return frozenset(
        step.id
        for step in manifest.steps
        if (not run.asset_selection or keys[step.id] in run.asset_selection)
        and (run.step_keys_to_execute is None or ops[step.id] in run.step_keys_to_execute)
    )
