"""A manifest in, out comes for each step that hands on rows what decides which rows those are, as one digest.

A checkpoint made under one digest is read only under the same one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from osiris_dagster.canonical import canonical_json, sha256
from osiris_dagster.columns import Columns
from osiris_dagster.compiler.blocks import step_blocks_dict
from osiris_dagster.compiler.manifest import Manifest, StepPlan
from osiris_dagster.steps.narrowing import narrowed


def identities(manifest: Manifest, *, partition: str, full_refresh: bool, isolated: bool) -> dict[str, str]:
    """Return step -> digest over the step, all steps before it, and what else a run says about the rows."""
    narrowing = isolated_narrowing(manifest) if isolated else {}
    connections = manifest.fingerprints.get("connections", "")
    run = [partition, full_refresh, connections]
    found: dict[str, str] = {}
    for step in manifest.steps:
        above = [[item.step, list(item.names), found[item.step]] for item in step.inputs]
        read = [column.as_dict() for column in narrowing.get(step.id, step.columns or ())]
        found[step.id] = sha256(canonical_json([run, step.fingerprint, above, read, _blocks(step)]))
    return found


def _blocks(step: StepPlan) -> dict[str, object]:
    """Return what decides about rows outside the configuration; how often and how long it is tried does not."""
    return {name: value for name, value in step_blocks_dict(step).items() if name not in ("retry", "timeout")}


def isolated_narrowing(manifest: Manifest) -> Mapping[str, Columns]:
    """Return extractor -> the columns to read, for those that one query reads, in whatever process that is."""
    plans = {step.id: step for step in manifest.steps}
    readers = Counter(item.step for step in manifest.steps for item in step.inputs)
    found: dict[str, Columns] = {}
    for step in manifest.steps:
        alone = [item.step for item in step.inputs if readers[item.step] == 1]
        found.update(narrowed([*alone, step.id], plans))
    return found
