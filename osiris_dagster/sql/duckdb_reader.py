"""SQL of DuckDB in, the tree of one SELECT as DuckDB's own parser sees it out, or where and why it is none."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import Any

import duckdb

from osiris_dagster.sql.refusal import (
    CONDITION_HEAD,
    SourceSqlError,
    TablePath,
    acting,
    not_a_condition,
    not_one_select,
    not_read_only,
)
from osiris_dagster.sql.side_effects import acts

LOCK = threading.RLock()
PLAN_OF = "osiris_plan_of"
"""The prepared statement that gives the bound plan of a query as JSON."""
Tree = Mapping[str, Any]
_QUERIES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
_SOURCES = frozenset(
    {"BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EMPTY", "EXPRESSION_LIST", "PIVOT", "DELIM_GET"}
)
_FILE = re.compile(
    r".*(?:[/\\]|://|\.(?:csv|tsv|txt|json|jsonl|ndjson|parquet|xlsx|avro|gz|zst|db|duckdb)\Z).*", re.IGNORECASE
)
# An empty table would otherwise be optimised out of the plan, and its scans with it.
_KEPT_OUT = ("statistics_propagation", "empty_result_pullup", "late_materialization")


@cache
def locked_database(*also_kept_out: str) -> duckdb.DuckDBPyConnection:
    """Return the one locked, empty database of the process that plans without these optimisers; hold LOCK meanwhile."""
    opened = duckdb.connect(
        config={
            "enable_external_access": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "threads": "1",
        }
    )
    opened.execute("set errors_as_json = true")
    opened.execute("set TimeZone = 'UTC'")
    opened.execute(f"set disabled_optimizers = '{','.join((*_KEPT_OUT, *also_kept_out))}'")
    opened.execute("set lock_configuration = true")
    call = "json_serialize_plan($1, skip_null := true, skip_empty := true, skip_default := true)"
    opened.execute(f"prepare {PLAN_OF} as select {call}")
    return opened


def statements_of(query: str) -> list[duckdb.Statement]:
    """Return the statements of a text; duckdb.Error when it is no SQL."""
    with LOCK:
        return locked_database().extract_statements(query)


def tree_of(query: str) -> Tree | None:
    """Return the tree of the one SELECT in a text; None when DuckDB has no tree for it."""
    with LOCK:
        row = locked_database().execute("select json_serialize_sql(?)", [query]).fetchone()
    value = json.loads(row[0]) if row else {}
    statements = value.get("statements", ())
    return statements[0]["node"] if len(statements) == 1 else None


def not_reading(tree: Tree) -> str:
    """Return the first part of a tree that does more than read, such as INSERT in a CTE; empty when all of it reads."""
    for node in _nodes(tree):
        kind = str(node.get("type", ""))
        if kind.endswith("_NODE") and kind not in _QUERIES:
            return kind.removesuffix("_QUERY_NODE").removesuffix("_NODE")
        if "sample" in node and "class" not in node and not kind.endswith("_NODE") and kind not in _SOURCES:
            return kind.removesuffix("_REF")
    return ""


def calls(query: str, function: str) -> bool:
    """Tell whether a SELECT calls a function of that name, rather than having the name in a text or comment."""
    tree, wanted = tree_of(query), function.lower()
    return tree is None or any(str(node.get("function_name", "")).lower() == wanted for node in _nodes(tree))


def read_statement(query: str) -> Tree:
    """Return the tree of one statement that reads nothing but tables of the database; SourceSqlError."""
    return _read(query, 0)


def read_condition(text: str) -> Tree:
    """Return the tree of `select * from ROWS where (<text>)` for one condition; SourceSqlError."""
    tree = _read(f"{CONDITION_HEAD}{text}\n)", len(CONDITION_HEAD))
    plain = _read(f"{CONDITION_HEAD}true\n)", 0)
    differing = {key for key in tree.keys() | plain.keys() if key not in ("where_clause", "from_table")}
    if any(tree.get(key) != plain.get(key) for key in differing):
        raise not_a_condition()
    return tree


@lru_cache(maxsize=4096)
def _read(query: str, prefix: int) -> Tree:
    try:
        statements = statements_of(query)
    except duckdb.Error as error:
        message, offset, length = located(error, query)
        offset = None if offset is None else min(max(0, offset - prefix), max(0, len(query) - prefix - 2))
        raise SourceSqlError("not_understood", message, offset=offset, length=length, fix="correct the SQL") from None
    kinds = [statement.type.name for statement in statements]
    tree = tree_of(query) if kinds == ["SELECT"] else None
    if tree is None:
        raise not_one_select(", ".join(kinds) or "nothing")
    if statements[0].named_parameters:
        raise not_read_only("a placeholder")
    if more := not_reading(tree):
        raise not_read_only(more)
    for node in _nodes(tree):
        _check_reference(node, query, prefix)
    return tree


def _check_reference(node: Tree, query: str, prefix: int) -> None:
    name = str(node.get("function_name", ""))
    if name and not node.get("is_operator") and acts(name, "duckdb"):
        raise acting(name, _offset(node, query, prefix))
    if node.get("type") == "BASE_TABLE" and _FILE.fullmatch(node["table_name"]):
        raise SourceSqlError(
            "acts",
            "a file in the place of a table",
            offset=_offset(node, query, prefix),
            length=len(node["table_name"]) + 2,
            found=node["table_name"],
            fix="read files with an extractor of `filesystem`",
        )


def _offset(node: Tree, query: str, prefix: int) -> int | None:
    at = node.get("query_location", len(query.encode()))
    data = query.encode()
    return max(0, len(data[:at].decode(errors="ignore")) - prefix) if at < len(data) else None


def located(error: duckdb.Error, query: str, prefix: int = 0) -> tuple[str, int | None, int]:
    """Return what DuckDB says, and which characters of the query it means; `prefix` bytes stand before the query."""
    detail = detail_of(error)
    message = str(detail.get("exception_message", error))
    if "position" not in detail:
        return message, None, 1
    data = query.encode()
    begin = max(0, int(detail["position"]) - prefix)
    _, length = json.loads(detail.get("location", "[0,0]"))
    marked = data[begin : begin + length].decode(errors="ignore") or str(detail.get("name", ""))
    return message, len(data[:begin].decode(errors="ignore")), max(1, len(marked.partition("\n")[0]))


def detail_of(error: duckdb.Error) -> Mapping[str, Any]:
    """Return the fields of an error that DuckDB tells as JSON; empty for another."""
    text = str(error)
    start = text.find("{")
    try:
        detail: Mapping[str, Any] = json.loads(text[start:]) if start >= 0 else {}
    except json.JSONDecodeError:
        return {}
    return detail


def _nodes(value: Any) -> Iterator[Tree]:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            yield item
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)


def tables_of(tree: Tree) -> tuple[TablePath, ...]:
    """Return the tables that a SELECT names, each as its dotted path, sorted; CTE names are not tables."""
    return tuple(sorted(set(_base_tables(tree, frozenset()))))


def _base_tables(node: Any, ctes: frozenset[str]) -> Iterator[TablePath]:
    if isinstance(node, list):
        for item in node:
            yield from _base_tables(item, ctes)
    elif isinstance(node, dict):
        for entry in node.get("cte_map", {}).get("map", ()):
            # A CTE knows those before it; its own name inside of it is a table, unless it recurses.
            recursive = entry["value"].get("query_node", {}).get("type") == "RECURSIVE_CTE_NODE"
            own = {entry["key"].lower()}
            yield from _base_tables(entry["value"], ctes | own if recursive else ctes)
            ctes |= own
        if node.get("type") == "BASE_TABLE":
            path = tuple(p for p in (node["catalog_name"], node["schema_name"], node["table_name"]) if p)
            if len(path) > 1 or path[0].lower() not in ctes:
                yield path
        for key, value in node.items():
            if key != "cte_map":
                yield from _base_tables(value, ctes)
