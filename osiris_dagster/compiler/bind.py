"""Bind a processor's SQL on empty tables: output columns, scans of each input, or where and why it does not bind.

DuckDB does the work, so what binds here binds at run time. One locked in-memory connection serves the process.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb

from osiris_dagster.columns import Columns
from osiris_dagster.compiler.manifest import StepInput
from osiris_dagster.compiler.sqltypes import NotCarriedError, create_empty, described, quoted

MANY_SCANS = 2
NOT_ONE_SELECT = "NOT_ONE_SELECT"
NO_FILES = "Permission"
NOT_CARRIED = "TYPE_NOT_CARRIED"  # with NOT_ONE_SELECT our own kinds of fault, beside those of DuckDB
_HINTS = re.compile(r"\n\s*(?:Candidate|Did you mean).*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Bound:
    """A query that binds: its output columns, and how often its plan scans each input (by upstream step)."""

    columns: Columns
    scans: Mapping[str, int]


class BindError(Exception):
    """A query that does not bind; offset and length count characters, the offset is None when no place is named."""

    def __init__(
        self,
        message: str,
        *,
        kind: str,
        offset: int | None = None,
        length: int = 1,
        name: str = "",
        candidates: tuple[str, ...] = (),
        fix: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind  # COLUMN_NOT_FOUND, MISSING_ENTRY, Binder, ... as DuckDB says
        self.offset = offset
        self.length = length
        self.name = name  # the column, table or function that is at fault, where DuckDB tells
        self.candidates = candidates
        self.fix = fix


def bind(query: str, inputs: Sequence[tuple[StepInput, Columns]]) -> Bound:
    """Bind one SELECT over inputs of known columns; raises BindError."""
    check_statement(query)
    with _LOCK:
        connection = _connection()
        connection.execute("begin")
        try:
            return _bind(connection, query, inputs)
        except duckdb.Error as error:
            raise _fault(error, query, prefix=len("describe ")) from None
        except NotCarriedError as error:
            raise BindError(str(error), kind=NOT_CARRIED, name=error.column, fix=error.fix) from None
        finally:
            connection.execute("rollback")


def plan_of(query: str, inputs: Sequence[tuple[StepInput, Columns]]) -> Any:
    """Return the plan of a query that binds, as DuckDB has it in JSON; conditions stay above the scans they are of."""
    with _LOCK:
        connection = _connection()
        connection.execute("begin")
        try:
            _create_inputs(connection, inputs)
            connection.execute(f"set disabled_optimizers = '{_KEPT_OUT},filter_pushdown,join_filter_pushdown'")
            return json.loads(connection.execute(f"explain (format json) {query}").fetchall()[0][1])
        finally:
            connection.execute("rollback")
            connection.execute(f"set disabled_optimizers = '{_KEPT_OUT}'")


def check_statement(query: str) -> None:
    """Refuse anything but exactly one SELECT statement; raises BindError."""
    with _LOCK:
        try:
            statements = _connection().extract_statements(query)
        except duckdb.Error as error:
            raise _fault(error, query, prefix=0) from None
    kinds = [statement.type for statement in statements]
    if kinds != [duckdb.StatementType.SELECT]:
        found = ", ".join(kind.name for kind in kinds) or "nothing"
        raise BindError(
            f"the query must be one SELECT statement, found {found}",
            kind=NOT_ONE_SELECT,
        )


def tables_of(query: str) -> tuple[tuple[str, ...], ...]:
    """Return the tables that a SELECT names, each as its dotted path, sorted; CTE names are not tables."""
    with _LOCK:
        row = _connection().execute("select json_serialize_sql(?)", [query]).fetchone()
    tree = json.loads(row[0]) if row else {}
    return tuple(sorted(set(_base_tables(tree, frozenset()))))


def _base_tables(node: Any, ctes: frozenset[str]) -> Iterator[tuple[str, ...]]:
    if isinstance(node, list):
        for item in node:
            yield from _base_tables(item, ctes)
    elif isinstance(node, dict):
        named = {entry["key"] for entry in node.get("cte_map", {}).get("map", ())}
        ctes |= named
        if node.get("type") == "BASE_TABLE":
            path = tuple(p for p in (node["catalog_name"], node["schema_name"], node["table_name"]) if p)
            if len(path) > 1 or path[0] not in ctes:
                yield path
        for value in node.values():
            yield from _base_tables(value, ctes)


_LOCK = threading.RLock()
# An empty table would otherwise be optimised out of the plan, and its scans with it.
_KEPT_OUT = "statistics_propagation,empty_result_pullup,late_materialization"


@cache
def _connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(
        config={
            "enable_external_access": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "threads": "1",
        }
    )
    connection.execute("set errors_as_json = true")
    connection.execute(f"set disabled_optimizers = '{_KEPT_OUT}'")
    return connection


def _bind(connection: duckdb.DuckDBPyConnection, query: str, inputs: Sequence[tuple[StepInput, Columns]]) -> Bound:
    owners = _create_inputs(connection, inputs)
    output = described(connection, query)
    plan = connection.execute(f"explain (format json) {query}").fetchall()[0][1]
    counted = Counter(_scanned(json.loads(plan)))
    # A recursive part runs more than once, however often its plan names a table.
    factor = MANY_SCANS if "RECURSIVE_CTE" in plan or "REC_CTE" in plan else 1
    return Bound(output, {owners[table]: counted.get(table, 0) * factor for table in owners})


def _create_inputs(
    connection: duckdb.DuckDBPyConnection, inputs: Sequence[tuple[StepInput, Columns]]
) -> Mapping[str, str]:
    """Make the inputs as empty tables under all their names; return table -> upstream step."""
    owners: dict[str, str] = {}
    for item, columns in inputs:
        table = item.names[0]
        create_empty(connection, table, columns)
        owners[table] = item.step
        for alias in item.names[1:]:
            connection.execute(f"create view {quoted(alias)} as select * from {quoted(table)}")
    return owners


def _scanned(nodes: Any) -> Iterator[str]:
    for node in nodes:
        table = node.get("extra_info", {}).get("Table")
        if table:
            yield str(table).rpartition("main.")[2].strip('"').replace('""', '"')
        yield from _scanned(node.get("children", ()))


def _fault(error: duckdb.Error, query: str, *, prefix: int) -> BindError:
    text = str(error)
    start = text.find("{")
    try:
        detail = json.loads(text[start:]) if start >= 0 else {}
    except json.JSONDecodeError:
        detail = {}
    offset, length = _marked(detail, query, prefix)
    listed = str(detail.get("candidates", ""))
    return BindError(
        _HINTS.sub("", str(detail.get("exception_message", text))).strip(),
        kind=str(detail.get("error_subtype") or detail.get("exception_type", "")),
        offset=offset,
        length=length,
        name=str(detail.get("name", "")),
        # The signatures of an overloaded function are too many to choose from.
        candidates=() if "(" in listed else tuple(name for name in listed.split(",") if name),
    )


def _marked(detail: Mapping[str, Any], query: str, prefix: int) -> tuple[int | None, int]:
    """Return which characters of the query DuckDB means; it counts bytes, of the statement with its prefix."""
    if "position" not in detail:
        return None, 1
    data = query.encode()
    begin = max(0, int(detail["position"]) - prefix)
    _, length = json.loads(detail.get("location", "[0,0]"))
    marked = data[begin : begin + length].decode(errors="ignore") or str(detail.get("name", ""))
    return len(data[:begin].decode(errors="ignore")), max(1, len(marked.partition("\n")[0]))
