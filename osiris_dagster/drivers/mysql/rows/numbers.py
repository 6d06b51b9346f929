"""Integers, floats, BIT and booleans of a block as Arrow arrays.

Integers and floats have a fixed width and no length; a BIT is its bytes, the highest first, behind a length prefix.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from osiris_dagster.drivers.mysql.rows.block import Block, Mask, Positions, advanced, masked
from osiris_dagster.drivers.mysql.rows.fields import DOUBLE, FLOAT, INT24, INTEGERS, Field
from osiris_dagster.errors import DriverError

# INT24 takes four bytes in the binary protocol, as LONG does.
_WIDTHS = {**{code: bits // 8 for code, bits in INTEGERS.items()}, INT24: 4, FLOAT: 4, DOUBLE: 8}
FIXED_WIDTH = frozenset(_WIDTHS)


def numbers(block: Block, at: Positions, null: Mask, field: Field, kind: pa.DataType) -> tuple[pa.Array, Positions]:
    """Return the column, and the positions behind it."""
    width = _WIDTHS[field.code]
    letter = "f" if field.code in (FLOAT, DOUBLE) else "u" if field.unsigned else "i"
    values = block.fixed(f"<{letter}{width}")[at]
    if kind == pa.bool_():
        check_boolean(values, null, field.name)
        values = values.astype(bool)
    return masked(values, kind, null), advanced(at, width, null)


def check_boolean(values: np.ndarray, null: Mask, name: str) -> None:
    """Raise DriverError for a tinyint(1) that holds more than 0 and 1."""
    other = (values != 0) & (values != 1)
    if null is not None:
        other &= ~null
    if other.any():
        raise DriverError(
            f"column {name!r} is a tinyint(1) with {int(other.sum())} values that are neither 0 nor 1",
            code="DRV098",
            found="numbers in a column that would be read as true and false",
            expected="0 and 1",
            fix="set tinyint1: integer to read the column as numbers",
        )


def bits(block: Block, at: Positions, null: Mask, field: Field, kind: pa.DataType) -> tuple[pa.Array, Positions]:
    """Return a BIT column as the number that its bits make, BIT(1) as true or false."""
    start, stop = block.lengths(at, null)
    values = np.zeros(len(start), np.uint64)
    octets = block.bytes
    for place in range((field.length + 7) // 8):  # one byte of every row; rows that have no more keep their number
        within = start + place < stop
        byte = octets[np.where(within, start + place, 0)].astype(np.uint64)
        values = np.where(within, (values << np.uint64(8)) | byte, values)
    return masked(values.astype(bool) if kind == pa.bool_() else values, kind, null), stop
