"""Text and bytes of a block as Arrow arrays: a length prefix and the bytes, which are UTF-8 for text.

The connection asks for utf8mb4, so the server converts. A column in the character set `binary` holds bytes.
"""

from __future__ import annotations

import pyarrow as pa

from osiris_dagster.drivers.mysql.rows.block import Block, Mask, Positions
from osiris_dagster.drivers.mysql.rows.fields import Field
from osiris_dagster.errors import DriverError


def texts(block: Block, at: Positions, null: Mask, field: Field, kind: pa.DataType) -> tuple[pa.Array, Positions]:
    """Return the column, and the positions behind it."""
    start, stop = block.lengths(at, null)
    octets = block.gather(start, stop, null)
    return octets if kind == pa.binary() else as_text(octets, field.name), stop


def as_text(octets: pa.Array, name: str) -> pa.Array:
    """Return bytes as text. DriverError naming the column for what is no UTF-8."""
    try:
        return octets.cast(pa.string())
    except pa.ArrowInvalid as error:
        raise DriverError(
            f"column {name!r} holds text that is not valid in its character set",
            code="DRV098",
            found="bytes that are no UTF-8",
            expected="text that the server can give as utf8mb4",
            fix="correct the values, or select cast(column as binary) to read them as bytes",
        ) from error
