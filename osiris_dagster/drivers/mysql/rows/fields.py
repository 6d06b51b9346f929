"""The Arrow type of a result column, from its description by the server; what cannot be carried is refused by name.

The server describes the result, not a table, so expressions have a description as well. The type is chosen from it
before any row is seen, so it has to hold every value that such a column can have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from osiris_dagster.errors import DriverError

# Numbers of the protocol.
TINY, SHORT, LONG, FLOAT, DOUBLE, NULL, TIMESTAMP, LONGLONG, INT24 = 1, 2, 3, 4, 5, 6, 7, 8, 9
DATE, TIME, DATETIME, YEAR, BIT, JSON, GEOMETRY = 10, 11, 12, 13, 16, 245, 255
DECIMALS = frozenset({0, 246})
TEXTS = frozenset({15, 247, 248, 249, 250, 251, 252, 253, 254})  # and bytes: the character set tells them apart
INTEGERS = {TINY: 8, SHORT: 16, YEAR: 16, LONG: 32, INT24: 32, LONGLONG: 64}  # bits
_UNSIGNED, _BINARY_CHARSET = 32, 63
_MOST_DIGITS = 76  # of a decimal256
_REFUSED = {
    GEOMETRY: ("a geometry", "select st_astext(column) or st_asbinary(column)"),
    242: ("a vector", "select the column as text or as bytes"),
}


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a result as the protocol describes it."""

    name: str
    code: int
    length: int  # of the longest value: bits of a BIT, characters of the text of a number
    scale: int
    unsigned: bool
    binary: bool  # bytes, not text


@dataclass(frozen=True, slots=True)
class Policies:
    """What to do with values that have no single exact form."""

    tinyint1: Literal["bool", "integer"] = "bool"
    zero_dates: Literal["refuse", "null"] = "refuse"
    time: Literal["duration", "time"] = "duration"


def field_of(packet: Any) -> Field:
    """Read the description that pymysql parsed from a column packet."""
    return Field(
        name=packet.name,
        code=packet.type_code,
        length=packet.length,
        scale=packet.scale,
        unsigned=bool(packet.flags & _UNSIGNED),
        binary=packet.charsetnr == _BINARY_CHARSET,
    )


def schema_of_fields(fields: Sequence[Field], policies: Policies) -> pa.Schema:
    """Return the Arrow schema; DriverError naming the first column that is not carried, or two of one name."""
    names = [field.name for field in fields]
    for name in names:
        if names.count(name) > 1:
            raise DriverError(
                f"the result has {names.count(name)} columns named {name!r}",
                code="DRV010",
                found=", ".join(names),
                expected="a name of its own for each column",
                fix="give the columns different names with `as`",
            )
    return pa.schema([(field.name, arrow_type_of_field(field, policies)) for field in fields])


def arrow_type_of_field(field: Field, policies: Policies) -> pa.DataType:
    """Return the type that holds every value of the column exactly."""
    code = field.code
    if code in DECIMALS:
        return _decimal(field)
    if code == TINY and field.length == 1 and not field.unsigned and policies.tinyint1 == "bool":
        return pa.bool_()
    if code in INTEGERS:
        return getattr(pa, f"{'u' if field.unsigned else ''}int{INTEGERS[code]}")()
    if code == BIT:
        return pa.bool_() if field.length == 1 else pa.uint64()
    if code in TEXTS or code == JSON:
        return pa.binary() if field.binary and code != JSON else pa.string()
    if code == TIME and policies.time == "time":
        return pa.time64("us")
    found = _PLAIN.get(code)
    if found is None:
        what, fix = _REFUSED.get(code, (f"a value of type {code}", "cast the column to char in a query"))
        raise DriverError(
            f"column {field.name!r} holds {what}, which is not carried",
            code="DRV010",
            found=what,
            expected="a number, a text, bytes, a date or a time",
            fix=fix,
        )
    return found


_PLAIN: dict[int, pa.DataType] = {
    FLOAT: pa.float32(),
    DOUBLE: pa.float64(),
    NULL: pa.null(),
    DATE: pa.date32(),
    DATETIME: pa.timestamp("us"),
    TIMESTAMP: pa.timestamp("us", "UTC"),  # an instant; the session's time zone is UTC
    TIME: pa.duration("us"),  # -838:59:59.999999 to 838:59:59.999999: a span, not a time of day
}


def _decimal(field: Field) -> pa.DataType:
    # The length counts the characters of the longest text: digits, a point if there are decimals, and a sign.
    precision = field.length - (1 if field.scale else 0) - (0 if field.unsigned else 1)
    precision = max(1, min(precision, _MOST_DIGITS), field.scale)
    return pa.decimal128(precision, field.scale) if precision <= 38 else pa.decimal256(precision, field.scale)
