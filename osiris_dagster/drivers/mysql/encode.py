"""Encodes record batches as text: as LOAD DATA reads a file, or as the values of an INSERT.

No value passes through Python: a column becomes an Arrow array of texts, all columns are joined row by row, and the
buffer of the result is what goes to the server.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True, slots=True)
class Form:
    """How rows are written."""

    null: str
    between: str  # of two values
    before: str  # of a row
    behind: str
    quote: str
    hex_before: str
    hex_behind: str
    escapes: tuple[tuple[str, str], ...]


FILE = Form(
    null="\\N",
    between="\t",
    before="",
    behind="\n",
    quote="",
    hex_before="",
    hex_behind="",
    escapes=(("\\", "\\\\"), ("\t", "\\\t"), ("\n", "\\\n")),
)
"""The default of LOAD DATA. Bytes are hexadecimal digits, to be turned back with unhex()."""

VALUES = Form(
    null="null",
    between=",",
    before="(",
    behind="),",
    quote="'",
    hex_before="x'",
    hex_behind="'",
    escapes=(("\\", "\\\\"), ("'", "\\'")),
)
"""What follows VALUES, with one comma too many at the end."""

_HEX = np.frombuffer(b"".join(b"%02x" % number for number in range(256)), "<u2")


def lines(batch: pa.RecordBatch, form: Form) -> pa.Array:
    """Return one binary value a row."""
    columns = [_text(column, form) for column in batch.columns]
    columns[0] = _around(columns[0], form.before, "", form.null)
    columns[-1] = _around(columns[-1], "", form.behind, form.null)
    return pc.binary_join_element_wise(
        *columns, form.between, null_handling="replace", null_replacement=form.null
    ).cast(pa.binary())


def content(rows: pa.Array) -> memoryview:
    """Return the bytes of all rows, one after the other, without a copy."""
    offsets = np.frombuffer(rows.buffers()[1], np.int32)[rows.offset : rows.offset + len(rows) + 1]
    return memoryview(rows.buffers()[2])[int(offsets[0]) : int(offsets[-1])] if len(rows) else memoryview(b"")


def sizes(rows: pa.Array) -> np.ndarray:
    """Return the bytes of each row."""
    return np.diff(np.frombuffer(rows.buffers()[1], np.int32)[rows.offset : rows.offset + len(rows) + 1])


def _around(column: pa.Array, before: str, behind: str, null: str) -> pa.Array:
    if not before and not behind:
        return column
    filled = pc.fill_null(column, null)
    return pc.binary_join_element_wise(before, filled, behind, "")


def _text(column: pa.Array, form: Form) -> pa.Array:
    kind = column.type
    if pa.types.is_string(kind):
        return _around_values(_escaped(column, form), form.quote, form.quote)
    if pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return _around_values(_digits(column.cast(pa.binary())), form.hex_before, form.hex_behind)
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind):
        return _plain(column)
    if pa.types.is_boolean(kind):
        return column.cast(pa.int8()).cast(pa.string())
    # The rest stands in quotes: a literal 0.1 would be a decimal, and -0 an integer.
    return _around_values(_other(column), form.quote, form.quote)


def _plain(column: pa.Array) -> pa.Array:
    return column.cast(pa.string())


def _other(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_floating(kind):  # a float32 as the shortest text of a double could be rounded twice
        return column.cast(pa.float64()).cast(pa.string())
    if pa.types.is_duration(kind):
        return _span(column)
    if pa.types.is_timestamp(kind):
        unit = "us" if kind.unit == "ns" else kind.unit
        return column.cast(pa.timestamp(unit, kind.tz)).cast(pa.timestamp(unit)).cast(pa.string())
    if pa.types.is_time(kind) and kind.unit == "ns":
        return column.cast(pa.time64("us")).cast(pa.string())
    return column.cast(pa.string())


def _span(column: pa.Array) -> pa.Array:
    micros = column.cast(pa.duration("us")).cast(pa.int64())
    rest = pc.abs(micros)
    parts: list[pa.Array] = []
    for size, width in ((1_000_000, 6), (60, 2), (60, 2)):
        whole = pc.divide(rest, size)
        parts.insert(0, pc.utf8_lpad(pc.subtract(rest, pc.multiply(whole, size)).cast(pa.string()), width, "0"))
        rest = whole
    sign = pc.if_else(pc.less(micros, 0), "-", "")
    hours = pc.binary_join_element_wise(sign, rest.cast(pa.string()), "")
    minutes, seconds, fraction = parts
    return pc.binary_join_element_wise(hours, minutes, pc.binary_join_element_wise(seconds, fraction, "."), ":")


def _around_values(column: pa.Array, before: str, behind: str) -> pa.Array:
    return pc.binary_join_element_wise(before, column, behind, "") if before or behind else column


def _escaped(column: pa.Array, form: Form) -> pa.Array:
    octets = np.frombuffer(column.buffers()[2] or b"", np.uint8)
    for plain, escape in form.escapes:
        if (octets == ord(plain)).any():
            column = pc.replace_substring(column, plain, escape)
    return column


def _digits(column: pa.Array) -> pa.Array:
    """Return bytes as hexadecimal digits: each byte becomes two, so the offsets double."""
    offsets = np.frombuffer(column.buffers()[1], np.int32)[column.offset : column.offset + len(column) + 1]
    octets = np.frombuffer(column.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
    doubled = pa.py_buffer((2 * (offsets - offsets[0])).astype(np.int32))
    valid = None if not column.null_count else pa.py_buffer(np.packbits(column.is_valid(), bitorder="little"))
    return pa.Array.from_buffers(pa.string(), len(column), [valid, doubled, pa.py_buffer(_HEX[octets])])


def numbered(batch: pa.RecordBatch, name: str, first: int) -> pa.RecordBatch:
    """Return the batch with one more column: the number of each row, from `first` on."""
    numbers = pa.array(np.arange(first, first + batch.num_rows, dtype=np.int64))
    names: Sequence[str] = [*batch.schema.names, name]
    return pa.RecordBatch.from_arrays([*batch.columns, numbers], names=list(names))
