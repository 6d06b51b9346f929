"""Which types DuckDB carries: the Arrow columns to hand over to it, and a check of single values.

What it cannot hold exactly is refused by the name of the column, before any row moves or, where only some values
are at fault, before they are handed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from osiris_dagster.drivers.batches import plain_schema
from osiris_dagster.drivers.tables.refusals import not_carried
from osiris_dagster.errors import DriverError
from osiris_dagster.sql.quoting import quoted

Check = Callable[[pa.RecordBatch], None]
_INFINITIES = (2**31 - 1, -(2**31 - 1), 2**63 - 1, -(2**63 - 1))  # days and ticks that DuckDB keeps for +-infinity
_NOT_EXPORTED = {
    "bit": "its bits would arrive as bytes",
    "bignum": "Arrow has no such number",
    "time with time zone": "the zone would be lost",
    "uhugeint": "it has more digits than a decimal holds",
    "union": "a column has one type between steps",
    "variant": "a column has one type between steps",
}
_MOST_DIGITS = 10**38 - 1
_NO_INFINITY = "replace infinite dates at the source, e.g. with nullif(column, 'infinity')"


def carried(schema: pa.Schema) -> pa.Schema:
    """Return the schema in which rows go to DuckDB; DriverError naming the first column that it cannot hold."""
    fields = []
    for field in plain_schema(schema):
        kind = _carried(field.type)
        if kind is None:
            raise not_carried(field.name, str(field.type), "DuckDB has no type that holds it exactly")
        fields.append(pa.field(field.name, kind, field.nullable))
    return pa.schema(fields)


def _carried(kind: pa.DataType) -> pa.DataType | None:
    if pa.types.is_float16(kind):
        return pa.float32()
    if pa.types.is_decimal(kind):
        digits, scale = kind.precision - min(kind.scale, 0), max(kind.scale, 0)
        return pa.decimal128(digits, scale) if digits <= 38 and scale <= digits else None
    if pa.types.is_duration(kind) and kind.unit == "ns":
        return None
    return _carried_nested(kind) if pa.types.is_nested(kind) else kind


def _carried_nested(kind: pa.DataType) -> pa.DataType | None:
    """Spans of time hide their nanoseconds from the check of values when they are nested."""
    inner = [kind.field(index) for index in range(kind.num_fields)]
    if any(pa.types.is_duration(child.type) or pa.types.is_interval(child.type) for child in inner):
        return None
    types = [_carried(child.type) for child in inner]
    if None in types:
        return None
    if pa.types.is_struct(kind):
        return pa.struct([child.with_type(inner_kind) for child, inner_kind in zip(inner, types, strict=True)])
    if pa.types.is_map(kind):
        return kind if types[0] == inner[0].type else pa.map_(_carried(kind.key_type), _carried(kind.item_type))
    return pa.list_(types[0])


def import_check(schema: pa.Schema) -> Check | None:
    """Return the check for batches on their way into DuckDB: it counts months, days and microseconds, no less."""
    names = [field.name for field in schema if pa.types.is_interval(field.type)]
    if not names:
        return None

    def check(batch: pa.RecordBatch) -> None:
        for name in names:
            column = batch.column(name)
            halves = pa.Array.from_buffers(
                pa.int64(), 2 * len(column), [None, column.buffers()[1]], 0, column.offset * 2
            )
            ticks = halves.take(pa.array(range(1, 2 * len(column), 2))).filter(pc.is_valid(column))
            if pc.any(pc.not_equal(ticks, pc.multiply(pc.divide(ticks, 1000), 1000))).as_py():
                raise not_carried(name, "an interval with nanoseconds", "DuckDB keeps microseconds")

    return check


def check_exported(names: Iterable[str], types: Iterable[Any]) -> None:
    """Raise DriverError naming the first result column whose DuckDB type does not come out exactly."""
    for name, kind in zip(names, types, strict=True):
        if reason := not_exported(kind):
            raise DriverError(
                f"column {name!r} of type {kind} cannot leave DuckDB: {reason}",
                code="DRV010",
                found=str(kind),
                expected="a type that other steps know",
                fix=f"select cast({quoted(name)} as varchar) instead",
            )


def not_exported(kind: Any) -> str:
    """Return why a column of that DuckDB type cannot leave DuckDB, empty for one that can."""
    if reason := _NOT_EXPORTED.get(kind.id):
        return reason
    if kind.id in ("list", "array", "struct", "map"):
        for _, child in kind.children:
            if isinstance(child, duckdb.sqltypes.DuckDBPyType) and (reason := not_exported(child)):
                return reason
    return ""


def export_check(schema: pa.Schema) -> Check | None:
    """Return the check for batches on their way out of DuckDB: infinite dates and numbers of 39 digits stop there."""
    dates = [field.name for field in schema if pa.types.is_date(field.type) or pa.types.is_timestamp(field.type)]
    wide = [field.name for field in schema if field.type == pa.decimal128(38, 0)]
    if not dates and not wide:
        return None

    def check(batch: pa.RecordBatch) -> None:
        for name in dates:
            column = batch.column(name)
            ends = pc.min_max(column.view(pa.int32() if pa.types.is_date(column.type) else pa.int64()))
            if {ends["min"].as_py(), ends["max"].as_py()} & set(_INFINITIES):
                raise not_carried(name, "an infinite date", "other stores know only finite ones", _NO_INFINITY)
        for name in wide:
            if _longest(batch.column(name)) > _MOST_DIGITS:
                raise not_carried(name, "a number of 39 digits", "a decimal holds 38")

    return check


def _longest(column: pa.Array) -> int:
    ends = pc.min_max(column)
    return max((abs(int(end.as_py())) for end in (ends["min"], ends["max"]) if end.is_valid), default=0)
