"""Names of DuckDB types in, the type that holds the values of both exactly out."""

from __future__ import annotations

import re

_SIGNED = {"TINYINT": 8, "SMALLINT": 16, "INTEGER": 32, "BIGINT": 64, "HUGEINT": 128}
_UNSIGNED = {"UTINYINT": 8, "USMALLINT": 16, "UINTEGER": 32, "UBIGINT": 64}
_DIGITS = {
    "TINYINT": 3, "SMALLINT": 5, "INTEGER": 10, "BIGINT": 19,
    "UTINYINT": 3, "USMALLINT": 5, "UINTEGER": 10, "UBIGINT": 20,
}  # fmt: skip
_FLOATS = {"FLOAT": 24, "DOUBLE": 53}  # bits of a whole number that they hold exactly
_CHAINS = (
    ("DATE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP"),
    ("TIME", "TIME_NS"),
    ("FLOAT", "DOUBLE"),
)
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_NULL = '"NULL"'


def wider(one: str, other: str) -> str | None:
    """Return the narrowest type that holds every value of both; `one` itself when it does, None without such a type.

    >>> wider("BIGINT", "INTEGER"), wider("INTEGER", "UINTEGER"), wider("DECIMAL(5,2)", "DECIMAL(4,3)")
    ('BIGINT', 'BIGINT', 'DECIMAL(6,3)')
    >>> wider("INTEGER", "DOUBLE"), wider("BIGINT", "DOUBLE"), wider("VARCHAR", "INTEGER")
    ('DOUBLE', None, None)
    """
    if other in (one, _NULL):
        return one
    if one == _NULL:
        return other
    for chain in _CHAINS:
        if one in chain and other in chain:
            return max(one, other, key=chain.index)
    return _number(one, other)


def _number(one: str, other: str) -> str | None:
    whole = {**_SIGNED, **_UNSIGNED}
    if one in whole and other in whole:
        return _whole(one, other)
    for exact, loose in ((one, other), (other, one)):
        if exact in whole and loose in _FLOATS:
            return next((name for name, bits in _floats_from(loose) if bits >= whole[exact]), None)
    return _decimal(one, other)


def _whole(one: str, other: str) -> str | None:
    if (one in _SIGNED) == (other in _SIGNED):
        bits = {**_SIGNED, **_UNSIGNED}
        return max(one, other, key=bits.__getitem__)
    signed, unsigned = (one, other) if one in _SIGNED else (other, one)
    needed = max(_SIGNED[signed], 2 * _UNSIGNED[unsigned])
    return next(name for name, bits in _SIGNED.items() if bits >= needed)


def _floats_from(name: str) -> list[tuple[str, int]]:
    return list(_FLOATS.items())[list(_FLOATS).index(name) :]


def _decimal(one: str, other: str) -> str | None:
    first, second = _digits(one), _digits(other)
    if first is None or second is None:
        return None
    scale = max(first[1], second[1])
    precision = max(first[0] - first[1], second[0] - second[1]) + scale
    return f"DECIMAL({precision},{scale})" if precision <= 38 else None


def _digits(name: str) -> tuple[int, int] | None:
    """Precision and scale of a decimal, or of the decimal that holds a whole number."""
    if match := _DECIMAL.fullmatch(name):
        return int(match[1]), int(match[2])
    return (_DIGITS[name], 0) if name in _DIGITS else None
