"""Manifests in, Dagster assets and jobs out: one job a pipeline, and one subsettable op, or one op a step."""

# No `from __future__ import annotations` here: Dagster reads the type of `context` from the function itself.
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    AssetSelection,
    AssetSpec,
    AutomationCondition,
    ExecutorDefinition,
    ScheduleDefinition,
    define_asset_job,
    in_process_executor,
    multi_asset,
)

from osiris_dagster.assets.automation import freshness_of, on_update, pool_of, schedule_of
from osiris_dagster.assets.checks import check_specs
from osiris_dagster.assets.column_lineage import LINEAGE, Origins, column_origins, written_lineage
from osiris_dagster.assets.execute import Body, Listener, Result, close_with_op, run_body
from osiris_dagster.assets.keys import aiop_key, dataset_key, job_name, op_name, step_keys, step_ops
from osiris_dagster.assets.lineage import Lineage
from osiris_dagster.assets.translator import DagsterOsirisTranslator, StepData, kinds_of, table_schema, tags_of
from osiris_dagster.compiler.manifest import Dataset, Manifest, StepPlan
from osiris_dagster.resources.services import Services
from osiris_dagster.resources.table import resource_key
from osiris_dagster.runs.tags import MANIFEST, MAX_RETRIES, PIPELINE, RETRY_STRATEGY

# Dagster exports no name for the type of an asset job before it is resolved.
Job = Any


@dataclass(frozen=True, slots=True)
class PipelineAssets:
    """What one pipeline brings to a location."""

    manifest: Manifest
    assets: tuple[AssetsDefinition, ...]
    aiop: AssetSpec
    job: Job
    schedule: ScheduleDefinition | None
    waits: bool  # for updates of what it reads
    origins: Origins


def pipeline_assets(
    manifest: Manifest,
    services: Services,
    translator: DagsterOsirisTranslator,
    *,
    fed_by: Mapping[str, tuple[AssetKey, ...]] | None = None,
    started_by: Iterable[AssetKey] = (),
    listener: Listener | None = None,
    executor: ExecutorDefinition = in_process_executor,
) -> PipelineAssets:
    """Return the assets and the job of one manifest; a DagsterError when Dagster refuses a name or an edge.

    `executor` runs the job of a pipeline whose steps run for themselves; the others are one op.

    `fed_by` names, by step, the steps of other pipelines that write the tables it reads; an update of one of the
    assets `started_by` starts a pipeline that waits for updates.
    """
    path, digest = services.project.root / manifest.file, manifest.hash
    start = on_update(step_keys(manifest)[manifest.steps[0].id], started_by)
    origins = column_origins(manifest)
    steps = _steps(manifest, path, digest, fed_by or {}, start, origins)
    specs = [translator.get_asset_spec(step) for step in steps]
    body = Body(manifest, services, listener)
    isolated = manifest.execution.isolation == "step"
    ops = step_ops(manifest)
    assets = (
        [_op(body, ops[step.step.id], [spec]) for step, spec in zip(steps, specs, strict=True)]
        if isolated
        else [_op(body, op_name(manifest.pipeline), specs)]
    )
    job = _job(manifest, digest, executor if isolated else in_process_executor)
    return PipelineAssets(
        manifest,
        tuple(assets),
        _aiop_asset(manifest),
        job,
        schedule_of(manifest),
        waits=start is not None,
        origins=origins,
    )


def _op(body: Body, name: str, specs: list[AssetSpec]) -> AssetsDefinition:
    """Return one op that runs the steps of these assets, or those of them that are selected."""
    manifest = body.manifest
    families = sorted({step.family for step in manifest.steps})
    keys = {spec.key for spec in specs}
    alone = manifest.execution.isolation == "step"

    @multi_asset(
        name=name,
        specs=specs,
        check_specs=[check for check in check_specs(manifest) if check.asset_key in keys],
        can_subset=not alone,
        description=(specs[0].description if alone else manifest.description) or None,
        required_resource_keys={resource_key(family) for family in families},
        op_tags={f"dagster/kind/{kind}": "" for kind in (specs[0].kinds if alone else families)},
        pool=None if alone else pool_of(manifest),
    )
    def run_steps(context: AssetExecutionContext) -> Iterator[Result]:
        drivers = {family: getattr(context.resources, resource_key(family)) for family in families}
        running = run_body(body, context, drivers)
        close_with_op(running, context)
        yield from running

    return run_steps


def _steps(
    manifest: Manifest,
    path: Path,
    digest: str,
    fed_by: Mapping[str, tuple[AssetKey, ...]],
    start: AutomationCondition[AssetKey] | None,
    origins: Origins,
) -> list[StepData]:
    freshness, last = freshness_of(manifest), _last_steps(manifest)
    return [
        StepData(
            manifest,
            step,
            path,
            feeders=fed_by.get(step.id, ()),
            manifest_hash=digest,
            origins=origins.get(step.id, {}),
            start=start,
            freshness=freshness if step.id in last else None,
        )
        for step in manifest.steps
    ]


def _last_steps(manifest: Manifest) -> list[str]:
    needed = {need for step in manifest.steps for need in step.needs}
    return [step.id for step in manifest.steps if step.id not in needed]


def _job(manifest: Manifest, digest: str, executor: ExecutorDefinition) -> Job:
    return define_asset_job(
        name=job_name(manifest.pipeline),
        selection=AssetSelection.assets(*step_keys(manifest).values()),
        description=manifest.description or f"Runs every step of {manifest.file}.",
        executor_def=executor,
        tags={PIPELINE: op_name(manifest.pipeline), MANIFEST: digest[:32], **_retries(manifest), **tags_of(manifest)},
    )


def _retries(manifest: Manifest) -> dict[str, str]:
    """Return how Dagster is to retry runs of a pipeline that asks for it: from what did not end well."""
    return {RETRY_STRATEGY: "FROM_ASSET_FAILURE"} if MAX_RETRIES in manifest.tags else {}


def _aiop_asset(manifest: Manifest) -> AssetSpec:
    keys = step_keys(manifest)
    return AssetSpec(
        key=aiop_key(manifest.pipeline),
        deps=[keys[step] for step in _last_steps(manifest)],
        description="AI Operation Packages of this pipeline: one for every ended run, whatever its end.",
        group_name=op_name(manifest.pipeline),
        kinds={"jsonld"},
    )


def dataset_assets(manifests: Iterable[Manifest], lineage: Lineage, origins: Mapping[str, Origins]) -> list[AssetSpec]:
    """Return an external asset for every table and file that the pipelines touch; `origins` are by pipeline."""
    by_name = {manifest.pipeline: manifest for manifest in manifests}
    return [_dataset_asset(dataset, by_name, lineage, origins) for dataset in lineage.datasets]


def _dataset_asset(
    dataset: Dataset, manifests: dict[str, Manifest], lineage: Lineage, origins: Mapping[str, Origins]
) -> AssetSpec:
    writers = lineage.writers.get(dataset, ())
    steps: list[StepPlan] = [manifests[w.pipeline].step(w.step) for w in writers]
    metadata: dict[str, Any] = {}
    known = next(((w, step.columns) for w, step in zip(writers, steps, strict=True) if step.columns), None)
    if known:
        writer, columns = known
        said = origins.get(writer.pipeline, {}).get(writer.step)
        metadata["dagster/column_schema"] = table_schema(columns, said)
    lineage_of_columns = written_lineage((manifests[w.pipeline], step) for w, step in zip(writers, steps, strict=True))
    if lineage_of_columns:
        metadata[LINEAGE] = lineage_of_columns
    hidden = [f"{w.pipeline}/{w.step}" for w in lineage.left_out if w.dataset == dataset]
    if hidden:
        metadata["osiris/also_written_by"] = ", ".join(hidden)
    is_file = dataset.key[0] == "file"
    return AssetSpec(
        key=dataset_key(dataset),
        deps=[step_keys(manifests[w.pipeline])[w.step] for w in writers],
        description=_dataset_description(dataset, hidden),
        # Beside who writes it, so that the graph of groups reads in one direction; a mere source has its own group.
        group_name=op_name(writers[0].pipeline if writers else "files" if is_file else "_".join(dataset.key[:2])),
        kinds=_dataset_kinds(dataset, steps),
        metadata=metadata,
    )


def _dataset_kinds(dataset: Dataset, writers: list[StepPlan]) -> set[str]:
    if dataset.key[0] != "file":
        return {dataset.key[0], "table"}
    return kinds_of(writers[0]) if writers else {dataset.key[-1].rpartition(".")[2].lower() or "file"}


def _dataset_description(dataset: Dataset, hidden: list[str]) -> str:
    what = "File" if dataset.key[0] == "file" else "Table"
    said = f"{what} `{'/'.join(dataset.key[1:])}`."
    if hidden:
        said += (
            f" Also written by {', '.join(hidden)}, which reads it too: that edge is not drawn, because it would"
            " close a cycle."
        )
    return said
