"""The keys of a step, and what each type of data check takes: the rows of their tables."""

from __future__ import annotations

from collections.abc import Mapping

from osiris_dagster.columns import Column
from osiris_dagster.oml.keys.key import (
    DURATION,
    MAPPING,
    STRING,
    TEXT,
    Key,
    Schema,
    lasting,
    mapping_schema,
    one_of,
    texts,
)  # fmt: skip
from osiris_dagster.oml.model import Check, Incremental, Retry

_BOUND: Schema = {"type": ["number", "string"]}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_ABOVE_ZERO: Schema = {"type": "number", "exclusiveMinimum": 0}
_SECONDS: Schema = {"type": "number", "minimum": 0, "maximum": 86400}
_KINDS = {"type": "array", "items": one_of("transient ambiguous permanent"), "minItems": 1, "uniqueItems": True}

_COLUMN = Key("column", "The column.", shape=TEXT, required=True)
_EACH_CHECK = (
    Key("type", "Which check.", shape=TEXT, required=True),
    Key("name", "Its name, once in a step.", shape=TEXT),
    Key("severity", "Whether a failing check stops the writers.", shape=one_of("error warn")),
)
_CHECK_TYPES = (
    Key("not_null", "a row has no value", keys=(_COLUMN,)),
    Key(
        "unique", "a value, or combination without NULL, occurs twice",
        keys=(Key("column", "The column, or a list.", shape={"anyOf": [TEXT, texts(minItems=1)]}, required=True),),
    ),
    Key(
        "accepted_values", "a value is not among them; NULL is no value",
        keys=(_COLUMN, Key("values", "The values.", shape={"type": "array", "minItems": 1}, required=True)),
    ),
    Key(
        "range", "a value lies outside; the bounds belong to it; NaN lies outside, NULL is no value",
        keys=(_COLUMN, Key("min", "The lowest value.", shape=_BOUND), Key("max", "The highest value.", shape=_BOUND)),
    ),
    Key(
        "row_count", "too few or many rows; `max_change: 0.5` allows half more or less than the last good run",
        keys=(
            Key("min", "The fewest rows.", shape=_COUNT),
            Key("max", "The most rows.", shape=_COUNT),
            Key("max_change", "The share of the last good run.", shape=_ABOVE_ZERO),
        ),
    ),
    Key(
        "relationship", "a value is not in the column of another step, `to: customers.id`; NULL is no value",
        keys=(_COLUMN, Key("to", "A step, or a step and its column.", shape=TEXT, required=True)),
    ),
    Key(
        "freshness", "the newest time is older, e.g. than `26h`, or there is none; times without zone are UTC",
        keys=(_COLUMN, Key("max_age", "The age.", shape=DURATION, required=True, reading=lasting("26h"))),
    ),
    Key(
        "sql", "the query, over the rows as table `this`, returns a row",
        keys=(
            Key("name", "Its name.", shape=TEXT, required=True),
            Key("query", "The query.", shape=TEXT, required=True),
        ),
    ),
)  # fmt: skip
CHECKS: Mapping[str, Key] = {key.name: key for key in _CHECK_TYPES}
"""Type of a data check -> when it fails, and the keys it takes beside `type`, `name` and `severity`."""


def check_schema(check_type: str) -> Schema:
    """Return the JSON Schema of a data check of a type; of an unknown one it may have any other keys."""
    check = CHECKS.get(check_type)
    keys = {key.name: key for key in (*_EACH_CHECK, *(check.keys if check else ()))}
    return {**mapping_schema(tuple(keys.values())), "additionalProperties": check is None}


_RETRY = (
    Key("attempts", "Tries after the first.", shape={"type": "integer", "minimum": 0, "maximum": 100}),
    Key("delay", "Seconds before the second try, then twice as long each time.", shape=_SECONDS),
    Key("on", "The kinds of errors.", shape=_KINDS),
)
_COLUMNS = (
    Key("name", "The name.", shape=TEXT, required=True),
    Key("type", "The type.", shape=TEXT, required=True),
    Key("nullable", "Whether a row may have no value.", shape={"type": "boolean"}),
)
_INCREMENTAL = (
    Key("cursor", "The column that grows.", shape=TEXT, required=True),
    Key("initial", "Where the first run begins.", shape={"type": ["string", "number"]}),
    Key("lookback", "How far to look back.", shape=DURATION, reading=lasting("1h")),
)

ROWS = (
    Key(
        "id", "The name by which other steps, tables and assets know the step.", "id: orders",
        line=10, required=True, kind=STRING,
        words="task_id step step_id task_name key", formerly="name", read_by="compiler.plan",
    ),
    Key(
        "component", "What does the work.", "component: duckdb.processor",
        line=20, required=True, kind=STRING,
        words="operator driver connector plugin kind component_type tap", formerly="uses type",
        read_by="compiler.plan",
    ),
    Key(
        "mode", "Whether it reads, transforms or writes.", "mode: transform",
        line=30, required=True, kind=STRING,
        words="action operation role", read_by="oml.rules.component",
    ),
    Key(
        "needs", "The steps before it; left out, the one that stands before it.", "needs: [orders, customers]",
        line=50, fits=(list, str),
        words="dependsOn dependencies requires after upstream upstream_tasks inputs input depends",
        formerly="depends_on", read_by="compiler.plan",
    ),
    Key(
        "config", "The options of the component.", 'config: {connection: "@duckdb.ops", table: orders}',
        line=900, kind=MAPPING,
        words="options arguments args properties settings configuration parameters params spec", formerly="with",
        partition=True, read_by="compiler.plan",
    ),
    Key(
        "description", "What the step does, for people.", "description: Orders of each customer.",
        line=40, since="0.2.0", kind=STRING, fits=object,
        words="desc doc docs", read_by="assets.translator",
    ),
    Key(
        "retry", "How often and after which errors it is tried again.",
        "retry: {attempts: 3, delay: 30, on: [transient]}",
        line=60, since="0.2.0",
        rule="OML094", keys=_RETRY, fits=dict,
        words="retries max_retries retry_policy", block=Retry, manifest="retry", read_by="steps.retrying",
    ),
    Key(
        "timeout", "Seconds of its own work after which it is interrupted.", "timeout: 600",
        line=70, since="0.2.0",
        rule="OML094", shape=_ABOVE_ZERO,
        words="execution_timeout timeout_seconds", manifest="timeout", read_by="steps.unit_run",
    ),
    Key(
        "checks", "What its rows must be like.", "checks: [{type: not_null, column: id}]",
        line=100, since="0.2.0",
        rule="OML097", shape={"type": "array"}, keys=_EACH_CHECK,
        words="tests data_tests expectations asserts quality", block=Check, manifest="checks", params=("options",),
        partition=True, rows=True, read_by="steps.checks.step_checks",
    ),
    Key(
        "columns", "Exactly the columns that it hands on; a writer: takes.",
        "columns: [{name: id, type: int64, nullable: false}]",
        line=90, since="0.2.0",
        rule="OML096", shape={"type": "array", "minItems": 1}, keys=_COLUMNS,
        words="schema_contract contract", block=Column, manifest="contract", rows=True,
        read_by="steps.promises steps.checks.unit_checks compiler.contract",
    ),
    Key(
        "incremental", "Read only what came since the last run.", "incremental: {cursor: updated_at, lookback: 1h}",
        line=80, since="0.2.0",
        rule="OML095", keys=_INCREMENTAL,
        block=Incremental, manifest="incremental", params=("initial",), rows=True, read_by="steps.increments",
    ),
)  # fmt: skip
