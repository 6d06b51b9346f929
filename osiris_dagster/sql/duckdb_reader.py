"""SQL of DuckDB in, the tree of one SELECT as DuckDB's own parser sees it out, or where and why it is none."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import Any

import duckdb

from osiris_dagster.sql.dialects import DUCKDB, acts
from osiris_dagster.sql.refusal import (
    CONDITION_HEAD,
    SqlRefusedError,
    TablePath,
    acting,
    not_a_condition,
    not_one_select,
    not_read_only,
)

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
_WORD = re.compile(r"[^\W\d]\w*")
_WRITES = frozenset("insert update delete merge truncate copy create drop alter call attach".split())
_BY_TEXT = frozenset({"query", "query_table"})
"""They read tables by a text: in SQL of a step there are none but its inputs."""
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


def _not_reading(tree: Tree) -> Iterator[str]:
    """Yield the parts of a tree that do more than read rows, such as INSERT in a CTE."""
    for node in _nodes(tree):
        kind = str(node.get("type", ""))
        if kind.endswith("_NODE") and kind not in _QUERIES:
            yield kind.removesuffix("_QUERY_NODE").removesuffix("_NODE")
        if "sample" in node and "class" not in node and not kind.endswith("_NODE") and kind not in _SOURCES:
            yield kind.removesuffix("_REF")


def read_statement(query: str, _dialect: str = DUCKDB) -> Tree:
    """Return the tree of one statement that reads nothing but tables of the database; SqlRefusedError."""
    return _read(query, 0)


def read_condition(text: str, _dialect: str = DUCKDB) -> Tree:
    """Return the tree of `select * from ROWS where (<text>)` for one condition; SqlRefusedError."""
    tree = _read(f"{CONDITION_HEAD}{text}\n)", len(CONDITION_HEAD))
    plain = _read(f"{CONDITION_HEAD}true\n)", 0)
    differing = {key for key in tree.keys() | plain.keys() if key not in ("where_clause", "from_table")}
    if any(tree.get(key) != plain.get(key) for key in differing):
        raise not_a_condition()
    return tree


@lru_cache(maxsize=4096)
def check_step(query: str) -> None:
    """Refuse SQL of a step unless it is one statement that only reads; SqlRefusedError, of DuckDB's error if any.

    A step sees nothing but its inputs, whatever names a table. Nothing acts or writes without a word for it, so the
    tree, which takes longer to make than all the rest, is asked only where there is such a word.
    """
    _one_select(query, 0)
    words = {word.lower() for word in _WORD.findall(query)} - _BY_TEXT
    if words.isdisjoint(_WRITES) and not any(acts(word, DUCKDB) for word in words):
        return
    tree = tree_of(query)
    if tree is None:
        raise not_one_select("a statement that is no query")
    for more in _not_reading(tree):
        if more != "SHOW":  # DESCRIBE and SUMMARIZE of an input
            raise not_read_only(more)
    _check_functions(tree, query, 0, _BY_TEXT)


@lru_cache(maxsize=4096)
def _read(query: str, prefix: int) -> Tree:
    _one_select(query, prefix)
    tree = tree_of(query)
    if tree is None:
        raise not_one_select("SELECT")
    for more in _not_reading(tree):
        raise not_read_only(more)
    _check_functions(tree, query, prefix)
    for node in _nodes(tree):
        _check_table(node, query, prefix)
    return tree


def _one_select(query: str, prefix: int) -> None:
    try:
        statements = statements_of(query)
    except duckdb.Error as error:
        message, offset, length = located(error, query)
        offset = None if offset is None else min(max(0, offset - prefix), max(0, len(query) - prefix - 2))
        raise SqlRefusedError("not_understood", message, offset=offset, length=length, fix="correct the SQL") from error
    kinds = [statement.type.name for statement in statements]
    if kinds != ["SELECT"]:
        raise not_one_select(", ".join(kinds) or "nothing")
    if statements[0].named_parameters:
        raise not_read_only("a placeholder")


def _check_functions(tree: Tree, query: str, prefix: int, allowed: frozenset[str] = frozenset()) -> None:
    """Refuse the first call in the text that acts."""
    found: list[tuple[int, str]] = []
    for node in _nodes(tree):
        name = str(node.get("function_name", ""))
        if name and name.lower() not in allowed and not node.get("is_operator") and acts(name, DUCKDB):
            call = re.compile(rf'\b{re.escape(name)}(?="?\s*\()', re.IGNORECASE)
            written = call.search(query, _offset(node, query) or 0)
            found.append((written.start() if written else len(query), name))
    if found:
        at, name = min(found)
        raise acting(name, max(0, at - prefix) if at < len(query) else None)


def _check_table(node: Tree, query: str, prefix: int) -> None:
    if node.get("type") == "BASE_TABLE" and _FILE.fullmatch(node["table_name"]):
        at = _offset(node, query)
        raise SqlRefusedError(
            "acts",
            "a file in the place of a table",
            offset=None if at is None else max(0, at - prefix),
            length=len(node["table_name"]) + 2,
            found=node["table_name"],
            fix="read files with an extractor of `filesystem`",
        )


def _offset(node: Tree, query: str) -> int | None:
    at = node.get("query_location", len(query.encode()))
    data = query.encode()
    return len(data[:at].decode(errors="ignore")) if at < len(data) else None


def without_end(query: str, _dialect: str = DUCKDB) -> str:
    """Return a statement without the semicolons and comments at its end, ready to be put in brackets."""
    text = query.encode()
    for offset, kind in reversed(duckdb.tokenize(query)):
        if kind != duckdb.token_type.comment and text[offset : offset + 1] != b";":
            break
        text = text[:offset]
    return text.decode().rstrip()


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


def tables_of(tree: Tree, _dialect: str = DUCKDB) -> tuple[TablePath, ...]:
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
