"""Rules about options that depend on each other: the component's constraints, and the key of an upsert."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.document import Path
from osiris_dagster.oml.params import has_reference
from osiris_dagster.oml.rules.config import findings, options_of
from osiris_dagster.oml.rules.context import Context, StepText
from osiris_dagster.oml.rules.rule import rule
from osiris_dagster.specs.model import Constraint
from osiris_dagster.specs.schema import schema_validator
from osiris_dagster.specs.schema_faults import describe

_UPSERT = {"write_mode": "upsert"}


@rule("OML056", "Options that do not go together")
def option_rule(context: Context) -> Iterator[Diagnostic]:
    """The component's schema or one of its constraints ties options together, and this config breaks the tie.

    The message is the component's own. For example an extractor of tables wants the name of one, or a query.

    Wrong:
        - {id: in, component: duckdb.extractor, mode: read, config: {path: data/shop.duckdb}}

    Right:
        - {id: in, component: duckdb.extractor, mode: read, config: {path: data/shop.duckdb, table: orders}}
    """
    yield from findings(context, "rule")
    for step in context.steps:
        if step.spec is None:
            continue
        values = effective(context, step)
        told: set[str] = set()  # "one of the two" may be written as two constraints with one text
        for constraint in step.spec.constraints:
            if constraint.error not in told and _applies(constraint, values):
                broken = list(_broken(context, step, constraint, values))
                yield from broken
                told |= {constraint.error} if broken else set()


@rule("OML057", "An upsert without a primary key", example="primary_key: [id]")
def upsert_key(context: Context) -> Iterator[Diagnostic]:
    """`write_mode: upsert` replaces rows that have the same key, so `primary_key` names the columns of the key.

    Wrong:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as id}}
        - id: out
          component: duckdb.writer
          mode: write
          config: {connection: "@duckdb.warehouse", table: orders, write_mode: upsert}

    Right:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as id}}
        - id: out
          component: duckdb.writer
          mode: write
          config: {connection: "@duckdb.warehouse", table: orders, write_mode: upsert, primary_key: [id]}
    """
    for step in context.steps:
        if step.role != "writer" or "primary_key" not in options_of(step):
            continue
        values = effective(context, step)
        if values.get("write_mode") == "upsert" and not values.get("primary_key"):
            written = "write_mode" in step.config
            yield context.at(
                (*step.path, "config", "write_mode") if written else (*step.path, "config"),
                "an upsert needs `primary_key`",
                key=not written,
                expected="primary_key: the columns by which rows are the same",
                fix="add `primary_key`, or use write_mode append or replace",
            )


def effective(context: Context, step: StepText) -> dict[str, Any]:
    """Return the config with the defaults of the options that are left out."""
    defaults = {key: rule["default"] for key, rule in options_of(step).items() if "default" in rule}
    return {**defaults, **context.config(step)}


def _applies(constraint: Constraint, values: Mapping[str, Any]) -> bool:
    if constraint.when == _UPSERT and set(constraint.must) == {"primary_key"}:
        return False  # told by the rule about upserts
    return all(_same(values.get(key), wanted) for key, wanted in constraint.when.items())


def _same(value: Any, wanted: Any) -> bool:
    return type(value) is type(wanted) and value == wanted  # JSON's true is not 1


def _broken(
    context: Context, step: StepText, constraint: Constraint, values: Mapping[str, Any]
) -> Iterator[Diagnostic]:
    for key, schema in constraint.must.items():
        if _holds(step, key, schema, values):
            continue
        told_at = key if key in step.config else next((k for k in constraint.when if k in step.config), "")
        path: Path = (*step.path, "config", told_at) if told_at else (*step.path, "config")
        wanted = f"`{key}` left out" if schema is False else f"{key}: {describe(schema)}"
        yield context.at(
            path,
            constraint.error,
            key=not told_at,
            found=context.shown(path, values[told_at]) if told_at else "",
            expected=wanted,
            fix=f"remove `{key}`" if schema is False else f"set `{key}`",
        )


def _holds(step: StepText, key: str, schema: Any, values: Mapping[str, Any]) -> bool:
    if key not in values:
        by_connection = step.connected and step.spec is not None and key in step.spec.connection_fields
        return schema is False or by_connection
    return has_reference(values[key]) or schema_validator({"properties": {key: schema}}).is_valid({key: values[key]})
