"""Encodes record batches as COPY BINARY: one column at a time, all rows of a batch at once.

Every value becomes a cell, its length and its bytes. Neighbouring columns of fixed width without NULLs are glued
into one block of bytes; then one Arrow kernel joins the columns row by row, and its data is the stream.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from osiris_dagster.drivers.postgres.numeric_cells import numeric_cells
from osiris_dagster.drivers.tables.refusals import not_carried

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
_MICROS = 946_684_800_000_000  # from 1970-01-01 to 2000-01-01, where PostgreSQL counts from
_DAYS = 10_957
_NULL = pa.scalar(b"\xff\xff\xff\xff", pa.binary())
_OIDS = {
    "bool": 16, "int8": 21, "int16": 21, "uint8": 21, "int32": 23, "uint16": 23, "int64": 20, "uint32": 20,
    "halffloat": 700, "float": 700, "double": 701, "string": 25, "null": 25, "binary": 17, "date32[day]": 1082,
    "month_day_nano_interval": 1186, "uint64": 1700,
}  # fmt: skip

Bytes = npt.NDArray[np.uint8]
_INTEGERS = {
    pa.int8(): ">i2", pa.int16(): ">i2", pa.uint8(): ">i2", pa.int32(): ">i4", pa.uint16(): ">i4",
    pa.int64(): ">i8", pa.uint32(): ">i8", pa.float16(): ">f4", pa.float32(): ">f4", pa.float64(): ">f8",
}  # fmt: skip


def encode(batch: pa.RecordBatch) -> pa.Buffer:
    """Return the rows as COPY data, without header and trailer. DriverError naming a column that does not fit."""
    rows = batch.num_rows
    count = np.frombuffer(batch.num_columns.to_bytes(2, "big"), np.uint8)
    glued: list[Bytes] = [np.broadcast_to(count, (rows, 2))]
    parts: list[pa.Array] = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        cells = _cells(name, column)
        if isinstance(cells, np.ndarray):
            glued.append(cells)
            continue
        if glued:
            parts.append(_as_binary(np.concatenate(glued, axis=1)))
            glued = []
        parts += cells
    if glued:
        parts.append(_as_binary(np.concatenate(glued, axis=1)))
    return _data(_joined(parts))


def _cells(name: str, column: pa.Array) -> Bytes | list[pa.Array]:
    """Return the cells as a matrix when all have one width, else as binary arrays to be joined row by row."""
    kind = column.type
    if pa.types.is_null(kind):
        return _as_cells(np.zeros((len(column), 0), np.uint8), column)
    if pa.types.is_list(kind):
        return _array_cells(name, column)
    if pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return _byte_cells(column)
    if kind == pa.uint64() or pa.types.is_decimal(kind):
        return _as_cells(numeric_cells(column), column)
    return _as_cells(_fixed(name, column), column)


def _as_cells(bodies: Bytes, column: pa.Array) -> Bytes | list[pa.Array]:
    """Put the length before bodies of one width; NULL is a length of -1 and nothing else."""
    length = np.frombuffer(bodies.shape[1].to_bytes(4, "big"), np.uint8)
    cells = np.concatenate([np.broadcast_to(length, (len(bodies), 4)), bodies], axis=1)
    if not column.null_count:
        return cells
    return [pc.if_else(column.is_null(), _NULL, _as_binary(cells))]


def _byte_cells(column: pa.Array) -> list[pa.Array]:
    lengths = np.asarray(pc.binary_length(column).fill_null(-1)).astype(">i4")
    values = column.cast(pa.binary()) if not pa.types.is_string(column.type) else column.view(pa.binary())
    return [_as_binary(_bytes(lengths)), values.fill_null(b"") if values.null_count else values]


def _fixed(name: str, column: pa.Array) -> Bytes:
    """Return the bodies of a type of one width."""
    kind = column.type
    if kind in _INTEGERS:
        return _bytes(_values(column).astype(_INTEGERS[kind]))
    if pa.types.is_boolean(kind):
        return _bytes(_values(column.cast(pa.uint8())))
    if pa.types.is_date32(kind):
        return _bytes((_values(column.cast(pa.int32()), _DAYS) - _DAYS).astype(">i4"))
    if pa.types.is_timestamp(kind):
        return _bytes((_micros(name, column, pa.timestamp("us", kind.tz), _MICROS) - _MICROS).astype(">i8"))
    if pa.types.is_time(kind):
        return _bytes(_micros(name, column, pa.time64("us")).astype(">i8"))
    if pa.types.is_duration(kind):
        micros = _micros(name, column, pa.duration("us"))
        return _span(micros, np.zeros(len(micros), np.int64), np.zeros(len(micros), np.int64))
    return _interval(name, column)


def _values(column: pa.Array, filling: int = 0) -> npt.NDArray[np.generic]:
    return np.asarray(column.fill_null(filling)) if column.null_count else np.asarray(column)


def _micros(name: str, column: pa.Array, kind: pa.DataType, filling: int = 0) -> npt.NDArray[np.int64]:
    try:
        return _values(column.cast(kind).view(pa.int64()), filling).astype(np.int64)
    except pa.ArrowInvalid as error:
        fine = getattr(column.type, "unit", "") == "ns"
        found = "a value with nanoseconds" if fine else "a value out of range"
        raise not_carried(name, found, "PostgreSQL keeps microseconds", "round it in a step before") from error


def _interval(name: str, column: pa.Array) -> Bytes:
    layout = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanos", "<i8")])
    parts = np.frombuffer(column.buffers()[1], layout, len(column), column.offset * layout.itemsize).copy()
    if column.null_count:
        parts[np.asarray(column.is_null())] = 0
    micros, rest = np.divmod(parts["nanos"], 1000)
    if rest.any():
        raise not_carried(name, "an interval with nanoseconds", "PostgreSQL keeps microseconds", "round it before")
    return _span(micros, parts["days"], parts["months"])


def _span(micros: npt.NDArray[np.integer], days: npt.NDArray[np.integer], months: npt.NDArray[np.integer]) -> Bytes:
    return np.concatenate(
        [_bytes(micros.astype(">i8")), _bytes(days.astype(">i4")), _bytes(months.astype(">i4"))], axis=1
    )


def _array_cells(name: str, column: pa.Array) -> list[pa.Array]:
    """An array: dimensions, whether it has NULLs, the type, then length and first index, and the cells of elements."""
    starts = column.offsets.to_numpy().astype(np.int64)
    counts = np.diff(starts)
    null = np.asarray(column.is_null())
    items = column.values.slice(int(starts[0]), int(starts[-1] - starts[0]))
    found = _cells(name, items)
    joined = _as_binary(found) if isinstance(found, np.ndarray) else _joined(found)
    edges = np.frombuffer(joined.buffers()[1], np.int32, len(joined) + 1, joined.offset * 4)
    edges = edges[starts - starts[0]]
    bodies = pa.Array.from_buffers(pa.binary(), len(column), [None, pa.py_buffer(edges.copy()), joined.buffers()[2]])
    full = counts > 0
    head = np.zeros((len(column), 5), ">i4")
    head[:, 0], head[:, 1], head[:, 2], head[:, 3], head[:, 4] = full, items.null_count > 0, _oid(items.type), counts, 1
    heads = pc.if_else(pa.array(full), _as_binary(_bytes(head)), _as_binary(_bytes(head[:, :3])))
    lengths = np.where(full, 20, 12) + np.diff(edges)
    prefix = _as_binary(_bytes(lengths.astype(">i4")))
    if not null.any():
        return [prefix, heads, bodies]
    nothing = pa.scalar(b"", pa.binary())
    mask = pa.array(null)
    return [pc.if_else(mask, _NULL, prefix), pc.if_else(mask, nothing, heads), pc.if_else(mask, nothing, bodies)]


def _oid(kind: pa.DataType) -> int:
    """The object id of the element type, which is fixed for built-in types."""
    if pa.types.is_decimal(kind):
        return 1700
    if pa.types.is_timestamp(kind):
        return 1184 if kind.tz else 1114
    if pa.types.is_time(kind):
        return 1083
    if pa.types.is_duration(kind):
        return 1186
    return 17 if pa.types.is_fixed_size_binary(kind) else _OIDS[str(kind)]


def _bytes(values: npt.NDArray[np.generic]) -> Bytes:
    """Return one row of bytes for each value."""
    width = values.dtype.itemsize * math.prod(values.shape[1:])  # not -1: lists may have no element at all
    return np.ascontiguousarray(values).view(np.uint8).reshape(len(values), width)


def _as_binary(cells: Bytes) -> pa.Array:
    rows, width = cells.shape
    offsets = np.arange(rows + 1, dtype=np.int32) * width
    return pa.Array.from_buffers(
        pa.binary(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(cells))]
    )


def _joined(parts: list[pa.Array]) -> pa.Array:
    if len(parts) == 1:
        return parts[0]
    return pc.binary_join_element_wise(*parts, pa.scalar(b"", pa.binary()))


def _data(array: pa.Array) -> pa.Buffer:
    edges = np.frombuffer(array.buffers()[1], np.int32, len(array) + 1, array.offset * 4)
    return array.buffers()[2].slice(int(edges[0]), int(edges[-1] - edges[0]))
