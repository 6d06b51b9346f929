"""Refuses rows that MySQL does not hold exactly, by the column: its type, or a value on its way."""

from __future__ import annotations

from collections.abc import Callable, Collection

import pyarrow as pa
import pyarrow.compute as pc

from osiris_dagster.drivers.batches import plain_schema
from osiris_dagster.drivers.mysql.dialect import DIALECT, column_type
from osiris_dagster.drivers.tables.dialect import TableColumn
from osiris_dagster.drivers.tables.refusals import not_carried, values_do_not_fit

Check = Callable[[pa.RecordBatch], None]
_TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}  # a second
_DAYS = (-719_162, 2_932_896)  # 0001-01-01 and 9999-12-31
_SPAN = 838 * 3600 + 59 * 60 + 59  # seconds that a TIME holds on both sides of zero


def row_columns(schema: pa.Schema, keys: Collection[str]) -> tuple[TableColumn, ...]:
    """Return the columns with MySQL's types; DriverError naming the first that it cannot hold."""
    columns = []
    for field in plain_schema(schema):
        kind = column_type(field.type, key=field.name in keys)
        if kind is None:
            raise not_carried(field.name, str(field.type), "MySQL has no type that holds it exactly")
        columns.append(TableColumn(field.name, kind))
    return tuple(columns)


def value_check(schema: pa.Schema, table_types: dict[str, str]) -> Check | None:
    """Return the check for batches on their way: what the types alone do not tell. None when there is nothing to check.

    `table_types` has, by column, the type of a table that is there and is not going to change.
    """
    checks = [(field.name, check) for field in schema for check in _checks(field.type)]
    if not checks:
        return None

    def check(batch: pa.RecordBatch) -> None:
        for name, (fits, found, reason) in checks:
            column = batch.column(name)
            if column.null_count == len(column) or fits(column):
                continue
            if name in table_types and DIALECT.lattice.wider(table_types[name], found) is None:
                raise values_do_not_fit(name, str(column.type), table_types[name])
            raise not_carried(name, reason, f"MySQL's {found} holds no such value")

    return check


_Fits = tuple[Callable[[pa.Array], bool], str, str]


def _checks(kind: pa.DataType) -> list[_Fits]:
    """Return what to try: does it fit, the type that it goes to, and what the values are that do not."""
    if pa.types.is_floating(kind) and not pa.types.is_float16(kind):
        return [(_finite, column_type(kind, key=False) or "", "NaN or an infinite number")]
    if pa.types.is_date(kind):
        return [
            (lambda column: _within(column.view(pa.int32()), *_DAYS), "date", "a day outside of the years 1 to 9999")
        ]
    if pa.types.is_timestamp(kind):
        ticks = 86_400 * _TICKS[kind.unit]
        least, most = _DAYS[0] * ticks, (_DAYS[1] + 1) * ticks - 1
        years: _Fits = (
            lambda column: _within(column.view(pa.int64()), max(least, -(2**63)), min(most, 2**63 - 1)),
            "datetime(6)",
            "a day outside of the years 1 to 9999",
        )
        return [years, *_nanoseconds(kind, "datetime(6)")]
    if pa.types.is_time(kind):
        return _nanoseconds(kind, "time(6)")
    if pa.types.is_duration(kind):
        most = _SPAN * _TICKS[kind.unit]
        bound: _Fits = (
            lambda column: _within(column.view(pa.int64()), -most, most),
            "time(6)",
            "a span of more than 838:59:59 hours",
        )
        return [bound, *_nanoseconds(kind, "time(6)")]
    return []


def _nanoseconds(kind: pa.DataType, there: str) -> list[_Fits]:
    return [(_whole_micros, there, "nanoseconds")] if kind.unit == "ns" else []


def _finite(column: pa.Array) -> bool:
    return bool(pc.all(pc.is_finite(column)).as_py())


def _within(numbers: pa.Array, least: int, most: int) -> bool:
    ends = pc.min_max(numbers)
    return bool(least <= ends["min"].as_py() and ends["max"].as_py() <= most)


def _whole_micros(column: pa.Array) -> bool:
    ticks = column.view(pa.int64())
    return bool(pc.all(pc.equal(ticks, pc.multiply(pc.divide(ticks, 1000), 1000))).as_py())
