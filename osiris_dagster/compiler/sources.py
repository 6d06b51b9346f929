"""Refuses SQL of extractors that does more than read, and says which tables the rest reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from osiris_dagster.compiler.draft import Draft
from osiris_dagster.compiler.lineage import Lineage
from osiris_dagster.compiler.locate import place_in_config
from osiris_dagster.compiler.manifest import StepPlan
from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.partition import first_partition
from osiris_dagster.oml.placeholders import filled
from osiris_dagster.specs.model import SqlRule
from osiris_dagster.sql.judge import check, tables_in
from osiris_dagster.sql.refusal import Kind, SqlRefusedError, TablePath

CODES: dict[Kind, str] = {
    "not_read_only": "CMP070",
    "acts": "CMP071",
    "not_understood": "CMP072",
    "hidden": "CMP073",
}
_EXPECTED: dict[Kind, str] = {
    "not_read_only": "SQL that only reads",
    "acts": "functions that compute values",
    "not_understood": "SQL of the source that this compiler can read",
    "hidden": "SQL that reads in one way",
}


def check_sources(draft: Draft) -> Draft:
    """Add an error for all SQL of extractors that is not one statement, or one condition, that only reads."""
    found = [fault for step in draft.steps if step.role == "extractor" for fault in _faults(step, draft)]
    return replace(draft, diagnostics=(*draft.diagnostics, *found))


def _faults(step: StepPlan, draft: Draft) -> Iterator[Diagnostic]:
    first = first_partition(draft.inputs.pipeline.partitions)
    for rule, field, text in _sql_of(step, draft):
        try:
            check(filled(text, first), rule.dialect, condition=field in rule.conditions)
        except SqlRefusedError as fault:
            place, path = place_in_config(step, draft, field, fault.offset, fault.length)
            yield Diagnostic(
                CODES[fault.kind],
                f"the {field} of step {step.id!r} is refused: {fault.message}",
                place=place,
                path=path,
                found=fault.found,
                expected=_EXPECTED[fault.kind],
                fix=fault.fix,
            )


def _sql_of(step: StepPlan, draft: Draft) -> Iterator[tuple[SqlRule, str, str]]:
    rule = draft.inputs.catalogue[step.component].sql
    for field in (*rule.statements, *rule.conditions) if rule else ():
        text = step.config.get(field)
        if rule and text is not None:
            yield rule, field, str(text)


def tables_read(step: StepPlan, draft: Draft) -> tuple[TablePath, ...]:
    """Return all tables that the SQL of a checked step names."""
    found = {
        path
        for rule, field, text in _sql_of(step, draft)
        for path in tables_in(text, rule.dialect, condition=field in rule.conditions)
    }
    return tuple(sorted(found))


def query_lineage(
    step: StepPlan, draft: Draft, names: tuple[str, ...] | None, key: Callable[[TablePath], tuple[str, ...]]
) -> Lineage | None:
    """Return what the columns of a step's query are made of; `names` are its columns, `key` names a table's dataset.

    None where nothing is known, for one because the SQL is of a kind that only the database itself can parse.
    """
    from osiris_dagster.compiler import source_lineage  # noqa: PLC0415 - loads sqlglot
    from osiris_dagster.sql import sqlglot_reader  # noqa: PLC0415 - loads sqlglot

    (rule, text), *_ = ((rule, text) for rule, field, text in _sql_of(step, draft) if field in rule.statements)
    try:
        tree = sqlglot_reader.read_statement(text, rule.dialect)
    except SqlRefusedError:
        return None
    return source_lineage.source_lineage(
        tree,
        names,
        lambda table: key(sqlglot_reader.path_of(table, rule.dialect)),
        rule.dialect,
    )
