"""The columns of planned steps with what each of them is made of."""

from __future__ import annotations

from dataclasses import replace

from osiris_dagster.aiop.model.columns import Column, SourceColumn
from osiris_dagster.aiop.model.ids import dataset_iri
from osiris_dagster.aiop.sections.execution import columns_of
from osiris_dagster.aiop.sections.scope import Scope, once
from osiris_dagster.compiler.lineage import ColumnLineage
from osiris_dagster.compiler.manifest import StepPlan


def planned_columns(scope: Scope, plan: StepPlan) -> tuple[Column, ...]:
    """Return the columns that a step hands on, as far as they are known before the run."""
    columns = columns_of(scope.names.step(plan.id), plan.columns or ())
    made_of = {column.column: column for column in plan.lineage or ()}
    return tuple(
        _with_origin(scope, column, made_of[column.name]) if column.name in made_of else column for column in columns
    )


def _with_origin(scope: Scope, column: Column, lineage: ColumnLineage) -> Column:
    """Add what the column is made of, as far as the package shows it."""
    ids, datasets = column_ids(scope), dataset_iris(scope)
    steps = dict.fromkeys(ids.get((source.step, source.column), "") for source in lineage.sources if source.step)
    outside = [
        (dataset_iri(source.dataset), source.column)
        for source in lineage.sources
        if not source.step and dataset_iri(source.dataset) in datasets
    ]
    return replace(
        column,
        derivation=lineage.kind,
        derived_from=tuple(name for name in steps if name),
        read_from=tuple(
            SourceColumn(id=f"{column.id}/source/{number}", dataset=iri, name=name)
            for number, (iri, name) in enumerate(dict.fromkeys(outside), 1)
        ),
    )


@once
def column_ids(scope: Scope) -> dict[tuple[str, str], str]:
    """Return the id of each planned column, by step and name."""
    return {
        (plan.id, column.name): column.id
        for plan in scope.plans.values()
        for column in columns_of(scope.names.step(plan.id), plan.columns or ())
    }


@once
def dataset_iris(scope: Scope) -> frozenset[str]:
    """Return the datasets of the plan."""
    return frozenset(dataset_iri(item.key) for plan in scope.plans.values() for item in (*plan.reads, *plan.writes))
