"""What decides which rows a step hands on, as one digest a step: a checkpoint is read only under the one it was made.

For a pipeline whose steps run for themselves it also says which columns an extractor reads, as no unit can tell.
"""

from __future__ import annotations

from collections.abc import Mapping

from osiris_dagster.canonical import canonical_json, sha256
from osiris_dagster.codec import to_json
from osiris_dagster.columns import Columns
from osiris_dagster.compiler.manifest import Manifest, StepPlan
from osiris_dagster.oml.keys import STEP
from osiris_dagster.steps.narrowing import narrowed


class Identities:
    """The digests of the steps of one run, each computed when it is asked for."""

    def __init__(self, manifest: Manifest, *, partition: str, full_refresh: bool, isolated: bool) -> None:
        self._plans = {step.id: step for step in manifest.steps}
        self._run = [partition, full_refresh, manifest.fingerprints.get("connections", "")]
        self._readers: dict[str, list[str]] = {step.id: [] for step in manifest.steps}
        for step in manifest.steps:
            for item in step.sources:
                self._readers[item.step].append(step.id)
        self._isolated = isolated
        self._found: dict[str, str] = {}
        self._narrowed: dict[str, Columns | None] = {}

    def of(self, step_id: str) -> str:
        """Return the digest over the step, all steps before it, and what else the run says about its rows."""
        for step in self._up_to(step_id):
            if step.id not in self._found:
                above = [[item.step, list(item.names), self._found[item.step]] for item in step.sources]
                read = to_json(self.narrowing(step.id) or step.columns or ())
                value = [self._run, step.fingerprint, above, read, _blocks(step)]
                self._found[step.id] = sha256(canonical_json(value))
        return self._found[step_id]

    def _up_to(self, step_id: str) -> list[StepPlan]:
        """Return a step and those before it, in manifest order."""
        wanted = {step_id}
        found = []
        for step in reversed(self._plans.values()):
            if step.id in wanted:
                found.append(step)
                wanted |= {item.step for item in step.sources}
        return found[::-1]

    def narrowing(self, step_id: str) -> Columns | None:
        """Return the columns that an extractor reads because one query in another process needs no others."""
        if step_id not in self._narrowed:
            readers = self._readers[step_id]
            alone = self._isolated and len(readers) == 1 and self._plans[step_id].role == "extractor"
            self._narrowed[step_id] = narrowed([step_id, *readers], self._plans).get(step_id) if alone else None
        return self._narrowed[step_id]


def _blocks(step: StepPlan) -> Mapping[str, object]:
    """Return what decides about rows outside the configuration; how often and how long it is tried does not."""
    written = step.to_json()
    return {key.manifest: written[key.manifest] for key in STEP.values() if key.rows and key.manifest in written}
