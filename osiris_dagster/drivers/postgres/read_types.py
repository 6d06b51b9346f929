"""How each column of a query travels, by the server's description, and which type it has between steps.

What numpy decodes travels in the binary form of its type. All other types travel as text that the server makes, so
that any type can be read: what has an exact form between steps becomes that, the rest stays text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
from psycopg2.extensions import Column as Described

from osiris_dagster.drivers.batches import arrow_type_of
from osiris_dagster.drivers.postgres.session import Session
from osiris_dagster.errors import DriverError
from osiris_dagster.sql.quoting import quoted

NUMERIC = 1700
DEFAULT_UNBOUNDED = "decimal(38,10)"
"""The type of a numeric without precision where a step does not say it."""
_MONEY = 790
_ENUM = -1  # stands for any enumeration
_SMALL_DIGITS = 18  # digits that a 64-bit integer holds
_MOST_DIGITS = 76  # of an Arrow decimal


@dataclass(frozen=True, slots=True)
class Field:
    """One column on its way: `kind` names the binary form that `copy_decode` finds, `cast` what the server does."""

    name: str
    type: pa.DataType
    kind: str
    cast: str = ""
    item: Field | None = None  # of a list


@dataclass(frozen=True, slots=True)
class _Form:
    kind: str
    type: pa.DataType
    cast: str = ""


_TEXT = _Form("text", pa.string(), "::text")
_FORMS: dict[int, _Form] = {
    16: _Form("bool", pa.bool_()),
    17: _Form("bytea", pa.binary()),
    19: _Form("text", pa.string()),  # name
    20: _Form("int8", pa.int64()),
    21: _Form("int2", pa.int16()),
    23: _Form("int4", pa.int32()),
    25: _Form("text", pa.string()),
    26: _Form("int8", pa.int64(), "::int8"),  # oid
    114: _Form("text", pa.string()),  # json
    700: _Form("float4", pa.float32()),
    701: _Form("float8", pa.float64()),
    705: _Form("text", pa.string(), "::text"),  # unknown: a literal without a type
    1042: _Form("text", pa.string()),  # char(n), padded as the server keeps it
    1043: _Form("text", pa.string()),
    1082: _Form("date", pa.date32()),
    1083: _Form("time", pa.time64("us")),
    1114: _Form("timestamp", pa.timestamp("us")),
    1184: _Form("timestamp", pa.timestamp("us", "UTC")),
    1186: _Form("interval", pa.month_day_nano_interval()),
    _MONEY: _Form("text", pa.decimal128(21, 2), "::numeric::text"),
}


def fields_of(session: Session, query: str, unbounded: str) -> tuple[Field, ...]:
    """Describe a query without running it; `unbounded` is the type of a numeric without precision."""
    described = session.describe(f"select * from (\n{query}\n) q limit 0")
    if not described:
        raise DriverError(
            "the rows have no columns",
            code="DRV037",
            found="no column",
            expected="at least one column",
            fix="select at least one column",
        )
    unknown = {int(column.type_code) for column in described} - {*_FORMS, NUMERIC}
    elements = _element_types(session, unknown) if unknown else {}
    return tuple(_field(column, elements, unbounded) for column in described)


def _element_types(session: Session, oids: set[int]) -> dict[int, int]:
    """Return array -> its element, 0 when that travels as text; and enumerations as themselves."""
    found = session.rows(
        "select t.oid, t.typtype, e.oid, e.typtype from pg_catalog.pg_type t left join pg_catalog.pg_type e "
        "on e.oid = t.typelem and t.typlen = -1 and t.typcategory = 'A' where t.oid = any(%s)",
        [sorted(oids)],
    )
    kinds: dict[int, int] = {}
    for oid, kind, element, element_kind in found:
        if kind == "e":
            kinds[oid] = oid
        elif element is not None:
            kinds[oid] = element if element in _FORMS or element == NUMERIC else _ENUM if element_kind == "e" else 0
    return kinds


def _field(column: Described, elements: dict[int, int], unbounded: str) -> Field:
    oid = int(column.type_code)
    if oid == NUMERIC:
        return _numeric(column.name, column.precision, column.scale, unbounded)
    if oid in _FORMS:
        return _plain(column.name, _FORMS[oid])
    element = elements.get(oid)
    if element == oid:
        return Field(column.name, pa.string(), "text")  # an enumeration: its label
    if element is None:
        return _plain(column.name, _TEXT)
    item = _item(element, column.name, unbounded)
    return Field(column.name, pa.list_(item.type), "list", f"{item.cast}[]" if item.cast else "", item)


def _item(element: int, name: str, unbounded: str) -> Field:
    if element == NUMERIC:
        item = _numeric(name, None, None, unbounded)
    elif element == _ENUM:
        item = Field(name, pa.string(), "text")
    elif element == _MONEY:
        item = _plain(name, _TEXT)
    else:
        item = _plain(name, _FORMS.get(element, _TEXT))
    return item


def _plain(name: str, form: _Form) -> Field:
    return Field(name, form.type, form.kind, form.cast)


def _numeric(name: str, precision: int | None, scale: int | None, unbounded: str) -> Field:
    if precision is None or scale is None or precision == 0:
        return _unbounded(name, unbounded)
    scale = scale - 2048 if scale >= 1024 else scale  # eleven bits with a sign
    digits, scale = max(precision - min(scale, 0), scale), max(scale, 0)
    if digits > _MOST_DIGITS:
        return _unbounded(name, unbounded)
    kind = pa.decimal128(digits, scale) if digits <= 38 else pa.decimal256(digits, scale)
    return Field(name, kind, "numeric") if digits <= _SMALL_DIGITS else Field(name, kind, "text", "::text")


def _unbounded(name: str, unbounded: str) -> Field:
    kind = arrow_type_of(unbounded, name)
    if pa.types.is_float64(kind):
        return Field(name, kind, "float8", "::float8")
    return Field(name, kind, "text", "::text")


def select_list(fields: Sequence[Field]) -> str:
    """Return what to select from a query named `q` so that its columns travel as planned."""
    return ", ".join(f"q.{quoted(field.name)}{field.cast}" for field in fields)
