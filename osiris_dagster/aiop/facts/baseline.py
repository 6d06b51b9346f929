"""One number against the numbers before it: median, median absolute deviation, robust z-score. Exact decimals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

ENOUGH = 5
"""Fewer runs than these say nothing about what is usual."""
LIMIT = Decimal("3.5")
NOTABLE = Decimal("0.2")
"""Times and memory waver by themselves: a smaller part of the median is not unusual, however regular they were."""
_WAVERING = ("duration_ms", "peak_memory_bytes")


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the runs before say about a number; decimals as text, empty where there is nothing to say.

    `judgement`: few_samples, normal, anomaly, constant (always this value), changed (always another value).
    """

    median: str
    mad: str
    robust_z: str
    samples: int
    judgement: str


def baseline(name: str, current: int, before: Sequence[int]) -> Baseline:
    """Judge a number by those before it.

    >>> baseline("rows_out", 10, [100, 101, 99, 100, 102])
    Baseline(median='100.00', mad='1.00', robust_z='-60.70', samples=5, judgement='anomaly')
    """
    if not before:
        return Baseline("", "", "", 0, "few_samples")
    middle = median(map(Decimal, before))
    mad = median(abs(Decimal(value) - middle) for value in before)
    off = Decimal(current) - middle
    z = Decimal("0.6745") * off / mad if mad else None
    return Baseline(_text(middle), _text(mad), _text(z), len(before), _judgement(name, off, middle, z, len(before)))


def _judgement(name: str, off: Decimal, middle: Decimal, z: Decimal | None, samples: int) -> str:
    if samples < ENOUGH:
        return "few_samples"
    slight = name in _WAVERING and abs(off) < NOTABLE * middle
    if z is None:
        return "constant" if not off else "normal" if slight else "changed"
    return "anomaly" if abs(z) >= LIMIT and not slight else "normal"


def percent(current: int, previous: int | None) -> str:
    """Return the change in percent; empty when there is nothing to compare with, or it was 0.

    >>> percent(90, 120), percent(1, 0), percent(1, None)
    ('-25.00', '', '')
    """
    return _text(Decimal(100) * (current - previous) / previous) if previous else ""


def _text(value: Decimal | None) -> str:
    """Return two decimals, without a minus before zero."""
    if value is None:
        return ""
    rounded = value.quantize(Decimal("0.01"))
    return str(rounded or abs(rounded))
