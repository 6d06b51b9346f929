"""Bind a processor's SQL on empty tables: output columns, scans of each input, or where and why it does not bind.

DuckDB does the work, so what binds here binds at run time.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from osiris_dagster.columns import Columns
from osiris_dagster.compiler.duckdb_sql import (
    LOCK,
    detail_of,
    located,
    locked_database,
    not_reading,
    statement_kinds,
    tree_of,
)
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
    with LOCK:
        connection = locked_database()
        connection.execute("begin")
        try:
            return _bind(connection, query, inputs)
        except duckdb.Error as error:
            raise _fault(error, query, prefix=len("describe ")) from None
        except NotCarriedError as error:
            raise BindError(str(error), kind=NOT_CARRIED, name=error.column, fix=error.fix) from None
        finally:
            connection.execute("rollback")


def check_statement(query: str) -> None:
    """Refuse anything but exactly one SELECT statement that only reads; raises BindError."""
    try:
        kinds = statement_kinds(query)
    except duckdb.Error as error:
        raise _fault(error, query, prefix=0) from None
    tree = tree_of(query) if kinds == ("SELECT",) else None
    found = not_reading(tree) if tree else ", ".join(kinds) or "nothing"
    if found:
        raise BindError(f"the query must be one SELECT statement, found {found}", kind=NOT_ONE_SELECT)


def _bind(connection: duckdb.DuckDBPyConnection, query: str, inputs: Sequence[tuple[StepInput, Columns]]) -> Bound:
    owners: dict[str, str] = {}
    for item, columns in inputs:
        table = item.names[0]
        create_empty(connection, table, columns)
        owners[table] = item.step
        for alias in item.names[1:]:
            connection.execute(f"create view {quoted(alias)} as select * from {quoted(table)}")
    output = described(connection, query)
    plan = connection.execute(f"explain (format json) {query}").fetchall()[0][1]
    counted = Counter(_scanned(json.loads(plan)))
    # A recursive part runs more than once, however often its plan names a table.
    factor = MANY_SCANS if "RECURSIVE_CTE" in plan or "REC_CTE" in plan else 1
    return Bound(output, {owners[table]: counted.get(table, 0) * factor for table in owners})


def _scanned(nodes: Any) -> Iterator[str]:
    for node in nodes:
        table = node.get("extra_info", {}).get("Table")
        if table:
            yield str(table).rpartition("main.")[2].strip('"').replace('""', '"')
        yield from _scanned(node.get("children", ()))


def _fault(error: duckdb.Error, query: str, *, prefix: int) -> BindError:
    detail = detail_of(error)
    message, offset, length = located(error, query, prefix)
    listed = str(detail.get("candidates", ""))
    return BindError(
        _HINTS.sub("", message).strip(),
        kind=str(detail.get("error_subtype") or detail.get("exception_type", "")),
        offset=offset,
        length=length,
        name=str(detail.get("name", "")),
        # The signatures of an overloaded function are too many to choose from.
        candidates=() if "(" in listed else tuple(name for name in listed.split(",") if name),
    )
