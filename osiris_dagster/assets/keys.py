"""Names in Dagster: asset keys of steps, tables and files, and the op and job of a pipeline."""

from __future__ import annotations

import re

from dagster import AssetKey

from osiris_dagster.canonical import sha256
from osiris_dagster.compiler.manifest import Dataset, Manifest
from osiris_dagster.compiler.names import identifier, key_part, step_parts

BROKEN = "osiris_broken"
AIOP = "aiop"
_STEP = "__"  # between pipeline and step in the name of an op; `op_name` never holds it


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
    # The job of `a` is `a_job`, and an op of one of its steps `a__step`: no op of a pipeline may have such a name, too.
    if name.endswith(("_job", "_")) or "__" in name:
        return f"{re.sub('_+', '_', name).strip('_')}_{sha256(pipeline)[:8]}"
    return name


def step_ops(manifest: Manifest) -> dict[str, str]:
    """Return the name of each step's own op, for a pipeline that has one a step."""
    pipeline = op_name(manifest.pipeline)
    return {step: f"{pipeline}{_STEP}{identifier(part)}" for step, (_, part) in step_parts(manifest).items()}


def op_of_pipeline(op: str) -> str:
    """Return the name of the pipeline's op for that of any op, also of a single step."""
    return op.partition(_STEP)[0]


def job_name(pipeline: str) -> str:
    """Return the name of the job of a pipeline."""
    return f"{op_name(pipeline)}_job"
