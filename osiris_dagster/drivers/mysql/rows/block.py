"""Complete row packets, one after the other in a buffer, and the few ways to take values out of all of them at once.

    | header | row 0 | header | row 1 | ... | SLACK
               ^ start[0]       ^ start[1]     stop[0] is where the header behind row 0 begins

Positions are arrays with one number for each row: where the next field of that row begins in the buffer. A column is
decoded from them and moves them behind its field, so columns can only be decoded from left to right. A row whose field
is NULL has nothing there: its position stands on the next field already. What is read at it is the bytes of something
else, which every decoder has to mask.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_] | None
"""Which rows are NULL; None when no row is."""

SLACK = 32
"""Readable bytes behind the last row, so that a gather at the position of a NULL never leaves the buffer."""

_even = np.arange(0, 1 << 17, 2, dtype=np.int32)


@dataclass(frozen=True, slots=True)
class Block:
    """Rows as they came: the buffer, and where the payload of each packet begins and ends."""

    buffer: bytearray
    start: Positions
    stop: Positions

    def __len__(self) -> int:
        return len(self.start)

    @property
    def bytes(self) -> npt.NDArray[np.uint8]:
        """The buffer as numbers."""
        return np.frombuffer(self.buffer, np.uint8)

    def fixed(self, dtype: str) -> npt.NDArray[Any]:
        """Return an array whose element at any position is the value that begins there, aligned or not."""
        width = np.dtype(dtype).itemsize
        return np.ndarray((len(self.buffer) - width + 1,), dtype, buffer=self.buffer, strides=(1,))

    def gather(self, start: Positions, stop: Positions, null: Mask) -> pa.Array:
        """Return the bytes from `start` to `stop` of each row.

        An Arrow array with the values at its even elements, and what lies between them at the odd ones, is laid over
        the buffer; taking the even ones is one copy in C. It has to be a copy: the next block overwrites the buffer.

        Nothing checks the bounds: rows must be in the order of the buffer and none may stop before it starts, a NULL
        included, and the buffer must be shorter than 2 GiB (RowPackets sees to that), for Arrow's offsets are int32.
        """
        count = len(start)
        bounds = np.empty(2 * count + 1, np.int32)
        bounds[0:-1:2] = start
        bounds[1::2] = stop
        bounds[-1] = bounds[-2]
        laid = pa.Array.from_buffers(pa.binary(), 2 * count, [None, pa.py_buffer(bounds), pa.py_buffer(self.buffer)])
        return laid.take(pa.array(_evens(count), mask=null))

    def lengths(self, at: Positions, null: Mask) -> tuple[Positions, Positions]:
        """Return where the length-prefixed values at `at` begin and end; a NULL has neither prefix nor bytes.

        A prefix is the length itself up to 250, else 252 and u2, 253 and u3, or 254 and u8. (251 is the NULL of the
        text protocol.) u3 is read as u4, and its upper byte, which is of the value, masked away.
        """
        first = self.bytes[at]
        length = first.astype(np.int64)
        start = at + 1
        if (first > 250).any():  # the prefix itself is 3, 4 or 9 bytes long
            for mark, dtype, width, most in ((252, "<u2", 2, -1), (253, "<u4", 3, 0xFFFFFF), (254, "<i8", 8, -1)):
                long = first == mark if null is None else (first == mark) & ~null
                if long.any():
                    length[long] = self.fixed(dtype)[at[long] + 1].astype(np.int64) & most
                    start[long] += width
        if null is not None:  # last: above they were taken for prefixes like all others
            length[null] = 0
            start[null] = at[null]
        return start, start + length


def _evens(count: int) -> npt.NDArray[np.int32]:
    global _even  # noqa: PLW0603 - grows to the largest block seen; making it for each column costs more than the take
    if count > len(_even):
        _even = np.arange(0, 4 * count, 2, dtype=np.int32)
    return _even[:count]


def masked(values: npt.NDArray[Any], kind: pa.DataType, null: Mask) -> pa.Array:
    """Return numbers as an Arrow array of `kind`."""
    made = pa.array(values, mask=null)
    return made if made.type == kind else made.cast(kind)


def advanced(at: Positions, width: int, null: Mask) -> Positions:
    """Return the positions behind a field of fixed width, which a NULL does not take up."""
    return at + width if null is None else at + np.where(null, 0, width)
