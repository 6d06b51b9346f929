"""Formats record batches as CSV text: NULL is an empty field, an empty text is quoted, everything is exact."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from osiris_dagster.drivers.filesystem.csv_options import WriteOptions
from osiris_dagster.errors import DriverError

_IN_NUMBERS = frozenset("0123456789+-.:TZ") | frozenset("abcdefghijklmnopqrstuvwxyz")


def check_writable(schema: pa.Schema) -> None:
    """Raise DriverError naming the first column that has no exact form as text."""
    for field in schema:
        kind = field.type
        if (
            pa.types.is_nested(kind)
            or pa.types.is_duration(kind)
            or pa.types.is_interval(kind)
            or pa.types.is_binary(kind)
            or pa.types.is_fixed_size_binary(kind)
        ):
            raise DriverError(
                f"column {field.name!r} of type {kind} has no exact form in a CSV file",
                code="DRV010",
                found=str(kind),
                expected="text, a number, a date, a time, a timestamp or bool",
                fix="convert it in a step before, e.g. with to_json() or hex(), or write Parquet",
            )


def header_line(names: list[str], options: WriteOptions) -> bytes:
    """Return the line with the names of the columns."""
    batch = pa.RecordBatch.from_arrays(
        [pa.array([name], pa.string()) for name in names], names=[str(index) for index in range(len(names))]
    )
    return lines(batch, options)


def lines(batch: pa.RecordBatch, options: WriteOptions) -> bytes:
    """Return the rows of a batch as UTF-8 text."""
    fields = [_quoted(_text(column), column.type, options) for column in batch.columns]
    fields[-1] = _joined(fields[-1], options.newline, "", null="")
    whole = _joined(*fields, options.delimiter, null="") if len(fields) > 1 else fields[0]
    return _bytes(whole)


def _text(column: pa.Array) -> pa.Array:
    """Return the values as text, not yet quoted."""
    kind = column.type
    if pa.types.is_string(kind):
        return column
    if pa.types.is_float16(kind):
        column = pc.cast(column, pa.float32())
    elif pa.types.is_decimal(kind) and kind.scale < 0:
        column = pc.cast(column, pa.decimal256(kind.precision - kind.scale, 0))
    elif pa.types.is_timestamp(kind):
        return _timestamp(column)
    text = pc.cast(column, pa.string())
    return _short_fraction(text) if pa.types.is_time(kind) and kind.unit != "s" else text


def _timestamp(column: pa.Array) -> pa.Array:
    """ISO 8601 with as many digits of a second as it needs; an instant in UTC."""
    kind = column.type
    text = pc.cast(pc.cast(column, pa.timestamp(kind.unit)), pa.string())
    text = pc.replace_substring(text, " ", "T", max_replacements=1)
    if kind.unit != "s":
        text = _short_fraction(text)
    return _joined(text, "Z", "") if kind.tz else text


def _short_fraction(text: pa.Array) -> pa.Array:
    return pc.ascii_rtrim(pc.ascii_rtrim(text, "0"), ".")


def _quoted(text: pa.Array, kind: pa.DataType, options: WriteOptions) -> pa.Array:
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if options.quoting == "all" or (options.quoting == "nonnumeric" and not number):
        return _joined('"', pc.replace_substring(text, '"', '""'), '"', "")
    if not pa.types.is_string(kind) and options.delimiter not in _IN_NUMBERS:
        return text
    return _quoted_where_needed(text, options.delimiter)


def _quoted_where_needed(text: pa.Array, delimiter: str) -> pa.Array:
    """Quote empty text and what holds a quote, a delimiter or a line end; most values have none of it."""
    needed = pc.fill_null(pc.equal(text, ""), False)  # noqa: FBT003 - the value to fill in
    needed = pc.or_(needed, pa.array(_holding(text, ('"', delimiter, "\n", "\r"))))
    if not pc.any(needed).as_py():
        return text
    few = pc.replace_substring(text.filter(needed), '"', '""')
    return pc.replace_with_mask(text, needed, _joined('"', few, '"', ""))


def _holding(text: pa.Array, marks: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    """Tell which values hold one of the characters, all of ASCII: one look at the bytes of the whole column."""
    found = np.zeros(len(text), bool)
    _, edges, data = text.buffers()
    if data is None or not len(text):
        return found
    offsets = np.frombuffer(edges, np.int32)[text.offset : text.offset + len(text) + 1]
    octets = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]
    special = octets == ord(marks[0])
    for mark in marks[1:]:
        special |= octets == ord(mark)
    # The last value that begins at or before the place; those before it that begin there are empty.
    found[np.searchsorted(offsets, np.flatnonzero(special) + offsets[0], side="right") - 1] = True
    return found


def _joined(*parts: pa.Array | str, null: str | None = None) -> pa.Array:
    """Join texts row by row with the last part between them; a NULL becomes `null`, or makes the whole NULL."""
    if null is None:
        return pc.binary_join_element_wise(*parts)
    return pc.binary_join_element_wise(*parts, null_handling="replace", null_replacement=null)


def _bytes(text: pa.Array) -> bytes:
    """Return all values of a text column without anything between them."""
    _, offsets, data = text.buffers()
    if data is None or not len(text):
        return b""
    edges = memoryview(offsets).cast("B").cast("i")
    start, end = edges[text.offset], edges[text.offset + len(text)]
    return bytes(memoryview(data)[start:end])
