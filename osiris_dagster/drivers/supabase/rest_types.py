"""How columns travel over REST as text, to and from Arrow, by the interface's description of them.

Every column is asked for, and sent, as the text that PostgreSQL has for it: JSON has no exact form for half of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from osiris_dagster.drivers.batches import arrow_type_of
from osiris_dagster.drivers.supabase.rest import Rest
from osiris_dagster.drivers.tables.reading import unknown
from osiris_dagster.drivers.tables.refusals import not_carried

_TYPES = {
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "double precision": pa.float64(),
    "boolean": pa.bool_(),
    "bytea": pa.binary(),
    "date": pa.date32(),
    "timestamp without time zone": pa.timestamp("us"),
    "timestamp with time zone": pa.timestamp("us", "UTC"),
    "time without time zone": pa.time64("us"),
}
_SPECIAL = r"^-?infinity$|^NaN$|BC$|^[0-9]{5,}-|^24:00:00$"
_NULLED = "set special_values: 'null' to get NULL, or replace it at the source"


@dataclass(frozen=True, slots=True)
class RestTable:
    """A table: its columns with the names of PostgreSQL's types, its key, and the columns that a row must bring."""

    columns: Mapping[str, str]
    keys: tuple[str, ...]
    not_null: frozenset[str]
    required: frozenset[str]


def described_tables(rest: Rest) -> dict[str, RestTable]:
    """Ask for all tables that the key may see."""
    body = rest.get("", {}, Accept="application/openapi+json").json()
    return {name: _table(rule) for name, rule in (body.get("definitions") or {}).items()}


def _table(rule: Mapping[str, Any]) -> RestTable:
    properties: Mapping[str, Any] = rule.get("properties") or {}
    not_null = frozenset(rule.get("required", ()))
    return RestTable(
        columns={name: str(column.get("format", "text")) for name, column in properties.items()},
        keys=tuple(name for name, column in properties.items() if "<pk/>" in str(column.get("description", ""))),
        not_null=not_null,
        required=frozenset(name for name in not_null if "default" not in properties.get(name, {})),
    )


def describe(rest: Rest, table: str) -> RestTable:
    """Ask for the columns of a table; DriverError with the nearest name when it is not there."""
    known = described_tables(rest)
    if table not in known:
        raise unknown("table", f"{rest.schema}.{table} in {rest.place}", table, known)
    return known[table]


def schema_of(columns: Mapping[str, str], unbounded: str) -> pa.Schema:
    """Return the Arrow schema; what is neither number, time, truth value nor bytes is text."""
    return pa.schema(
        [
            pa.field(name, arrow_type_of(unbounded, name) if kind == "numeric" else _TYPES.get(kind, pa.string()))
            for name, kind in columns.items()
        ]
    )


class RestDecoder:
    """Turns rows of text into batches; `nulled` counts by column the values that became NULL by policy."""

    def __init__(self, schema: pa.Schema, *, special_to_null: bool) -> None:
        self.schema = schema
        self.nulled: dict[str, int] = {}
        self._special_to_null = special_to_null

    def batch(self, rows: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
        """Return the rows as one batch; DriverError naming the column of a value that its type does not hold."""
        columns = [
            self._column(field, pa.array([row[field.name] for row in rows], pa.string())) for field in self.schema
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def _column(self, field: pa.Field, text: pa.Array) -> pa.Array:
        if pa.types.is_string(field.type):
            return text
        if pa.types.is_binary(field.type):
            return pa.array([None if v is None else bytes.fromhex(v[2:]) for v in text.to_pylist()], pa.binary())
        if not pa.types.is_floating(field.type):
            text = self._without_special(field, text)
        try:
            if pa.types.is_time(field.type):  # Arrow reads times of day only as part of a date
                moment = pc.cast(pc.binary_join_element_wise("1970-01-01", text, " "), pa.timestamp("us"))
                return moment.view(pa.int64()).view(field.type)
            return pc.cast(text, field.type)
        except pa.ArrowInvalid as error:
            raise not_carried(
                field.name,
                f"a value that {field.type} does not hold",
                "nothing is rounded",
                "choose another type with unbounded_numeric, or read through the project's dsn",
            ) from error

    def _without_special(self, field: pa.Field, text: pa.Array) -> pa.Array:
        special = pc.match_substring_regex(text, _SPECIAL, ignore_case=True)
        if count := pc.sum(special).as_py() or 0:
            if not self._special_to_null:
                raise not_carried(
                    field.name, "an infinite or very distant value", "other stores have no such value", _NULLED
                )
            self.nulled[field.name] = self.nulled.get(field.name, 0) + count
            return pc.if_else(special, None, text)
        return text


def rows_of(batch: pa.RecordBatch, columns: Mapping[str, str]) -> list[str]:
    """Return each row as a JSON object: text that PostgreSQL reads back exactly, lists of it, and NULL.

    `columns` are those to take, with PostgreSQL's types: JSON goes into JSON as it stands.
    """
    cells = [
        [f"{json.dumps(name)}:{_json(name, value, raw=kind in ('json', 'jsonb'))}" for value in _texts(name, column)]
        for name, kind in columns.items()
        for column in (batch.column(name),)
    ]
    return ["{" + ",".join(row) + "}" for row in zip(*cells, strict=True)]


def _json(name: str, value: Any, *, raw: bool) -> str:
    if not raw or value is None:
        return json.dumps(value, ensure_ascii=False)
    try:
        json.loads(value)
    except ValueError as error:
        raise not_carried(name, "text that is no JSON", "the column of the table holds JSON", "correct it") from error
    return str(value)


def _texts(name: str, column: pa.Array) -> list[Any]:
    kind = column.type
    if pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return [None if value is None else "\\x" + value.hex() for value in column.to_pylist()]
    if pa.types.is_list(kind) and not pa.types.is_nested(kind.value_type):
        texts = iter(_texts(name, column.flatten()))
        return [None if value is None else [next(texts) for _ in value] for value in column.to_pylist()]
    if pa.types.is_nested(kind) or pa.types.is_duration(kind) or pa.types.is_interval(kind):
        raise not_carried(name, str(kind), "the REST interface has no exact form of it")
    if getattr(kind, "unit", "") == "ns":
        column = _microseconds(name, column)
    texts = column.cast(pa.string()).to_pylist()
    if pa.types.is_string(kind) and any(text and "\0" in text for text in texts):
        raise not_carried(name, "text with a NUL character", "PostgreSQL keeps none", "remove it in a step before")
    return list(texts)


def _microseconds(name: str, column: pa.Array) -> pa.Array:
    kind = column.type
    try:
        return column.cast(pa.timestamp("us", kind.tz) if pa.types.is_timestamp(kind) else pa.time64("us"))
    except pa.ArrowInvalid as error:
        raise not_carried(
            name, "a value with nanoseconds", "PostgreSQL keeps microseconds", "round it before"
        ) from error


PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def in_select(name: str) -> str:
    """Return a column for a `select`: quoted where it would mean something else."""
    return name if PLAIN_NAME.fullmatch(name) else '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
