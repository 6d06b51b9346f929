"""One column of awkward values for every type that travels between steps."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa

_MIDNIGHT, _LAST = dt.time(0, 0), dt.time(23, 59, 59)
_EPOCH, _OLD, _FAR = dt.datetime(1970, 1, 1), dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59)
_NEAR = [dt.datetime(1700, 1, 1), dt.datetime(2262, 1, 1), None]
_SPANS = [dt.timedelta(0), dt.timedelta(days=-400, seconds=1), dt.timedelta(hours=25), None]


def _utc(values: list[dt.datetime | None]) -> list[dt.datetime | None]:
    return [value and value.replace(tzinfo=dt.UTC) for value in values]


def _array(kind: pa.DataType, *values: object) -> pa.Array:
    return pa.array(values, kind)


VALUES: dict[str, pa.Array] = {
    "null": pa.nulls(2),
    "bool": pa.array([True, False, None]),
    **{f"int{n}": pa.array([-(2 ** (n - 1)), 2 ** (n - 1) - 1, 0, None], f"int{n}") for n in (8, 16, 32, 64)},
    **{f"uint{n}": pa.array([0, 2**n - 1, None], f"uint{n}") for n in (8, 16, 32, 64)},
    "float16": _array(pa.float16(), 1.5, -0.25, None),
    "float32": _array(pa.float32(), 0.1, -0.0, float("inf"), 3.4e38, None),
    "float64": _array(pa.float64(), 0.1, -0.0, 5e-324, 1.7976931348623157e308, float("-inf"), None),
    "string": _array(
        pa.string(), "", " ", "a,b;c\td", 'say "x"', "line\nline\r\nline", "NULL", "\\N", "žluť 漢字 😀", "00123", None
    ),
    "binary": _array(pa.binary(), b"", b"\x00\xff", b"\\", None),
    "date": _array(pa.date32(), dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(1970, 1, 1), None),
    "time[s]": _array(pa.time32("s"), _MIDNIGHT, _LAST, None),
    "time[ms]": _array(pa.time32("ms"), _MIDNIGHT, dt.time(1, 2, 3, 4000), None),
    "time": _array(pa.time64("us"), _MIDNIGHT, dt.time(23, 59, 59, 999999), dt.time(10, 0), None),
    "time[ns]": _array(pa.time64("ns"), 0, 86_399_999_999_999, None),
    "timestamp[s]": _array(pa.timestamp("s"), _EPOCH, _OLD, _FAR, None),
    "timestamp[ms]": _array(pa.timestamp("ms"), dt.datetime(1969, 12, 31, 23, 59, 59, 999000), _OLD, _FAR, None),
    "timestamp": _array(pa.timestamp("us"), dt.datetime(9999, 12, 31, 23, 59, 59, 999999), _OLD, _EPOCH, None),
    "timestamp[ns]": pa.concat_arrays(
        [pa.array(_NEAR, pa.timestamp("ns")), pa.array([1, -1, 123456789], pa.timestamp("ns"))]
    ),
    "timestamptz[s]": pa.array(_utc([_EPOCH, _OLD, _FAR, None]), pa.timestamp("s", "UTC")),
    "timestamptz[ms]": pa.array(_utc([_EPOCH, _FAR, None]), pa.timestamp("ms", "UTC")),
    "timestamptz": pa.array(
        _utc([dt.datetime(2025, 3, 30, 1, 30), dt.datetime(9999, 12, 31, 23, 59, 59, 999999), None]),
        pa.timestamp("us", "UTC"),
    ),
    "timestamptz[ns]": pa.array([1, -1, None], pa.timestamp("ns", "UTC")),
    **{f"duration[{unit}]": pa.array(_SPANS, pa.duration(unit)) for unit in ("s", "ms", "ns")},
    "duration": pa.array(_SPANS, pa.duration("us")),
    "interval": pa.array([(1, 2, 3000), (-14, 0, -1_000_000), (0, 0, 0), None], pa.month_day_nano_interval()),
    "decimal(5,2)": _array(pa.decimal128(5, 2), Decimal("999.99"), Decimal("-0.01"), Decimal("0.00"), None),
    "decimal(38,10)": _array(pa.decimal128(38, 10), Decimal("1234567890123456789012345678.0123456789"), None),
    "decimal(6,-2)": _array(pa.decimal128(6, -2), Decimal(12345600), None),
    "decimal(50,20)": _array(
        pa.decimal256(50, 20), Decimal("123456789012345678901234567890.12345678901234567891"), None
    ),
    "fixed(3)": _array(pa.binary(3), b"abc", b"\x00\x00\x00", None),
    "list<int64>": _array(pa.list_(pa.int64()), [1, None, -3], [], None),
    "struct<a: int32, b: string>": _array(
        pa.struct([("a", pa.int32()), ("b", pa.string())]), {"a": 1, "b": None}, {"a": None, "b": "x"}, None
    ),
    "map<string, int64>": _array(pa.map_(pa.string(), pa.int64()), [("k", 1), ("l", None)], [], None),
    "list<struct<a: list<decimal(5,2)>>>": _array(
        pa.list_(pa.struct([("a", pa.list_(pa.decimal128(5, 2)))])), [{"a": [Decimal("1.50"), None]}, None], None
    ),
}


def plain(column: pa.ChunkedArray) -> list[Any]:
    """The values in a form that is equal for equal values of different layouts, spans of time included."""
    kind = column.type
    array = column.combine_chunks()
    if pa.types.is_temporal(kind) and not pa.types.is_interval(kind):
        return [None if value is None else _ticks(value, kind) for value in _integers(array)]
    return [_span(value) if isinstance(value, pa.MonthDayNano) else value for value in array.to_pylist()]


def _integers(array: pa.Array) -> list[int | None]:
    width = pa.int32() if array.type.bit_width == 32 else pa.int64()
    return list(array.view(width).to_pylist())


def _ticks(value: int, kind: pa.DataType) -> int:
    """Nanoseconds, days for dates."""
    unit = getattr(kind, "unit", "ns")
    return value if unit == "day" else value * {"s": 10**9, "ms": 10**6, "us": 1000, "ns": 1}[unit]


def _span(value: pa.MonthDayNano) -> Any:
    return value.nanoseconds if not value.months and not value.days else tuple(value)
