"""Data checks of a manifest as Dagster asset checks: declared with the assets, told with what was found."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dagster import AssetCheckResult, AssetCheckSeverity, AssetCheckSpec, AssetKey, DagsterInstance, MetadataValue

from osiris_dagster.assets.keys import step_keys
from osiris_dagster.assets.partitions import WORKED_ON
from osiris_dagster.canonical import sha256
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.oml.model import Check
from osiris_dagster.oml.partition import RANGE, Partition
from osiris_dagster.steps.report import CheckRecord

_ROWS = "dagster/row_count"
_LATEST = 200  # materializations in which a run over as many partitions is looked for
_SEVERITIES = {"error": AssetCheckSeverity.ERROR, "warn": AssetCheckSeverity.WARN}


def check_specs(manifest: Manifest) -> list[AssetCheckSpec]:
    """Return a check on the step's asset for each check of the pipeline."""
    keys = step_keys(manifest)
    return [
        AssetCheckSpec(_name(check.name), asset=keys[step.id], description=_described(check))
        for step in manifest.steps
        for check in step.checks
    ]


def _name(text: str) -> str:
    """Return a name that Dagster takes; a changed one gets part of its digest, so that two never meet."""
    plain = re.sub(r"\W", "_", text, flags=re.ASCII)
    return plain if plain == text else f"{plain[:80]}_{sha256(text)[:8]}"


def _described(check: Check) -> str:
    options = ", ".join(f"{name} {value}" for name, value in check.options.items())
    return f"{check.type}: {options}"[:500]


def check_results(key: AssetKey, results: Sequence[CheckRecord]) -> Iterator[AssetCheckResult]:
    """Yield what the checks of one step found."""
    for result in results:
        metadata: dict[str, Any] = {"rows": result.rows}
        metadata |= {"failing rows": result.failing} if result.failing is not None else {}
        yield AssetCheckResult(
            asset_key=key,
            check_name=_name(result.name),
            passed=result.passed,
            severity=_SEVERITIES[result.severity],
            description=result.message or None,
            metadata=metadata,
        )


def rows_before(instance: DagsterInstance, manifest: Manifest, partition: Partition | None) -> Mapping[str, int]:
    """Return the rows of the last good run of each step that compares itself with it.

    A run of one partition is compared with such runs, and one of a range with those of ranges.
    """
    found: dict[str, int] = {}
    for step_id, key in step_keys(manifest).items():
        if any("max_change" in check.options for check in manifest.step(step_id).checks):
            records = instance.fetch_materializations(key, limit=_LATEST if partition else 1).records
            metadata = [record.asset_materialization.metadata for record in records if record.asset_materialization]
            alike = (told.get(_ROWS) for told in metadata if _is_range(told.get(WORKED_ON)) == _is_range(partition))
            value = next(alike, None)
            if value is not None and isinstance(value.value, int):
                found[step_id] = value.value
    return found


def _is_range(worked_on: MetadataValue[Any] | Partition | None) -> bool:
    name = worked_on.name if isinstance(worked_on, Partition) else worked_on.value if worked_on else ""
    return RANGE in str(name)
