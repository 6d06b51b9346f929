"""Decodes the rows of COPY BINARY to Arrow: one column at a time, all rows of a block at once. All is big-endian.

    stream | signature, 11 | flags, 4 | length of what follows, 4 | extension | row | row | ... | -1, 2 |
    row    | count of fields, 2 | length, 4 | value | length, 4 | value | ...        length -1: NULL, without a value

Positions are arrays with a number for each row. They stand on the length of the next field, so columns are decoded
from left to right. The step of a column comes from the lengths that were sent, never from the width of its type; after
the last field the position must be the end of the row in every row, which checks the decoding as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from osiris_dagster.drivers.postgres.copy_blocks import Block, Positions, read_at
from osiris_dagster.drivers.postgres.read_types import Field
from osiris_dagster.drivers.tables.refusals import not_carried
from osiris_dagster.errors import DriverError

Mask = npt.NDArray[np.bool_]

_SIGNATURE = b"PGCOPY\n\xff\r\n\0"
_DAYS = 10_957  # from 1970-01-01 to 2000-01-01, where PostgreSQL counts from
_MICROS = _DAYS * 86_400_000_000
_DATES = (-719_162, 2_932_896)  # 0001-01-01 and 9999-12-31 in days from 1970
_DAY_MICROS = 86_400_000_000
_NEGATIVE = 0x4000  # sign of a numeric; anything else that is not 0 is NaN or an infinity
_TENS = np.array([10**power for power in range(19)], np.int64)
_NOT_FINITE = pa.array(["NaN", "Infinity", "-Infinity"])
_NULLED = "set special_values: 'null' to get NULL, or replace it in the query"

_NUMBERS = {"int2": (">i2", "i2"), "int4": (">i4", "i4"), "int8": (">i8", "i8"), "float4": (">f4", "f4"),
            "float8": (">f8", "f8")}  # fmt: skip


class Decoder:
    """Decodes the blocks of one result; `nulled` counts by column the values that became NULL by policy."""

    def __init__(self, fields: Sequence[Field], *, special_to_null: bool) -> None:
        self.schema = pa.schema([pa.field(field.name, field.type) for field in fields])
        self.nulled: dict[str, int] = {}
        self._fields = tuple(fields)
        self._special_to_null = special_to_null

    def batch(self, block: Block) -> pa.RecordBatch | None:
        """Return the rows of a block, None when it has none."""
        starts, stops = _without_frame(block)
        if not len(starts):
            return None
        if (read_at(block.data, ">i2", starts) != len(self._fields)).any():
            raise _damaged("a row with another number of fields")
        at, columns = starts + 2, []
        for field in self._fields:
            lengths = read_at(block.data, ">i4", at).astype(np.int64)
            at = at + 4
            null = _nulls(lengths)  # makes the lengths of NULLs 0, before the positions move by them
            columns.append(self.column(field, _Cells(block.data, at, lengths, null)))
            at = at + lengths
        if not np.array_equal(at, stops):
            raise _damaged("a row that does not end with its last field")
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def column(self, field: Field, cells: _Cells) -> pa.Array:
        """Return the values of the cells."""
        if field.kind in _NUMBERS:
            return _number(field, cells)
        return _DECODERS[field.kind](self, field, cells)

    def special(self, field: Field, cells: _Cells, bad: Mask, found: str) -> None:
        """Refuse, or make NULL, the values that are marked; those of NULL cells do not count.

        It may change `cells.null`: who calls it reads that afterwards.
        """
        if cells.null is not None:
            bad &= ~cells.null
        if count := int(bad.sum()):
            if not self._special_to_null:
                raise not_carried(field.name, found, "other stores have no such value", _NULLED)
            self.nulled[field.name] = self.nulled.get(field.name, 0) + count
            cells.null = bad if cells.null is None else cells.null | bad


class _Cells:
    """The places of one column's values; a NULL has length 0."""

    __slots__ = ("at", "data", "lengths", "null")

    def __init__(self, data: bytearray, at: Positions, lengths: Positions, null: Mask | None) -> None:
        self.data, self.at, self.lengths, self.null = data, at, lengths, null

    def read(self, kind: str, offset: int = 0) -> npt.NDArray[Any]:
        """Return the fixed-width values at `offset` of each cell; what stands where a NULL is means nothing.

        It may lie beyond the cell, by less than SLACK: then it means nothing either.
        """
        return read_at(self.data, kind, self.at + offset if offset else self.at)


def _without_frame(block: Block) -> tuple[Positions, Positions]:
    """Leave out the signature, which stands before the first row or alone, and the mark of the end.

    No row looks like either: a count that reads `PG` is more fields than a row can have, and one of -1 is none.
    """
    starts, stops = block.starts, block.stops
    if len(starts) and block.data.startswith(_SIGNATURE, int(starts[0])):
        first = int(starts[0])
        starts = starts.copy()
        starts[0] = first + 19 + int.from_bytes(block.data[first + 15 : first + 19], "big")
        if starts[0] == stops[0]:
            starts, stops = starts[1:], stops[1:]
    if len(starts) and stops[-1] - starts[-1] == 2 and block.data[int(starts[-1]) : int(stops[-1])] == b"\xff\xff":
        starts, stops = starts[:-1], stops[:-1]
    return starts, stops


def _nulls(lengths: Positions) -> Mask | None:
    null: Mask = lengths < 0
    if not null.any():
        return None
    lengths[null] = 0
    return null


def _number(field: Field, cells: _Cells) -> pa.Array:
    wire, plain = _NUMBERS[field.kind]
    return _made(cells.read(wire).astype(plain), field.type, cells.null)


def _bool(_decoder: Decoder, field: Field, cells: _Cells) -> pa.Array:
    return _made(cells.read("u1") != 0, field.type, cells.null)


def _date(decoder: Decoder, field: Field, cells: _Cells) -> pa.Array:
    days = cells.read(">i4").astype("i8") + _DAYS
    decoder.special(field, cells, (days < _DATES[0]) | (days > _DATES[1]), "a date outside of the years 1 to 9999")
    return _fixed(_zeroed(days, cells.null).astype("i4"), field.type, cells.null)


def _timestamp(decoder: Decoder, field: Field, cells: _Cells) -> pa.Array:
    micros = cells.read(">i8").astype("i8")
    # Judged as PostgreSQL counts, and made 0 where NULL, before the epoch is added: infinities are the ends of int64.
    low, high = _DATES[0] * _DAY_MICROS - _MICROS, (_DATES[1] + 1) * _DAY_MICROS - _MICROS
    decoder.special(field, cells, (micros < low) | (micros >= high), "a time outside of the years 1 to 9999")
    return _fixed(_zeroed(micros, cells.null) + _MICROS, field.type, cells.null)


def _time(decoder: Decoder, field: Field, cells: _Cells) -> pa.Array:
    micros = cells.read(">i8").astype("i8")
    decoder.special(field, cells, micros == _DAY_MICROS, "the time 24:00:00")
    return _fixed(_zeroed(micros, cells.null), field.type, cells.null)


def _interval(decoder: Decoder, field: Field, cells: _Cells) -> pa.Array:
    # | microseconds, 8 | days, 4 | months, 4 |; Arrow has them the other way round, with nanoseconds. Infinite
    # intervals have an end of int64 as microseconds, and so are among those that are refused.
    micros = cells.read(">i8").astype("i8")
    most = (2**63 - 1) // 1000
    decoder.special(field, cells, (micros > most) | (micros < -most), "an interval of more than 292 years of hours")
    out = np.zeros(len(micros), [("months", "i4"), ("days", "i4"), ("nanos", "i8")])
    out["months"], out["days"] = cells.read(">i4", 12), cells.read(">i4", 8)
    out["nanos"] = _zeroed(micros, cells.null) * 1000
    return _fixed(out, field.type, cells.null)


def _numeric(decoder: Decoder, field: Field, cells: _Cells) -> pa.Array:
    """A numeric of at most 18 digits, as an integer of its smallest unit.

        | count, 2 | weight, 2 | sign, 2 | scale, 2 | digit, 2 | digit, 2 | ...

    A digit is one to the base of 10000, and stands for digit * 10000 ** (weight - place); zeros at either end are left
    out. In units of 10 ** -scale the factor is 10 ** power. The power is negative only for a last digit within whose
    four decimal places the scale ends: what the division cuts off are zeros, for the server rounded to the scale. 18
    decimal digits keep every product within int64. The loop goes over places, not rows; a row without the place adds 0.
    """
    count, weight = cells.read(">i2").astype("i8"), cells.read(">i2", 2).astype("i8")
    sign = cells.read(">u2", 4)
    decoder.special(field, cells, (sign != 0) & (sign != _NEGATIVE), "NaN or an infinity")
    if cells.null is not None:
        count[cells.null] = 0
    value = np.zeros(len(count), "i8")
    for place in range(int(count.max())):
        digit = cells.read(">i2", 8 + 2 * place).astype("i8")
        digit[count <= place] = 0
        power = 4 * (weight - place) + field.type.scale
        value += digit * _TENS[np.clip(power, 0, 18)] // _TENS[np.clip(-power, 0, 18)]
    np.negative(value, out=value, where=sign == _NEGATIVE)
    words = np.empty((len(value), 2), "i8")  # a decimal128 is 16 bytes, little-endian: value and sign
    words[:, 0], words[:, 1] = value, value >> 63
    return _fixed(words, field.type, cells.null)


def _text(decoder: Decoder, field: Field, cells: _Cells) -> pa.Array:
    raw = _gathered(cells)
    try:
        text = raw.cast(pa.string())
    except pa.ArrowInvalid as error:
        raise not_carried(field.name, "bytes that are no UTF-8 text", "text has to be", "cast it to bytea") from error
    if pa.types.is_string(field.type):
        return text
    special = pc.is_in(text, _NOT_FINITE)
    decoder.special(field, cells, np.asarray(special), "NaN or an infinity")
    if decoder.nulled.get(field.name):
        text = pc.if_else(special, None, text)
    try:
        return text.cast(field.type)
    except pa.ArrowInvalid as error:
        raise not_carried(
            field.name,
            f"a number that {field.type} does not hold",
            "nothing is rounded",
            "cast it in the query, or choose another type with unbounded_numeric",
        ) from error


def _bytea(_decoder: Decoder, _field: Field, cells: _Cells) -> pa.Array:
    return _gathered(cells)


def _list(decoder: Decoder, field: Field, cells: _Cells) -> pa.Array:
    """An array of one dimension, or an empty one, which has none and ends behind its type.

        | dimensions, 4 | flag, 4 | type, 4 | elements, 4 | first index, 4 | length, 4 | value | length, 4 | value | ...

    Its elements are cells like those of a column, so they are decoded as one, and offsets say which row has which.
    """
    assert field.item is not None
    dimensions = cells.read(">i4")
    if cells.null is not None:
        dimensions = np.where(cells.null, 0, dimensions)
    if (dimensions > 1).any():
        raise not_carried(
            field.name, "an array of several dimensions", "a list has one", "select to_json(column)::text instead"
        )
    counts = np.where(dimensions == 1, cells.read(">i4", 12), 0).astype(np.int64)
    at, lengths = _elements(cells, counts)
    inner = decoder.column(field.item, _Cells(cells.data, at, lengths, _nulls(lengths)))
    offsets = np.zeros(len(counts) + 1, np.int32)
    np.cumsum(counts, out=offsets[1:])
    validity = None if cells.null is None else pa.py_buffer(np.packbits(~cells.null, bitorder="little"))
    return pa.Array.from_buffers(field.type, len(counts), [validity, pa.py_buffer(offsets)], children=[inner])


def _elements(cells: _Cells, counts: Positions) -> tuple[Positions, Positions]:
    """Return where the elements of all rows stand, row by row, and their lengths.

    Where an element begins is only known from the one before, so a step takes the next one of every row that has one
    left: as many steps as the longest array has elements. `first` is the place of a row's first element in the result,
    which so stays in the order of the buffer, as `_gathered` needs it.
    """
    first = np.cumsum(counts) - counts
    at, lengths = np.empty(int(counts.sum()), np.int64), np.empty(int(counts.sum()), np.int64)
    rows = np.flatnonzero(counts)
    position = cells.at[rows] + 20
    for step in range(int(counts.max()) if len(rows) else 0):
        going = counts[rows] > step
        rows, position = rows[going], position[going]
        size = read_at(cells.data, ">i4", position).astype(np.int64)
        at[first[rows] + step], lengths[first[rows] + step] = position + 4, size
        position = position + 4 + np.maximum(size, 0)
    return at, lengths


_Decode = Callable[[Decoder, Field, _Cells], pa.Array]
_DECODERS: dict[str, _Decode] = {
    "bool": _bool, "date": _date, "timestamp": _timestamp, "time": _time, "interval": _interval,
    "numeric": _numeric, "text": _text, "bytea": _bytea, "list": _list,
}  # fmt: skip


def _gathered(cells: _Cells) -> pa.Array:
    """Lay an Arrow array over the buffer, cell, gap, cell, ..., and take the cells: one copy in C.

    It has to be a copy, for the next block overwrites the buffer. Nothing checks the offsets: cells must be in the
    order of the buffer, NULLs included, and the buffer below 2 GiB, for the offsets are int32.
    """
    count = len(cells.at)
    offsets = np.empty(2 * count + 1, np.int32)
    offsets[0:-1:2], offsets[1::2] = cells.at, cells.at + cells.lengths
    offsets[-1] = offsets[-2] if count else 0
    laid = pa.Array.from_buffers(pa.binary(), 2 * count, [None, pa.py_buffer(offsets), pa.py_buffer(cells.data)])
    return laid.take(pa.array(np.arange(0, 2 * count, 2, dtype=np.int32), mask=cells.null))


def _zeroed(values: npt.NDArray[np.int64], null: Mask | None) -> npt.NDArray[np.int64]:
    return values if null is None else np.where(null, 0, values)


def _made(values: npt.NDArray[np.generic], kind: pa.DataType, null: Mask | None) -> pa.Array:
    made = pa.array(values, mask=null)
    return made if made.type == kind else made.cast(kind)


def _fixed(values: npt.NDArray[np.generic], kind: pa.DataType, null: Mask | None) -> pa.Array:
    """Return the array whose values have the layout of the type already."""
    validity = None if null is None else pa.py_buffer(np.packbits(~null, bitorder="little"))
    return pa.Array.from_buffers(kind, len(values), [validity, pa.py_buffer(np.ascontiguousarray(values))])


def _damaged(found: str) -> DriverError:
    return DriverError(
        f"the data of COPY cannot be read: {found}",
        code="DRV072",
        found=found,
        expected="COPY BINARY as PostgreSQL documents it",
        fix="run the step again; if that does not help, this is a defect to report",
    )
