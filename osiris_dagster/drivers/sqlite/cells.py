"""How values of Arrow are kept in SQLite and read back: each type has one storage class and one form.

Whole numbers, truth values and spans of time are INTEGER, floats REAL, bytes BLOB. Decimals and times are TEXT of one
form a type, so that equal values are equal texts and texts sort as the values do: `2025-01-31`,
`2025-01-31 09:30:00.000000`, with a Z behind an instant in UTC, and `1.50` with all digits of the scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from osiris_dagster.arrow import arrow_type
from osiris_dagster.columns import is_type
from osiris_dagster.drivers.tables.refusals import not_carried
from osiris_dagster.errors import DriverError

_CLASSES = {"integer": int, "real": float, "text": str, "blob": bytes}
_NAMES = {int: "an integer", float: "a real number", str: "text", bytes: "bytes"}


def storage(name: str) -> str:
    """Return the storage class of a type of ours, as a STRICT table declares it.

    >>> [storage(name) for name in ("bool", "duration", "float32", "decimal(9,2)", "date", "fixed(3)", "null")]
    ['integer', 'integer', 'real', 'text', 'text', 'blob', 'text']
    """
    if name.startswith(("int", "uint", "bool", "duration")):
        return "integer"
    return "real" if name.startswith("float") else "blob" if name.startswith(("binary", "fixed")) else "text"


def read_as(text: str) -> str:
    """Return the type of ours in which a column is read: its own, or what SQLite's rules make of a declared one.

    >>> [read_as(text) for text in ("date", "INT", "VARCHAR(20)", "", "DOUBLE PRECISION", "DATETIME", "DECIMAL(9,2)")]
    ['date', 'int64', 'string', 'binary', 'float64', 'string', 'float64']
    """
    if is_type(text):
        return text
    kinds = {"INT": "int64", "CHAR": "string", "CLOB": "string", "TEXT": "string", "BLOB": "binary", "BOOL": "bool"}
    kinds |= {"DATE": "string", "TIME": "string"}
    found = (kind for word, kind in kinds.items() if word in text.upper())
    return next(found, "float64" if text else "binary")


def fitting(column: pa.Array, name: str) -> pa.Array:
    """Return the column as another type; ArrowException unless every value stays what it is."""
    kind = arrow_type(name)
    if column.type == kind:
        return column
    changed = pc.cast(column, kind)
    if not pc.cast(changed, column.type).equals(column):
        raise pa.ArrowInvalid("values would change")
    return changed


def cells_of(column: pa.Array, name: str) -> list[Any]:
    """Return what to bind; DriverError for values that have no form. `name` is the column's."""
    kind = column.type
    if pa.types.is_floating(kind) and pc.any(pc.is_nan(column)).as_py():
        raise not_carried(name, "NaN", "SQLite keeps NULL in its place", "replace it in a step before")
    if pa.types.is_boolean(kind) or pa.types.is_duration(kind):
        return list(column.cast(pa.int64()).to_pylist())
    if pa.types.is_decimal(kind):
        return [None if value is None else format(value, "f") for value in column.to_pylist()]
    if pa.types.is_temporal(kind):
        texts = pc.cast(column, pa.string())
        if pc.any(pc.not_equal(pc.utf8_length(texts), _width(kind))).as_py():
            raise not_carried(name, "a day outside of the years 1 to 9999", "its text would not sort as it does")
        return list(texts.to_pylist())
    return list(column.to_pylist())


def _width(kind: pa.DataType) -> int:
    digits = _digits(kind)
    whole = 10 if pa.types.is_date(kind) else 8 if pa.types.is_time(kind) else 20 if kind.tz else 19
    return whole + (digits + 1 if digits else 0)


def _digits(kind: pa.DataType) -> int:
    """Return the digits that a time has behind its seconds."""
    return {"s": 0, "ms": 3, "us": 6, "ns": 9}[getattr(kind, "unit", "s")] if not pa.types.is_date(kind) else 0


def restated(column: str, own: str, there: str) -> str:
    """Return the SQL that turns cells of one type into those of a wider one; `column` is in SQL."""
    if storage(there) == "real":
        return column if storage(own) == "real" else f"cast({column} as real)"
    added, zone = "", "Z" if there.startswith("timestamptz") else ""
    if there.startswith("decimal("):
        had, has = (_scale(name) for name in (own, there))
        column = column if storage(own) == "text" else f"cast({column} as text)"
    elif pa.types.is_temporal(arrow_type(there)) and storage(there) == "text":
        had, has = (_digits(arrow_type(name)) for name in (own, there))
        added = " 00:00:00" if own == "date" else ""
    else:
        return column
    added += f"{'.' if has and not had else ''}{'0' * (has - had)}"
    return f"{f'rtrim({column}, {zone!r})' if zone else column} || '{added}{zone}'" if added else column


def _scale(name: str) -> int:
    return int(name.rstrip(")").partition(",")[2]) if name.startswith("decimal(") else 0


def column_of(cells: Sequence[Any], name: str, kind: str, first: int) -> pa.Array:
    """Return the cells as a column of a type of ours.

    Raises DriverError naming column and row, counted from `first`, for another storage class or a text of another form.
    """
    wanted = _CLASSES[storage(kind)]
    allowed = {type(None), wanted, *([int] if wanted is float else [])}
    if not allowed.issuperset(map(type, cells)):
        place = next(place for place, cell in enumerate(cells) if type(cell) not in allowed)
        raise _misplaced(name, kind, _NAMES[type(cells[place])], first + place)
    try:
        return _as_column(cells, kind)
    except (pa.ArrowException, OverflowError):
        place = next(place for place, cell in enumerate(cells) if not _is_one(cell, kind))
        raise _misplaced(name, kind, "a value of another form", first + place) from None


def _as_column(cells: Sequence[Any], kind: str) -> pa.Array:
    there = arrow_type(kind)
    if pa.types.is_null(there):
        return pa.array(cells, there)
    if pa.types.is_time(there):
        moments = pc.binary_join_element_wise("1970-01-01 ", pa.array(cells, pa.string()), "")
        whole = pc.cast(moments, pa.timestamp(there.unit))
        return whole.cast(pa.int64()).cast(pa.int32() if there.bit_width == 32 else pa.int64()).view(there)
    if storage(kind) == "text":
        return pc.cast(pa.array(cells, pa.string()), there)
    if pa.types.is_boolean(there) or pa.types.is_duration(there):
        return fitting(pa.array(cells, pa.int64()), kind)
    return pa.array(cells, there)


def _is_one(cell: Any, kind: str) -> bool:
    try:
        _as_column([cell], kind)
    except (pa.ArrowException, OverflowError):
        return False
    return True


def _misplaced(column: str, kind: str, found: str, row: int) -> DriverError:
    return not_carried(
        column,
        f"{found} in row {row}",
        f"the column is read as {kind}, and SQLite lets a table hold anything that is not STRICT",
        "correct the value, or name another type for the column in `types`",
    )
