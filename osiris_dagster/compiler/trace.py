"""Column lineage of extractors and writers, as their columns are known by now; processors have theirs from binding."""

from __future__ import annotations

from dataclasses import replace

from osiris_dagster.compiler.draft import Draft
from osiris_dagster.compiler.lineage import ColumnLineage, Lineage, unchanged
from osiris_dagster.compiler.manifest import StepPlan
from osiris_dagster.compiler.plan import table_key
from osiris_dagster.compiler.sources import query_lineage


def trace_columns(draft: Draft) -> Draft:
    """Say of every column of a step what it is made of: columns of the step before, or of a table or file outside."""
    return replace(draft, steps=tuple(replace(step, lineage=_lineage(step, draft)) for step in draft.steps))


def _lineage(step: StepPlan, draft: Draft) -> Lineage | None:
    if step.role == "extractor":
        return _of_source(step, draft)
    if step.role == "writer":
        return unchanged((c.name for c in step.columns), step=step.inputs[0].step) if step.columns else None
    return step.lineage


def _of_source(step: StepPlan, draft: Draft) -> Lineage | None:
    """Rows of a table or file come as they are; those of a query are followed through its tree."""
    names = None if step.columns is None else tuple(column.name for column in step.columns)
    rule = draft.inputs.catalogue[step.component].dataset
    chosen = tuple(step.config.get("columns") or ())
    if rule is None or not (rule.query and step.config.get(rule.query)):
        listed = names or chosen
        return unchanged(listed, dataset=step.reads[0].key) if listed and step.reads else None

    def key(path: tuple[str, ...]) -> tuple[str, ...]:
        return table_key(step, draft, path)

    if not chosen:
        return query_lineage(step, draft, names, key)
    known = {column.column.lower(): column for column in query_lineage(step, draft, None, key) or ()}
    unknown = ColumnLineage("", "unknown")
    return tuple(replace(known.get(name.lower(), unknown), column=name) for name in names or chosen)
