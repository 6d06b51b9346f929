"""The slow way to the same record batches, by pymysql's public API: for statements that cannot be prepared.

Values come as text. FLOAT has only six digits there, so it is selected as DOUBLE, which has all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pymysql.cursors import SSCursor

from osiris_dagster.drivers.mysql.names import quoted
from osiris_dagster.drivers.mysql.rows.fields import BIT, FLOAT, TIME, TINY, Field, Policies, field_of, schema_of_fields
from osiris_dagster.drivers.mysql.rows.numbers import check_boolean
from osiris_dagster.drivers.mysql.rows.texts import as_text
from osiris_dagster.drivers.mysql.rows.times import ZeroDates, of_day

_MOST_ROWS = 20_000
_ZERO_DATE = r"^0000-00-00|^\d{4}-00-|^\d{4}-\d{2}-00"
_SPAN = r"^(?P<sign>-?)(?P<hour>\d+):(?P<minute>\d+):(?P<second>\d+)\.?(?P<micros>\d*)$"


@dataclass
class PlainRows:
    """Reads one statement; `zeros` counts the zero dates that became NULL."""

    fields: Sequence[Field]
    policies: Policies
    schema: pa.Schema = field(init=False)
    zeros: ZeroDates = field(init=False)

    def __post_init__(self) -> None:
        self.schema = schema_of_fields(self.fields, self.policies)
        self.zeros = ZeroDates(as_null=self.policies.zero_dates == "null")

    def statement(self, query: str) -> str:
        """Return the query with FLOAT columns as DOUBLE."""
        if all(column.code != FLOAT for column in self.fields):
            return query
        listed = (
            f"cast(q.{quoted(column.name)} as double) as {quoted(column.name)}"
            if column.code == FLOAT
            else f"q.{quoted(column.name)}"
            for column in self.fields
        )
        return f"select {', '.join(listed)} from (\n{query}\n) q"

    def batches(self, cursor: SSCursor, most_bytes: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a cursor that has executed the statement."""
        rows: list[tuple[Any, ...]] = []
        held = 0
        for row in cursor.fetchall_unbuffered():
            rows.append(row)
            held += sum(len(value) for value in row if value is not None)
            if held >= most_bytes or len(rows) == _MOST_ROWS:
                yield self._batch(rows)
                rows, held = [], 0
        if rows:
            yield self._batch(rows)

    def _batch(self, rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
        columns = zip(*rows, strict=True)
        arrays = [
            self._array(pa.array(values, pa.binary()), column, kind)
            for values, column, kind in zip(columns, self.fields, self.schema.types, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _array(self, octets: pa.Array, column: Field, kind: pa.DataType) -> pa.Array:
        if kind == pa.binary():
            return octets
        if column.code == BIT:
            values = [None if each is None else int.from_bytes(each) for each in octets.to_pylist()]
            return pa.array(values, pa.uint64()).cast(kind)
        text = as_text(octets, column.name)
        if column.code == TINY and kind == pa.bool_():
            numbers = text.cast(pa.int8())
            check_boolean(np.asarray(numbers.fill_null(0)), None, column.name)
            return numbers.cast(kind)
        if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
            text = self._days(text, column)
            return text.cast(pa.timestamp("us")).cast(kind) if pa.types.is_timestamp(kind) else text.cast(kind)
        if column.code == TIME:
            return of_day(_span(text), column.name, kind)
        cast = _CASTS.get(kind)
        return cast(text) if cast else text.cast(kind)

    def _days(self, text: pa.Array, column: Field) -> pa.Array:
        zero = pc.fill_null(pc.match_substring_regex(text, _ZERO_DATE), False)  # noqa: FBT003 - the value to fill in
        if count := pc.sum(zero).as_py():
            self.zeros.found(column.name, count)
            return pc.if_else(zero, pa.scalar(None, pa.string()), text)
        return text


def _span(text: pa.Array) -> pa.Array:
    parts = pc.extract_regex(pc.fill_null(text, "00:00:00"), _SPAN)

    def number(name: str) -> pa.Array:
        return pc.struct_field(parts, name).cast(pa.int64())

    micros = pc.utf8_rpad(pc.struct_field(parts, "micros"), 6, "0").cast(pa.int64())
    seconds = pc.add(pc.multiply(pc.add(pc.multiply(number("hour"), 60), number("minute")), 60), number("second"))
    span = pc.add(pc.multiply(seconds, 1_000_000), micros)
    span = pc.if_else(pc.equal(pc.struct_field(parts, "sign"), "-"), pc.negate(span), span)
    return pc.if_else(pc.is_null(text), pa.scalar(None, pa.int64()), span).cast(pa.duration("us"))


_CASTS: dict[pa.DataType, Callable[[pa.Array], pa.Array]] = {
    pa.float32(): lambda text: text.cast(pa.float64()).cast(pa.float32(), safe=False),
    pa.null(): lambda text: pa.nulls(len(text)),
}


def described(cursor: SSCursor) -> tuple[Field, ...]:
    """Return the columns of what a cursor has executed."""
    result = cursor._result  # type: ignore[attr-defined] # the public description lacks flags and character set
    return tuple(field_of(packet) for packet in result.fields)


def give_up(cursor: SSCursor) -> None:
    """Make pymysql forget a result that was not read to its end: it would read on when it is thrown away."""
    result = cursor._result  # type: ignore[attr-defined] # there is no public way
    if result is not None:
        result.unbuffered_active, result.connection = False, None
