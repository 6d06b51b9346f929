"""Finds the narrowest type that holds every value of a column of text.

Blocks are judged one by one and their verdicts joined, so the whole file is looked at in one pass of bounded memory.
Codes stay text: 007 and +5 are no numbers. So do whole numbers beyond int64, or beyond 2^53 among fractions, and
numbers of more than 17 digits, which is what float64 itself prints at most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from osiris_dagster.drivers.filesystem.csv_parse import FALSE, TRUE

_EXACT_INTEGER = 2**53  # float64 holds whole numbers up to here
_SURE_DIGITS = 15  # float64 gives any decimal number of so many digits back
_MOST_DIGITS = 17
_BOOLS = pa.array(TRUE + FALSE)

# From narrow to wide; text holds everything.
_DATES = ("date", "timestamp", "timestamp[ns]")
_TYPES: dict[str, pa.DataType] = {
    "bool": pa.bool_(),
    "int": pa.int64(),
    "float": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamp[ns]": pa.timestamp("ns"),
    "timestamptz": pa.timestamp("us", tz="UTC"),
    "text": pa.string(),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the values of a column are so far; without a kind there was none yet."""

    kind: str = ""
    largest: int = 0  # of whole numbers, without sign

    @property
    def type(self) -> pa.DataType:
        """The type to read the column with; text when it is empty."""
        return _TYPES[self.kind or "text"]

    def join(self, other: Verdict) -> Verdict:
        """Return the verdict on the values of both."""
        largest = max(self.largest, other.largest)
        if not self.kind or not other.kind or self.kind == other.kind:
            return Verdict(self.kind or other.kind, largest)
        kinds = {self.kind, other.kind}
        if kinds == {"int", "float"}:
            return Verdict("float" if largest <= _EXACT_INTEGER else "text", largest)
        if kinds <= set(_DATES):
            return Verdict(max(kinds, key=_DATES.index), largest)
        return Verdict("text", largest)


def judged(text: pa.ChunkedArray, guess: Verdict, *, dates: bool) -> Verdict:
    """Return the verdict on the values of a block; `guess`, the verdict so far, only saves time."""
    return reduce(Verdict.join, (_judged(chunk, guess, dates=dates) for chunk in text.chunks), Verdict())


def _judged(text: pa.Array, guess: Verdict, *, dates: bool) -> Verdict:
    values = pc.drop_null(text)
    if len(values) and pc.min(pc.binary_length(values)).as_py() == 0:
        values = values.filter(pc.not_equal(values, ""))  # quoted and empty: no value, unless the column is text
    if not len(values):
        return Verdict()
    for kind in _order(guess.kind, dates=dates):
        verdict = _TESTS[kind](values, kind)
        if verdict is not None:
            return verdict
    return Verdict("text")


def _order(first: str, *, dates: bool) -> Iterator[str]:
    """Yield the kinds to try: the likely one, then from narrow to wide."""
    if first:
        yield first
    for kind in _TESTS:
        if kind != first and (dates or _TESTS[kind] is not _date):
            yield kind


def _bool(values: pa.Array, kind: str) -> Verdict | None:
    return Verdict(kind) if pc.all(pc.is_in(values, value_set=_BOOLS)).as_py() else None


def _int(values: pa.Array, kind: str) -> Verdict | None:
    values, numbers = _numbers(values, kind)
    if numbers is None or _any(pc.starts_with(values, "-0")):
        return None
    if _count(pc.starts_with(values, "0")) != _count(pc.equal(values, "0")):
        return None  # 007, or hexadecimal 0x7
    ends = pc.min_max(numbers)
    return Verdict(kind, max(abs(ends["min"].as_py()), abs(ends["max"].as_py())))


def _float(values: pa.Array, kind: str) -> Verdict | None:
    values, numbers = _numbers(values, kind)
    if numbers is None or _any(pc.starts_with(values, "+")) or _coded(values):
        return None
    if _any(pc.is_inf(numbers)) and _count(pc.is_inf(numbers)) != _count(_matches(values, "(?i)^-?inf")):
        return None  # too large for float64
    lengths = pc.binary_length(values)
    if pc.max(lengths).as_py() > _SURE_DIGITS and not (_fractions(values, numbers) and _few_digits(values, lengths)):
        return None
    return Verdict(kind)


def _date(values: pa.Array, kind: str) -> Verdict | None:
    return None if _cast(values, kind) is None else Verdict(kind)


def _coded(values: pa.Array) -> bool:
    """Tell whether a number begins with a zero that it does not need."""
    zero = pc.starts_with(values, "0")
    needed = _count(pc.starts_with(values, "0.")) + _count(pc.equal(values, "0"))
    if _count(zero) != needed and _any(_matches(values.filter(zero), "^0[0-9]")):
        return True
    below = pc.starts_with(values, "-0")
    return _any(below) and _any(_matches(values.filter(below), "^-0[0-9]"))


def _fractions(values: pa.Array, numbers: pa.Array) -> bool:
    """Tell whether numbers too large to be held exactly are at least not written as whole numbers."""
    large = pc.greater_equal(pc.abs(numbers), _EXACT_INTEGER)
    return not _any(large) or bool(pc.all(_matches(values.filter(large), "[.eEnN]")).as_py())


def _few_digits(values: pa.Array, lengths: pa.Array) -> bool:
    """Tell whether no number has more digits than float64 prints."""
    others = pc.add(pc.cast(pc.starts_with(values, "-"), pa.int32()), pc.cast(_begin_with_zero(values), pa.int32()))
    digits = pc.subtract(pc.subtract(lengths, 1), others)  # 1 for the point
    if pc.max(digits).as_py() <= _MOST_DIGITS:
        return True
    values = values.filter(pc.greater(digits, _MOST_DIGITS))
    digits = pc.ascii_trim(pc.replace_substring_regex(values, "[eE].*|[^0-9]", ""), "0")
    return bool(pc.max(pc.binary_length(digits)).as_py() <= _MOST_DIGITS)


def _begin_with_zero(values: pa.Array) -> pa.Array:
    return pc.or_(pc.starts_with(values, "0."), pc.starts_with(values, "-0."))


def _numbers(values: pa.Array, kind: str) -> tuple[pa.Array, pa.Array | None]:
    """Return the values, without space around them if that is needed to read them, and the numbers they are."""
    numbers = _cast(values, kind)
    if numbers is None:
        values = pc.ascii_trim_whitespace(values)
        numbers = _cast(values, kind)
    return values, numbers


def _cast(values: pa.Array, kind: str) -> pa.Array | None:
    try:
        return pc.cast(values, _TYPES[kind])
    except pa.ArrowInvalid:
        return None


def _matches(values: pa.Array, pattern: str) -> pa.Array:
    return pc.match_substring_regex(values, pattern)


def _any(mask: pa.Array) -> bool:
    return bool(pc.any(mask).as_py())


def _count(mask: pa.Array) -> int:
    return int(mask.true_count)


_TESTS: Mapping[str, Callable[[Any, str], Verdict | None]] = {
    "bool": _bool,
    "int": _int,
    "float": _float,
    "date": _date,
    "timestamp": _date,
    "timestamp[ns]": _date,
    "timestamptz": _date,
}
