"""DATE, DATETIME, TIMESTAMP and TIME columns as days and microseconds.

    dates   | length | year, 2 | month | day | hour | minute | second | microsecond, 4 |     length 0, 4, 7 or 11
    at:       +0       +1        +3      +4    +5     +6       +7       +8

    spans   | length | sign | days, 4 | hour | minute | second | microsecond, 4 |            length 0, 8 or 12
    at:       +0       +1     +2        +6     +7       +8       +9

Little-endian. What is zero at the end is not sent. All parts are read at once all the same, eight bytes and then four,
and what lies beyond the length, the bytes of the next field, is made zero afterwards. SLACK is longer than that reach.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from osiris_dagster.drivers.mysql.rows.block import Block, Mask, Positions, masked
from osiris_dagster.drivers.mysql.rows.fields import DATE, Field
from osiris_dagster.errors import DriverError

_YEARS = 10_000
_SECOND = 1_000_000  # microseconds
Days = npt.NDArray[np.int32]


def _month_starts() -> Days:
    """Return the day before the first of each month since 1970-01-01, at `year * 16 + month`.

    So the day of the month is added as it is. Of the 16 places of a year, 1 to 12 are filled.
    """
    months = np.repeat(np.arange(_YEARS) - 1970, 12) * 12 + np.tile(np.arange(12), _YEARS)
    table = np.zeros((_YEARS, 16), np.int32)
    table[:, 1:13] = (months.astype("M8[M]").astype("M8[D]").astype(np.int32) - 1).reshape(_YEARS, 12)
    return table.ravel()


_MONTH_STARTS = _month_starts()
_ANY_DAY = 1970 * 16 + 1  # stands in where there is no date


class ZeroDates:
    """What becomes of dates whose month or day is 0, which no calendar has: an error, or NULL and a count."""

    def __init__(self, *, as_null: bool) -> None:
        self.count: dict[str, int] = {}
        self._as_null = as_null

    def found(self, name: str, rows: int) -> None:
        """Take note of some in one block. Raises DriverError when they are to be refused."""
        if not self._as_null:
            raise DriverError(
                f"column {name!r} holds zero dates or dates with a month or day of 0 (the first {rows} were found)",
                code="DRV098",
                found="0000-00-00 or a date like 2024-00-10",
                expected="days that exist",
                fix="set zero_dates: null to read them as NULL, or cast the column to char in a query",
            )
        self.count[name] = self.count.get(name, 0) + rows


def dates(
    block: Block, at: Positions, null: Mask, field: Field, kind: pa.DataType, zeros: ZeroDates
) -> tuple[pa.Array, Positions]:
    """Return a DATE, DATETIME or TIMESTAMP column."""
    length = _lengths(block, at, null)
    octets = block.fixed("<u8")[at + 1].view(np.int64)
    month = octets >> 16 & 0xFF
    # No date: a zero date (length 0 if its time is zero too), month or day 0, and every NULL, whose length counts as 0.
    # All of them get `_ANY_DAY`, for what is read there may be no index of the table.
    missing = (length < 4) | (month == 0) | (octets >> 24 & 0xFF == 0)
    behind = at + length + (1 if null is None else ~null)
    if missing.any():
        bad = int((missing if null is None else missing & ~null).sum())
        if bad:
            zeros.found(field.name, bad)
            null = missing if null is None else missing | null
        index = np.where(missing, _ANY_DAY, (octets & 0xFFFF) * 16 + month)
    else:
        index = (octets & 0xFFFF) * 16 + month
    day = _MONTH_STARTS[index].astype(np.int64) + (octets >> 24 & 0xFF)
    if field.code == DATE:
        return masked(day.astype("M8[D]"), kind, null), behind
    seconds = _seconds(octets >> 32, octets >> 40, octets >> 48)
    micros = block.fixed("<u4")[at + 8].astype(np.int64)
    if (length != 11).any():
        micros[length < 11] = 0
        seconds[length < 7] = 0
    return masked(((day * 86_400 + seconds) * _SECOND + micros).view("M8[us]"), kind, null), behind


def spans(block: Block, at: Positions, null: Mask, field: Field, kind: pa.DataType) -> tuple[pa.Array, Positions]:
    """Return a TIME column; a sign that is not 0 makes the span negative."""
    length = _lengths(block, at, null)
    octets = block.fixed("<u8")[at + 1]
    days = (octets >> np.uint64(8) & np.uint64(0xFFFFFFFF)).astype(np.int64)
    tail = octets.view(np.int64)
    seconds = _seconds(tail >> 40, tail >> 48, block.bytes[at + 8].astype(np.int64))
    micros = np.where(length == 12, block.fixed("<u4")[at + 9].astype(np.int64), 0)
    # Length 0 is 00:00:00, or a NULL: whatever was read there becomes 0, which has no sign either.
    span = np.where(length > 0, (days * 86_400 + seconds) * _SECOND + micros, 0)
    np.negative(span, out=span, where=(tail & 0xFF) != 0)
    array = masked(span.view("m8[us]"), pa.duration("us"), null)
    return of_day(array, field.name, kind), at + length + (1 if null is None else ~null)


def of_day(array: pa.Array, name: str, kind: pa.DataType) -> pa.Array:
    """Return spans as they are, or as times of the day if `kind` is that. DriverError for a span that is none."""
    if not pa.types.is_time(kind):
        return array
    ends = pc.min_max(array.view(pa.int64()))
    if ends["min"].is_valid and not 0 <= ends["min"].as_py() <= ends["max"].as_py() < 86_400 * _SECOND:
        raise DriverError(
            f"column {name!r} holds spans that are no times of a day",
            code="DRV098",
            found="a TIME below 00:00:00 or from 24:00:00 on",
            expected="times of a day, as the step says time: time",
            fix="leave the option out to read the column as spans",
        )
    return array.view(kind)


def _lengths(block: Block, at: Positions, null: Mask) -> Positions:
    length = block.bytes[at].astype(np.int64)
    return length if null is None else np.where(null, 0, length)


def _seconds(hour: Positions, minute: Positions, second: Positions) -> Positions:
    seconds: Positions = ((hour & 0xFF) * 60 + (minute & 0xFF)) * 60 + (second & 0xFF)
    return seconds
