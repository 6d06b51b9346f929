"""SQLite for the shared planner. It has four storage classes, so our tables are planned by our own names of types.

A column that somebody else declared stays as it is, and only values are checked: its type is written as declared, in
capitals, which no name of ours is.

>>> DIALECT.lattice.wider("int64", "int16"), DIALECT.lattice.wider("decimal(5,2)", "int8")
('int64', 'decimal(5,2)')
>>> DIALECT.keeps("VARCHAR(20)", "string"), DIALECT.keeps("int64", "string")
(True, False)
"""

from __future__ import annotations

import pyarrow as pa

from osiris_dagster.arrow import type_name
from osiris_dagster.drivers.batches import plain_schema
from osiris_dagster.drivers.tables.dialect import Dialect, Lattice, TableColumn
from osiris_dagster.drivers.tables.refusals import not_carried
from osiris_dagster.errors import DriverError

_KEPT_AS: dict[pa.DataType, pa.DataType] = {pa.float16(): pa.float32(), pa.uint64(): pa.decimal128(20, 0)}


def _check_name(name: str, what: str) -> None:
    ours = what == "table" and name.lower().startswith(("sqlite_", "_osiris"))
    if ours or "\0" in name:
        raise DriverError(
            f"SQLite takes no {what} named {name!r}",
            code="DRV070",
            found="a name that is reserved" if ours else "a NUL character",
            expected="a name of your own",
            fix=f"choose another name for the {what}",
        )


DIALECT = Dialect(
    name="SQLite",
    lattice=Lattice(
        whole={
            **{f"int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
            **{f"uint{bits}": (0, 2**bits - 1) for bits in (8, 16, 32)},
        },
        floats={"float32": 24, "float64": 53},
        chains=(
            ("date", "timestamp[s]", "timestamp[ms]", "timestamp"),
            ("timestamptz[s]", "timestamptz[ms]", "timestamptz"),
            ("time[s]", "time[ms]", "time", "time[ns]"),
            ("float32", "float64"),
        ),
        decimal="decimal({},{})",
        most_digits=76,
        nothing="null",
    ),
    folds=True,
    keeps=lambda table, rows: table == table.upper() and table != rows,
    check_name=_check_name,
)


def row_columns(schema: pa.Schema) -> tuple[TableColumn, ...]:
    """Return the columns that hold rows of the schema; DriverError naming the first that none holds exactly."""
    return tuple(TableColumn(field.name, _kept_type(field)) for field in plain_schema(schema))


def _kept_type(field: pa.Field) -> str:
    kind = _KEPT_AS.get(field.type, field.type)
    if pa.types.is_nested(kind) or pa.types.is_interval(kind):
        raise not_carried(
            field.name, str(kind), "SQLite has no type that holds it exactly", "convert it to text before"
        )
    if pa.types.is_decimal(kind) and kind.scale < 0:
        kind = pa.decimal256(kind.precision - kind.scale, 0)
    return type_name(kind)
