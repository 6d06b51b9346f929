"""PostgreSQL for the shared planner: its types by the names of `format_type`, and how Arrow columns are kept.

>>> DIALECT.lattice.wider("bigint", "integer"), DIALECT.lattice.wider("numeric(5,2)", "numeric(4,3)")
('bigint', 'numeric(6,3)')
>>> DIALECT.lattice.wider("numeric", "numeric(12,2)"), DIALECT.lattice.wider("character varying", "text")
('numeric', 'character varying')
>>> DIALECT.lattice.wider("bigint", "double precision"), DIALECT.lattice.wider("text", "integer")
(None, None)
"""

from __future__ import annotations

import pyarrow as pa

from osiris_dagster.drivers.batches import plain_schema
from osiris_dagster.drivers.postgres.names import check_name
from osiris_dagster.drivers.tables.dialect import Dialect, Lattice, TableColumn
from osiris_dagster.drivers.tables.refusals import not_carried

_INTEGERS = {"smallint": 16, "integer": 32, "bigint": 64}
_NATIVE = frozenset(
    {"smallint", "integer", "bigint", "real", "double precision", "numeric", "boolean", "bytea", "date", "interval",
     "text", "character varying", "timestamp without time zone", "timestamp with time zone", "time without time zone"}
)  # fmt: skip


def _keeps(table: str, rows: str) -> bool:
    """Text goes into any type that only text can carry here; a shorter time or text keeps its length."""
    if rows == "text":
        return table not in _NATIVE and not table.startswith("numeric(")
    head, bracket, tail = table.partition("(")
    return bool(bracket) and rows == f"{head}{tail.partition(')')[2]}" and head in ("timestamp", "time", "interval")


DIALECT = Dialect(
    name="PostgreSQL",
    lattice=Lattice(
        whole={name: (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for name, bits in _INTEGERS.items()},
        floats={"real": 24, "double precision": 53},
        chains=(("date", "timestamp without time zone"), ("real", "double precision"), ("text", "character varying")),
        decimal="numeric({},{})",
        most_digits=76,
        boundless="numeric",
    ),
    folds=False,
    keeps=_keeps,
    check_name=check_name,
)

_TYPES: dict[pa.DataType, str] = {
    pa.null(): "text",
    pa.bool_(): "boolean",
    pa.int8(): "smallint",
    pa.int16(): "smallint",
    pa.uint8(): "smallint",
    pa.int32(): "integer",
    pa.uint16(): "integer",
    pa.int64(): "bigint",
    pa.uint32(): "bigint",
    pa.uint64(): "numeric(20,0)",
    pa.float16(): "real",
    pa.float32(): "real",
    pa.float64(): "double precision",
    pa.string(): "text",
    pa.binary(): "bytea",
    pa.date32(): "date",
    pa.month_day_nano_interval(): "interval",
}


def stage_columns(schema: pa.Schema) -> tuple[TableColumn, ...]:
    """Return the columns that hold rows of the schema exactly; DriverError naming the first that none holds."""
    return tuple(TableColumn(field.name, type_of(field.name, field.type)) for field in plain_schema(schema))


def type_of(column: str, kind: pa.DataType) -> str:
    """Return the PostgreSQL type that holds an Arrow type; DriverError naming the column when none does."""
    if kind in _TYPES:
        return _TYPES[kind]
    if pa.types.is_decimal(kind):
        return f"numeric({max(kind.precision - min(kind.scale, 0), kind.scale)},{max(kind.scale, 0)})"
    if pa.types.is_timestamp(kind):
        return "timestamp with time zone" if kind.tz else "timestamp without time zone"
    if pa.types.is_time(kind):
        return "time without time zone"
    if pa.types.is_duration(kind):
        return "interval"
    if pa.types.is_fixed_size_binary(kind):
        return "bytea"
    if pa.types.is_list(kind) and not pa.types.is_nested(kind.value_type):
        return f"{type_of(column, kind.value_type)}[]"
    raise not_carried(
        column, str(kind), "PostgreSQL has no type that holds it exactly", "convert it in a step before, e.g. to_json"
    )
