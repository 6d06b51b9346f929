"""Makes the manifest of one run from that for all partitions: fills the placeholders in with the run's partition."""

from __future__ import annotations

from dataclasses import replace

from osiris_dagster.compiler.manifest import Manifest, StepPlan
from osiris_dagster.errors import RunError
from osiris_dagster.oml.partition import Partition
from osiris_dagster.oml.placeholders import filled, named


def for_partition(manifest: Manifest, partition: Partition | None) -> Manifest:
    """Return the manifest with the placeholders of all steps filled in.

    Raises RunError for a partitioned pipeline without a partition, and for a range where a step wants one key.
    """
    if manifest.partitions is None:
        return manifest
    if partition is None:
        raise RunError(
            f"pipeline {manifest.pipeline!r} is partitioned, and the run has no partition",
            code="RUN080",
            found="no partition",
            expected="a partition, or a range of them",
            fix="choose partitions in the UI, or run with --partition KEY or --partition-range FIRST...LAST",
        )
    if len(partition.keys) > 1 and (wanting := needs_one_key(manifest)):
        raise RunError(
            f"step {wanting.id!r} works on one partition at a time, as it uses ${{partition.key}}",
            code="RUN082",
            found=partition.name,
            expected="one run for each partition",
            fix="run with --each, or launch several runs in the UI",
        )
    return replace(manifest, steps=tuple(_filled(step, partition) for step in manifest.steps))


def needs_one_key(manifest: Manifest) -> StepPlan | None:
    """Return the first step that cannot work on a range, because the key of one partition stands in it."""
    parts = ((step, (step.config, [check.options for check in step.checks])) for step in manifest.steps)
    return next((step for step, texts in parts if "key" in named(texts)), None)


def _filled(step: StepPlan, partition: Partition) -> StepPlan:
    checks = tuple(replace(check, options=filled(check.options, partition)) for check in step.checks)
    return replace(step, config=filled(step.config, partition), checks=checks)
