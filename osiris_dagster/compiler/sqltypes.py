"""Between our type names and DuckDB's: a table for the common ones, DuckDB's own Arrow export for the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import duckdb

from osiris_dagster.arrow import columns_of, schema_of
from osiris_dagster.columns import Column, Columns
from osiris_dagster.sql.quoting import quoted

_NAMES = {
    "BOOLEAN": "bool",
    "TINYINT": "int8",
    "SMALLINT": "int16",
    "INTEGER": "int32",
    "BIGINT": "int64",
    "UTINYINT": "uint8",
    "USMALLINT": "uint16",
    "UINTEGER": "uint32",
    "UBIGINT": "uint64",
    "FLOAT": "float32",
    "DOUBLE": "float64",
    "VARCHAR": "string",
    "BLOB": "binary",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP_S": "timestamp[s]",
    "TIMESTAMP_MS": "timestamp[ms]",
    "TIMESTAMP_NS": "timestamp[ns]",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
}
_SQL = {name: sql for sql, name in _NAMES.items()}
# Types whose values would not arrive as they are: the driver refuses them too.
_NOT_CARRIED = frozenset({"bit", "bignum", "time with time zone", "uhugeint", "union", "variant"})
_DECIMAL_SQL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_DECIMAL_NAME = re.compile(r"decimal\((\d+),(\d+)\)")


class NotCarriedError(Exception):
    """A result column of a type that no other step can take over."""

    def __init__(self, column: str, kind: object) -> None:
        super().__init__(f"column {column!r} has type {kind}, which does not travel between steps")
        self.column = column
        self.fix = f"select cast({quoted(column)} as varchar) instead"


def from_duckdb(sql_type: str) -> str | None:
    """Return our name of a DuckDB type, or None when only its Arrow export can tell."""
    decimal = _DECIMAL_SQL.fullmatch(sql_type)
    return f"decimal({decimal[1]},{decimal[2]})" if decimal else _NAMES.get(sql_type)


def from_plan(kind: Mapping[str, Any]) -> str | None:
    """Return our name of a type as a serialised plan has it, or None when only its Arrow export can tell."""
    info = kind.get("type_info")
    if kind.get("id") == "DECIMAL" and info:
        return f"decimal({info.get('width', 0)},{info.get('scale', 0)})"
    return None if info else _NAMES.get(str(kind.get("id")))


def to_duckdb(name: str) -> str | None:
    """Return the DuckDB type of one of our names, or None when only an Arrow import can tell."""
    decimal = _DECIMAL_NAME.fullmatch(name)
    if decimal and int(decimal[1]) <= 38:
        return f"DECIMAL({decimal[1]},{decimal[2]})"
    return _SQL.get(name)


def create_empty(connection: duckdb.DuckDBPyConnection, table: str, columns: Columns) -> None:
    """Create an empty table with these columns in the connection's current schema."""
    kinds = [to_duckdb(column.type) for column in columns]
    if all(kinds) and columns:
        parts = (f"{quoted(c.name)} {kind}" for c, kind in zip(columns, kinds, strict=True))
        connection.execute(f"create table {quoted(table)} ({', '.join(parts)})")
        return
    connection.register("_osiris_empty", schema_of(columns).empty_table())
    connection.execute(f"create table {quoted(table)} as select * from _osiris_empty")
    connection.unregister("_osiris_empty")


def described(connection: duckdb.DuckDBPyConnection, query: str) -> Columns:
    """Return the columns of a query without running it; duckdb.Error when it does not bind, NotCarriedError."""
    rows = connection.execute(f"describe {query}").fetchall()
    kinds = [from_duckdb(str(row[1])) for row in rows]
    if all(kinds):
        return tuple(Column(str(row[0]), kind) for row, kind in zip(rows, kinds, strict=True) if kind)
    relation = connection.sql(query)
    for name, kind in zip(relation.columns, relation.types, strict=True):
        if not _carried(kind):
            raise NotCarriedError(name, kind)
    return columns_of(relation.limit(0).to_arrow_table().schema)


def _carried(kind: Any) -> bool:
    """Tell whether values of a DuckDB type, or of a type inside it, can be handed to another step."""
    if kind.id in _NOT_CARRIED:
        return False
    inner = kind.children if kind.id in ("list", "array", "struct", "map") else ()
    return all(_carried(child) for _, child in inner if isinstance(child, duckdb.sqltypes.DuckDBPyType))
