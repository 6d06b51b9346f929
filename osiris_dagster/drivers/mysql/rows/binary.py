"""Rows of the binary protocol, which is that of prepared statements, become a record batch column by column.

    | 0 | bitmap of NULLs, (columns + 2 + 7) // 8 bytes | field | field | ...

Column i has bit i + 2 of the bitmap, the lowest bit of a byte first. A field that is NULL is not sent. Integers and
floats have a fixed width (little-endian), dates and times a length of one byte, all others a length prefix
(`Block.lengths`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from osiris_dagster.drivers.mysql.rows.block import Block, Mask, Positions
from osiris_dagster.drivers.mysql.rows.decimals import decimals
from osiris_dagster.drivers.mysql.rows.fields import (
    BIT,
    DATE,
    DATETIME,
    DECIMALS,
    NULL,
    TIME,
    TIMESTAMP,
    Field,
    Policies,
    schema_of_fields,
)
from osiris_dagster.drivers.mysql.rows.numbers import FIXED_WIDTH, bits, numbers
from osiris_dagster.drivers.mysql.rows.texts import texts
from osiris_dagster.drivers.mysql.rows.times import ZeroDates, dates, spans
from osiris_dagster.errors import DriverError

_NULL_OFFSET = 2  # the first two bits of the bitmap are reserved


@dataclass
class BinaryRows:
    """Decodes the blocks of one result; `zeros` counts the zero dates that became NULL."""

    fields: Sequence[Field]
    policies: Policies
    schema: pa.Schema = field(init=False)
    zeros: ZeroDates = field(init=False)

    def __post_init__(self) -> None:
        self.schema = schema_of_fields(self.fields, self.policies)
        self.zeros = ZeroDates(as_null=self.policies.zero_dates == "null")

    def batch(self, block: Block) -> pa.RecordBatch:
        """Return the rows of a block.

        Each decoder returns the positions behind its column, where the next one begins. So a field that is decoded with
        a wrong width moves all that follow, and the check at the end finds it: after the last column every row must be
        exactly at its end. The decoders do not check positions themselves.
        """
        width = (len(self.fields) + _NULL_OFFSET + 7) // 8
        bitmaps = block.bytes[(block.start + 1)[:, None] + np.arange(width)]
        with_nulls = np.bitwise_or.reduce(bitmaps, axis=0)  # columns without a NULL need no mask
        at = block.start + 1 + width
        arrays = []
        for index, (column, kind) in enumerate(zip(self.fields, self.schema.types, strict=True)):
            null = _null(bitmaps, with_nulls, index + _NULL_OFFSET)
            array, at = self._column(block, at, null, column, kind)
            arrays.append(array)
        if not np.array_equal(at, block.stop):
            raise DriverError(
                "the rows of the server do not have the form that their columns promise",
                code="DRV099",
                found="rows that end elsewhere than their last column",
                expected="the binary protocol of MySQL",
                fix="set protocol: text for this step, and report this with the version of the server",
            )
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _column(
        self, block: Block, at: Positions, null: Mask, column: Field, kind: pa.DataType
    ) -> tuple[pa.Array, Positions]:
        code = column.code
        if code in FIXED_WIDTH:
            return numbers(block, at, null, column, kind)
        if code in (DATE, DATETIME, TIMESTAMP):
            return dates(block, at, null, column, kind, self.zeros)
        if code == TIME:
            return spans(block, at, null, column, kind)
        if code in DECIMALS:
            return decimals(block, at, null, kind)
        if code == BIT:
            return bits(block, at, null, column, kind)
        if code == NULL:
            return pa.nulls(len(block)), at
        return texts(block, at, null, column, kind)


def _null(bitmaps: npt.NDArray[np.uint8], with_nulls: npt.NDArray[np.uint8], bit: int) -> Mask:
    byte, mask = bit >> 3, 1 << (bit & 7)
    return (bitmaps[:, byte] & mask).astype(bool) if with_nulls[byte] & mask else None
