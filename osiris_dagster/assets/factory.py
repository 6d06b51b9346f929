"""Builds Dagster's assets and jobs of manifests: one job a pipeline, and one subsettable op, or one op a step."""

# No `from __future__ import annotations` here: Dagster reads the type of `context` from the function itself.
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    AssetSelection,
    AssetSpec,
    AutomationCondition,
    ExecutorDefinition,
    PartitionMapping,
    PartitionsDefinition,
    ScheduleDefinition,
    define_asset_job,
    in_process_executor,
    multi_asset,
)

from osiris_dagster.assets.automation import freshness_of, on_update, pool_of, schedule_of
from osiris_dagster.assets.body import Body, Listener, Result
from osiris_dagster.assets.checks import check_specs
from osiris_dagster.assets.column_lineage import LINEAGE, Origins, column_origins, written_lineage
from osiris_dagster.assets.keys import aiop_key, dataset_key, job_name, op_name, step_keys, step_ops
from osiris_dagster.assets.lineage import Lineage
from osiris_dagster.assets.partitions import (
    belongs_to_all,
    definition_of,
    partition_mappings,
    partitions_of_assets,
)
from osiris_dagster.assets.pipeline import Execute, OsirisPipeline, run_as_it_is
from osiris_dagster.assets.translator import DagsterOsirisTranslator, StepData, kinds_of, table_schema, tags_of
from osiris_dagster.compiler.manifest import Dataset, Manifest, StepPlan
from osiris_dagster.errors import ConfigError
from osiris_dagster.oml.model import Partitions
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


@dataclass(frozen=True, slots=True)
class Around:
    """What other pipelines of the location have to do with one.

    `fed_by` names, by step, the steps that write the tables it reads; an update of one of the assets `started_by`
    starts a pipeline that waits for updates; `partitions` are those of all assets.
    """

    fed_by: Mapping[str, tuple[AssetKey, ...]] = field(default_factory=dict)
    started_by: tuple[AssetKey, ...] = ()
    partitions: Mapping[AssetKey, Partitions] = field(default_factory=dict)


_ALONE = Around()


def pipeline_assets(
    manifest: Manifest,
    services: Services,
    translator: DagsterOsirisTranslator,
    *,
    around: Around = _ALONE,
    listener: Listener | None = None,
    executor: ExecutorDefinition = in_process_executor,
    execute: Execute = run_as_it_is,
) -> PipelineAssets:
    """Return the assets and the job of one manifest; a DagsterError when Dagster refuses a name or an edge.

    `execute` is what happens in its op, or in each of its ops where steps run for themselves; `executor` runs those.
    """
    pipeline = OsirisPipeline(Body(manifest, services, listener))
    digest = manifest.hash
    start = on_update(step_keys(manifest)[manifest.steps[0].id], _starters(manifest, around))
    origins = column_origins(manifest)
    mappings = partition_mappings(manifest.partitions, _read(manifest, around), around.partitions)
    known = _Known(digest, origins, around.fed_by, start, mappings)
    isolated = manifest.execution.isolation == "step"
    made = _step_ops if isolated else _one_op
    return PipelineAssets(
        manifest,
        made(pipeline, translator, known, execute),
        _aiop_asset(manifest),
        _job(manifest, digest, executor if isolated else in_process_executor),
        schedule_of(manifest),
        waits=start is not None,
        origins=origins,
    )


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a pipeline beside its manifest."""

    digest: str
    origins: Origins
    fed_by: Mapping[str, tuple[AssetKey, ...]]
    start: AutomationCondition[AssetKey] | None
    mappings: Mapping[AssetKey, PartitionMapping] = field(default_factory=dict)


def _starters(manifest: Manifest, around: Around) -> dict[AssetKey, bool]:
    """Return what starts a pipeline, and whether it is the last partition that runs then."""
    own = manifest.partitions
    return {key: bool(own and belongs_to_all(own, around.partitions.get(key))) for key in around.started_by}


def _read(manifest: Manifest, around: Around) -> Iterator[AssetKey]:
    """Yield the assets of others that the steps of a pipeline depend on."""
    for step in manifest.steps:
        yield from map(dataset_key, step.reads)
        yield from around.fed_by.get(step.id, ())


def _one_op(
    pipeline: OsirisPipeline, translator: DagsterOsirisTranslator, known: _Known, execute: Execute
) -> tuple[AssetsDefinition, ...]:
    """Return the one op of a pipeline: any of its steps, in one process."""

    @pipeline_op(pipeline, translator, known, needs=map(resource_key, pipeline.families))
    def run_pipeline(context: AssetExecutionContext) -> Iterator[Result]:
        yield from execute(context, pipeline)

    return (run_pipeline,)


def _step_ops(
    pipeline: OsirisPipeline, translator: DagsterOsirisTranslator, known: _Known, execute: Execute
) -> tuple[AssetsDefinition, ...]:
    """Return an op for each step of a pipeline, each of which may run in a process of its own."""
    alone = replace(pipeline, body=replace(pipeline.body, isolated=True))
    manifest = pipeline.manifest
    ops, checks, partitions = step_ops(manifest), check_specs(manifest), _partitions_of(manifest)

    def made(data: StepData) -> AssetsDefinition:
        spec = _translated(translator, data)

        # No pool: Dagster would free it between two steps, and it is held for the whole run.
        @multi_asset(
            name=ops[data.step.id],
            specs=[spec],
            check_specs=[check for check in checks if check.asset_key == spec.key],
            partitions_def=partitions,
            description=spec.description,
            required_resource_keys=set(map(resource_key, pipeline.families)),
            op_tags={f"dagster/kind/{kind}": "" for kind in spec.kinds},
        )
        def run_step(context: AssetExecutionContext) -> Iterator[Result]:
            yield from execute(context, alone)

        return run_step

    return tuple(made(data) for data in _steps(pipeline, known))


def pipeline_op(
    pipeline: OsirisPipeline,
    translator: DagsterOsirisTranslator,
    known: _Known | None = None,
    *,
    needs: Iterable[str] = (),
) -> Callable[[Callable[..., Any]], AssetsDefinition]:
    """Return the decorator that makes the steps of a pipeline assets, which the decorated function materializes.

    `needs` names its resources where its parameters do not: Dagster takes one or the other.
    """
    manifest = pipeline.manifest
    known = known or _Known(manifest.hash, column_origins(manifest), {}, None)
    return multi_asset(
        name=op_name(manifest.pipeline),
        specs=[_translated(translator, step) for step in _steps(pipeline, known)],
        check_specs=check_specs(manifest),
        can_subset=True,
        partitions_def=_partitions_of(manifest),
        description=manifest.description or None,
        required_resource_keys=set(needs),
        op_tags={f"dagster/kind/{family}": "" for family in pipeline.families},
        pool=pool_of(manifest),
    )


def _partitions_of(manifest: Manifest) -> PartitionsDefinition | None:
    return definition_of(manifest.partitions) if manifest.partitions else None


def _translated(translator: DagsterOsirisTranslator, data: StepData) -> AssetSpec:
    """Return the spec of a step; its key stands fast, for runs and packages are found again by it."""
    spec, key = translator.get_asset_spec(data), step_keys(data.manifest)[data.step.id]
    if spec.key != key:
        raise ConfigError(
            f"{type(translator).__name__}.get_asset_spec changes the key of step {data.step.id!r}",
            code="CFG069",
            found=spec.key.to_user_string(),
            expected=key.to_user_string(),
            fix="keep the key of the spec; group, tags, owners, metadata and dependencies may change",
        )
    return spec


def _steps(pipeline: OsirisPipeline, known: _Known) -> list[StepData]:
    manifest = pipeline.manifest
    path = pipeline.services.project.root / manifest.file
    freshness, last = freshness_of(manifest), _last_steps(manifest)
    return [
        StepData(
            manifest,
            step,
            path,
            feeders=known.fed_by.get(step.id, ()),
            manifest_hash=known.digest,
            origins=known.origins.get(step.id, {}),
            start=known.start,
            freshness=freshness if step.id in last else None,
            mappings=known.mappings,
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
    partitions = partitions_of_assets(by_name.values())
    return [
        _dataset_asset(dataset, by_name, lineage, origins).replace_attributes(
            partitions_def=definition_of(own) if (own := partitions.get(dataset_key(dataset))) else None
        )
        for dataset in lineage.datasets
    ]


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
