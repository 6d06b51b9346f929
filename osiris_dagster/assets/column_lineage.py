"""Column lineage of manifests in Dagster's terms: step to step, and to and from tables and files.

Dagster joins columns by asset key, so each asset only names the columns directly before it. The way from end to end,
through other pipelines too, is made of these: source column -> step -> ... -> target column -> the next pipeline.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dagster import AssetKey, TableColumnDep, TableColumnLineage

from osiris_dagster.assets.keys import dataset_key, step_keys
from osiris_dagster.compiler.lineage import ColumnLineage, ColumnSource, Lineage, back_to_datasets
from osiris_dagster.compiler.manifest import Dataset, Manifest, StepPlan

LINEAGE = "dagster/column_lineage"
Origins = Mapping[str, Mapping[str, str]]
"""By step and column: where the column comes from, in words."""


def step_lineage(step: StepPlan, keys: Mapping[str, AssetKey]) -> TableColumnLineage | None:
    """Return which columns each column of a step is made of; `keys` are those of the pipeline's steps.

    A constant has no sources; a column of which nothing is known is not in it. None when nothing is known at all.
    """
    known = [column for column in step.lineage or () if column.kind != "unknown"]
    if not known:
        return None
    return TableColumnLineage({column.column: [_dep(source, keys) for source in column.sources] for column in known})


def _dep(source: ColumnSource, keys: Mapping[str, AssetKey]) -> TableColumnDep:
    key = keys[source.step] if source.step else dataset_key(Dataset(source.dataset))
    return TableColumnDep(key, source.column)


def written_lineage(writers: Iterable[tuple[Manifest, StepPlan]]) -> TableColumnLineage | None:
    """Return the columns of a table or file, each made of that column of every step that writes it."""
    deps: dict[str, list[TableColumnDep]] = {}
    for manifest, step in writers:
        key = step_keys(manifest)[step.id]
        for column in step.columns or ():
            deps.setdefault(column.name, []).append(TableColumnDep(key, column.name))
    return TableColumnLineage(deps) if deps else None


def column_origins(manifest: Manifest) -> Origins:
    """Return the columns of tables and files that each column of each step goes back to."""
    whole = back_to_datasets({step.id: step.lineage for step in manifest.steps})
    return {step: _in_words(lineage) for step, lineage in whole.items() if lineage}


def _in_words(lineage: Lineage) -> dict[str, str]:
    return {column.column: _origin(column) for column in lineage if column.sources and column.kind != "unknown"}


def _origin(column: ColumnLineage) -> str:
    sources = ", ".join(f"{'/'.join(source.dataset)}.{source.column}" for source in column.sources)
    return sources if column.kind == "identity" else f"{column.kind} of {sources}"
