"""Names in Dagster: asset keys of steps, tables and files, and the op and job of a pipeline."""

from __future__ import annotations

from dagster import AssetKey

from osiris_dagster.canonical import sha256
from osiris_dagster.compiler.manifest import Dataset, Manifest
from osiris_dagster.compiler.names import identifier, key_part, step_parts

BROKEN = "osiris_broken"
AIOP = "aiop"


def step_keys(manifest: Manifest) -> dict[str, AssetKey]:
    """Return the asset key of each step: [pipeline, step]."""
    return {step: AssetKey(list(parts)) for step, parts in step_parts(manifest).items()}


def dataset_key(dataset: Dataset) -> AssetKey:
    """Return the asset key of a table or file."""
    return AssetKey([key_part(part) for part in dataset.key])


def aiop_key(pipeline: str) -> AssetKey:
    """Return the key of the asset that shows a pipeline's packages."""
    return AssetKey([AIOP, key_part(pipeline)])


def broken_key(file: str) -> AssetKey:
    """Return the key of the asset that shows a file that does not compile."""
    return AssetKey([BROKEN, *(key_part(part) for part in file.split("/"))])


def op_name(pipeline: str) -> str:
    """Return the name of the op that runs a pipeline; it is also the pipeline's group."""
    name = identifier(key_part(pipeline))
    # The job of `a` is `a_job`: in Dagster the op of a pipeline `a_job` may not have that name, too.
    return f"{name}_{sha256(pipeline)[:8]}" if name.endswith("_job") else name


def job_name(pipeline: str) -> str:
    """Return the name of the job of a pipeline."""
    return f"{op_name(pipeline)}_job"
