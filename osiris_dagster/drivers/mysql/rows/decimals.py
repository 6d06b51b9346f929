"""DECIMAL columns. The server sends them as text behind a length prefix, also in the binary protocol: `-12.50`.

Up to 18 digits fit into an int64 without their point, and are put together as numbers; others go through Arrow's cast.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from osiris_dagster.drivers.mysql.rows.block import Block, Mask, Positions

_FAST_DIGITS = 18  # that many fit into 64 bits
_MINUS, _POINT = ord("-"), ord(".")


def decimals(block: Block, at: Positions, null: Mask, kind: pa.DataType) -> tuple[pa.Array, Positions]:
    """Return the column, and the positions behind it."""
    start, stop = block.lengths(at, null)
    if kind.precision <= _FAST_DIGITS and _has_point(block, stop, null, kind.scale):
        return _joined(block, start, stop, null, kind), stop
    return block.gather(start, stop, null).cast(pa.string()).cast(kind), stop


def _has_point(block: Block, stop: Positions, null: Mask, scale: int) -> bool:
    """Tell whether all values have exactly `scale` digits behind the point, as those of a table's column do.

    Those of an expression may have fewer, and then the cast has to fill them up.
    """
    if not scale:
        return True
    point = block.bytes[stop - scale - 1] == _POINT
    return bool(point.all() if null is None else (point | null).all())


def _joined(block: Block, start: Positions, stop: Positions, null: Mask, kind: pa.DataType) -> pa.Array:
    """Digits before and behind the point as two integers: that and a multiplication beat Arrow's cast of the text.

    The sign is taken from the text, since the whole part of -0.50 is 0, which has none; hence `abs` before the
    fraction is added. A NULL stays empty (point = after = stop), or `gather` would get bounds that run backwards.
    """
    scale = kind.scale
    point = stop - scale - 1 if scale else stop
    if null is not None:
        point = np.where(null, stop, point)
    values = _whole(block, start, point, null)
    if scale:
        negative = block.bytes[start] == _MINUS
        after = point + 1 if null is None else point + ~null
        values = np.abs(values) * 10**scale + _whole(block, after, stop, null)
        np.negative(values, out=values, where=negative)
    words = np.empty((len(values), 2), np.int64)  # a decimal128 is 16 bytes, little-endian: value and sign
    words[:, 0] = values
    words[:, 1] = values >> 63
    valid = None if null is None else pa.py_buffer(np.packbits(~null, bitorder="little"))
    return pa.Array.from_buffers(kind, len(values), [valid, pa.py_buffer(words)])


def _whole(block: Block, start: Positions, stop: Positions, null: Mask) -> npt.NDArray[np.int64]:
    texts = block.gather(start, stop, null).cast(pa.string())
    return np.array(texts.cast(pa.int64()).fill_null(0))
