"""Rules about the blocks of OML 0.2 in a step: policies, incremental reads, declared columns and data checks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema.protocols import Validator

from osiris_dagster.columns import TYPES, is_type
from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.document import Path
from osiris_dagster.oml.keys.key import Key, mapping_schema
from osiris_dagster.oml.keys.step import CHECKS, check_schema
from osiris_dagster.oml.parse import check_name
from osiris_dagster.oml.rules.context import Context
from osiris_dagster.oml.rules.rule import rule
from osiris_dagster.oml.rules.shaped import block_faults, faults_told, inner_texts, shape, told_under
from osiris_dagster.specs.nearest import did_you_mean
from osiris_dagster.specs.schema import schema_validator

_OTHER_TYPES = {
    **dict.fromkeys(("int", "integer", "bigint", "long"), "int64"),
    **dict.fromkeys(("smallint", "short"), "int16"),
    **dict.fromkeys(("text", "varchar", "str", "char"), "string"),
    **dict.fromkeys(("float", "double", "real"), "float64"),
    **dict.fromkeys(("numeric", "decimal"), "decimal(18,2)"),
    **dict.fromkeys(("bytes", "blob"), "binary"),
    "boolean": "bool",
    "datetime": "timestamp",
}
_DEEPEST_TYPE = 16


@cache
def _item_validator(key: Key) -> Validator:
    return schema_validator(mapping_schema(key.keys))


@cache
def _check_validator(check_type: str) -> Validator:
    return schema_validator(check_schema(check_type))


@rule("OML094", "A retry or timeout that cannot be read", example="retry: {attempts: 3, delay: 30, on: [transient]}")
def step_policy(context: Context) -> Iterator[Diagnostic]:
    """`retry` is `{attempts, delay, on}`, `timeout` a number of seconds.

    `attempts` counts the tries after the first, `delay` is the first pause in seconds, `on` lists the kinds of errors.

    Wrong:
        - {id: a, component: duckdb.processor, mode: transform, timeout: 10m, config: {query: select 1}}

    Right:
        - {id: a, component: duckdb.processor, mode: transform, timeout: 600, config: {query: select 1}}
    """
    yield from faults_told(context, "OML094")


@rule("OML095", "An incremental read that cannot be read", example="incremental: {cursor: updated_at, lookback: 1h}")
def incremental(context: Context) -> Iterator[Diagnostic]:
    """`incremental` names the `cursor` column, and may say where to begin and how far to look back.

    Wrong:
        - {id: a, component: filesystem.csv_extractor, mode: read, incremental: {from: 1}, config: {path: a.csv}}

    Right:
        - {id: a, component: filesystem.csv_extractor, mode: read, incremental: {cursor: n}, config: {path: a.csv}}
    """
    yield from faults_told(context, "OML095")


@rule("OML096", "Declared columns that cannot be read", example="columns: [{name: id, type: int64}]")
def columns(context: Context) -> Iterator[Diagnostic]:
    """`columns` lists `{name, type, nullable}`, each name once, with types such as int64, string, decimal(12,2), date.

    Wrong:
        - {id: a, component: duckdb.processor, mode: transform, columns: [{name: n, type: integer}], config: {query: q}}

    Right:
        - {id: a, component: duckdb.processor, mode: transform, columns: [{name: n, type: int64}], config: {query: q}}
    """
    for key, path, value in told_under(context, "OML096"):
        yield from block_faults(context, key, path, value)
        seen: set[str] = set()
        for index, column in enumerate(value if isinstance(value, list) else ()):
            yield from shape(context, (*path, index), column, _item_validator(key))
            if not isinstance(column, dict):
                continue
            name, kind = column.get("name"), column.get("type")
            if isinstance(name, str):
                if name in seen:
                    yield _declared_twice(context, (*path, index, "name"), name)
                seen.add(name)
            if isinstance(kind, str) and not _is_type(kind):
                yield _no_such_type(context, (*path, index, "type"), kind)


def _declared_twice(context: Context, path: Path, name: str) -> Diagnostic:
    found = context.shown(path, name)
    return context.at(path, "the column is declared twice", found=found, expected="every name once", fix="remove one")


def _no_such_type(context: Context, path: Path, kind: str) -> Diagnostic:
    meant = _OTHER_TYPES.get(kind.lower())
    hint = f"did you mean `{meant}`?" if meant else did_you_mean(kind, sorted(TYPES))
    return context.at(
        path,
        "there is no type of that name",
        found=context.shown(path, kind),
        expected="e.g. int64, string, decimal(12,2), date, timestamp, list<string>",
        fix=hint or "use one of these types",
    )


def _is_type(name: str) -> bool:
    return name.count("<") <= _DEEPEST_TYPE and is_type(name)


@rule("OML097", "A data check that cannot be read", example="checks: [{type: not_null, column: id}]")
def checks(context: Context) -> Iterator[Diagnostic]:
    """`checks` lists data checks, each with its `type` and what that type takes.

    Types: not_null, unique, accepted_values, range, row_count, relationship, freshness, sql. Each may have a `name`,
    once in a step, and a `severity` of error or warn.

    Wrong:
        - {id: a, component: duckdb.processor, mode: transform, checks: [{type: notnull}], config: {query: select 1}}

    Right:
        - {id: a, component: duckdb.processor, mode: transform, checks: [], config: {query: select 1}}
    """
    for key, path, value in told_under(context, "OML097"):
        yield from block_faults(context, key, path, value)
        names: set[str] = set()
        for index, check in enumerate(value if isinstance(value, list) else ()):
            if not isinstance(check, dict) or not isinstance(check.get("type"), str):
                yield from shape(context, (*path, index), check, _check_validator(""))
                continue
            faults = list(_check_faults(context, (*path, index), check))
            yield from faults
            name = "" if faults else check.get("name") or check_name(check)
            if name in names:
                message = f"two checks of the step are called {name[:80]}"
                yield context.at((*path, index), message, expected="every name once", fix="give one of them a `name`")
            names |= {name} if name else set()


def _check_faults(context: Context, path: Path, check: dict[str, Any]) -> Iterator[Diagnostic]:
    kind = check["type"]
    if kind in CHECKS:
        faults = list(shape(context, path, check, _check_validator(kind)))
        yield from faults or _check_values(context, path, check)
        return
    yield context.at(
        (*path, "type"),
        "there is no check of that type",
        found=context.shown((*path, "type"), kind),
        expected=", ".join(CHECKS),
        fix=did_you_mean(kind, CHECKS) or "use one of these types",
    )


def _check_values(context: Context, path: Path, check: dict[str, Any]) -> Iterator[Diagnostic]:
    """Say what ties the keys of one well-shaped check together."""
    kind = CHECKS[check["type"]]
    yield from inner_texts(context, kind, path, check)
    bounds = [key.name for key in kind.keys if not key.required]
    if bounds and not any(key in check for key in bounds):
        wanted = " or ".join(f"`{key}`" for key in bounds)
        yield context.at(path, f"the check needs {wanted}", expected=wanted, fix="add a bound")
    low, high = check.get("min"), check.get("max")
    if low is None or high is None:
        return
    if isinstance(low, str) != isinstance(high, str) or low > high:
        found = f"min {context.shown(path, low)}, max {context.shown(path, high)}"
        yield context.at((*path, "max"), "the range is empty", found=found, expected="min up to max", fix="swap them")
