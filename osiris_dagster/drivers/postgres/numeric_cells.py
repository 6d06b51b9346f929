"""Encodes decimals as PostgreSQL's numeric in binary form: digits to the base of 10000, all rows at once.

Every value of a column gets the same number of digits; the server drops those that are zero at either end.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Words = npt.NDArray[np.uint64]
_BASE = 10_000
_SMALL, _SHORT = 18, 16  # digits that 64 bits hold; digits of a fraction that is filled up to four within 64 bits
_NEGATIVE = 0x4000


def numeric_cells(column: pa.Array) -> npt.NDArray[np.uint8]:
    """Return one row of bytes a value: count of digits, weight, sign, scale, digits; NULL counts as zero."""
    if column.type == pa.uint64():
        values = np.asarray(column.fill_null(0) if column.null_count else column)
        return _assembled(_split(values, 0, 5, 0), np.zeros(len(column), np.bool_), 5, 0)
    kind = column.type
    words = _words(column)
    negative = words[:, -1] >> np.uint64(63) == 1
    scale = max(kind.scale, 0)
    whole = -(-max(kind.precision - kind.scale, 1) // 4)
    fraction = -(-scale // 4)
    if kind.precision <= _SMALL and 0 <= kind.scale <= _SHORT:
        magnitude = np.abs(words[:, 0].view(np.int64)).view(np.uint64)
        digits = _split(magnitude, scale, whole, fraction)
    else:
        # A negative scale counts tens, hundreds, ...; a fraction is filled up to whole digits.
        power = -kind.scale if kind.scale < 0 else fraction * 4 - scale
        limbs = _limbs(_magnitudes(words, negative), power // 9 + 1)
        digits = _divided(_times(limbs, power), whole + fraction)
    return _assembled(digits, negative, whole, scale)


def _words(column: pa.Array) -> Words:
    """Return the two's complement of each value, lowest word first."""
    count = column.type.byte_width // 8
    raw = np.frombuffer(column.buffers()[1], np.uint64)
    words = raw[column.offset * count : (column.offset + len(column)) * count].reshape(-1, count).copy()
    if column.null_count:
        words[np.asarray(column.is_null())] = 0
    return words


def _magnitudes(words: Words, negative: npt.NDArray[np.bool_]) -> Words:
    carry = negative.copy()
    for place in range(words.shape[1]):
        word = np.where(negative, ~words[:, place], words[:, place]) + carry
        carry &= word == 0
        words[:, place] = word
    return words


def _limbs(words: Words, more: int) -> list[Words]:
    """Return 32 bits each, lowest first, and some more for what a multiplication adds."""
    halves = np.ascontiguousarray(words).view("<u4").astype(np.uint64)
    return [
        *(halves[:, place].copy() for place in range(halves.shape[1])),
        *(np.zeros(len(words), np.uint64) for _ in range(more)),
    ]


def _times(limbs: list[Words], power: int) -> list[Words]:
    while power > 0:
        factor, carry = np.uint64(10 ** min(power, 9)), np.zeros(len(limbs[0]), np.uint64)
        for place, limb in enumerate(limbs):
            product = limb * factor + carry
            limbs[place], carry = product & np.uint64(0xFFFFFFFF), product >> np.uint64(32)
        power -= 9
    return limbs


def _divided(limbs: list[Words], count: int) -> list[Words]:
    """Return `count` digits, highest first."""
    digits = []
    for _ in range(count):
        rest = np.zeros(len(limbs[0]), np.uint64)
        for place in reversed(range(len(limbs))):
            limbs[place], rest = np.divmod((rest << np.uint64(32)) | limbs[place], np.uint64(_BASE))
        digits.append(rest)
    return digits[::-1]


def _split(magnitude: Words, scale: int, whole: int, fraction: int) -> list[Words]:
    """Return the digits of values that fit 64 bits, highest first."""
    base = np.uint64(_BASE)
    integer, part = np.divmod(magnitude, np.uint64(10**scale)) if scale else (magnitude, magnitude)
    low, high = [], []
    part = part * np.uint64(10 ** (fraction * 4 - scale))
    for _ in range(fraction):
        part, digit = np.divmod(part, base)
        low.append(digit)
    for _ in range(whole):
        integer, digit = np.divmod(integer, base)
        high.append(digit)
    return [*high[::-1], *low[::-1]]


def _assembled(digits: list[Words], negative: npt.NDArray[np.bool_], whole: int, scale: int) -> npt.NDArray[np.uint8]:
    out = np.empty((len(negative), 4 + len(digits)), ">u2")
    out[:, 0], out[:, 1], out[:, 2], out[:, 3] = len(digits), whole - 1, np.where(negative, _NEGATIVE, 0), scale
    for place, digit in enumerate(digits):
        out[:, 4 + place] = digit
    return out.view(np.uint8).reshape(len(negative), out.shape[1] * 2)
