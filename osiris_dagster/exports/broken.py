"""OML files that do not compile in, those whose findings are new out, each shown in Dagster as a failed check."""

from __future__ import annotations

from collections.abc import Iterable

from dagster import AssetCheckKey, DagsterInstance

from osiris_dagster.assets.broken import CHECK, DIGEST, failed_check
from osiris_dagster.assets.keys import broken_key
from osiris_dagster.loading import Broken


def show_broken(instance: DagsterInstance, broken: Iterable[Broken]) -> tuple[Broken, ...]:
    """Report a failed check for each broken file whose findings are new; return these files."""
    fresh = tuple(item for item in broken if _last_shown(instance, item) != item.fingerprint)
    for item in fresh:
        instance.report_runless_asset_event(failed_check(item))
    return fresh


def _last_shown(instance: DagsterInstance, broken: Broken) -> str:
    record = instance.get_latest_asset_check_evaluation_record(AssetCheckKey(broken_key(broken.file), CHECK))
    evaluation = record.evaluation if record else None
    entry = evaluation.metadata.get(DIGEST) if evaluation else None
    return str(entry.value) if entry else ""
