"""Bind a processor's SQL on empty tables: columns, lineage, scans of each input, or where and why it does not bind.

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

from osiris_dagster.columns import Column, Columns
from osiris_dagster.compiler.bound_plan import RANKS, UnknownPlanError, made_of, sole_scans
from osiris_dagster.compiler.duckdb_sql import (
    LOCK,
    detail_of,
    located,
    locked_database,
    not_reading,
    statements_of,
    tree_of,
)
from osiris_dagster.compiler.lineage import ColumnLineage, ColumnSource, Lineage
from osiris_dagster.compiler.manifest import StepInput
from osiris_dagster.compiler.sqltypes import NotCarriedError, create_empty, described, from_plan, quoted

MANY_SCANS = 2
NOT_ONE_SELECT = "NOT_ONE_SELECT"
NO_FILES = "Permission"
NOT_CARRIED = "TYPE_NOT_CARRIED"  # with NOT_ONE_SELECT our own kinds of fault, beside those of DuckDB
_NUMBERED = re.compile(r"_\d+\Z")  # DuckDB numbers names that occur twice in a subquery
_HINTS = re.compile(r"\n\s*(?:Candidate|Did you mean).*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Bound:
    """A query that binds: its output columns, how often its plan scans each input, what the columns are made of.

    Inputs are named by their upstream step. The lineage is None when DuckDB's plan says nothing that is understood.
    """

    columns: Columns
    scans: Mapping[str, int]
    lineage: Lineage | None = None


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
    _check_kind(query)
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


def plan_of(query: str, inputs: Sequence[tuple[StepInput, Columns]]) -> Any:
    """Return the plan of a query that binds, as DuckDB has it in JSON; conditions stay above the scans they are of."""
    with LOCK:
        connection = locked_database("filter_pushdown", "join_filter_pushdown")
        connection.execute("begin")
        try:
            _create_inputs(connection, query, inputs)
            return json.loads(connection.execute(f"explain (format json) {query}").fetchall()[0][1])
        finally:
            connection.execute("rollback")


def check_statement(query: str) -> None:
    """Refuse anything but exactly one SELECT statement that only reads; raises BindError."""
    _check_kind(query)
    tree = tree_of(query)
    if tree is None or (found := not_reading(tree)):
        raise _not_one_select(found if tree else "a statement that is no query")


def _check_kind(query: str) -> None:
    try:
        statements = statements_of(query)
    except duckdb.Error as error:
        raise _fault(error, query, prefix=0) from None
    kinds = [statement.type.name for statement in statements]
    if kinds != ["SELECT"]:
        raise _not_one_select(", ".join(kinds) or "nothing")
    if statements[0].named_parameters:
        raise _not_one_select("a placeholder for a value")


def _not_one_select(found: str) -> BindError:
    return BindError(f"the query must be one SELECT statement, found {found}", kind=NOT_ONE_SELECT)


def _bind(connection: duckdb.DuckDBPyConnection, query: str, inputs: Sequence[tuple[StepInput, Columns]]) -> Bound:
    owners = _create_inputs(connection, query, inputs)
    plan = _plan(connection, f"select * from (\n{query.rstrip().rstrip(';')}\n)")
    named = _columns_of(plan) if plan else None
    if named is None:
        # What does not bind is an error here; what binds and has no such plan, or an odd type, is asked in full.
        check_statement(query)
        plan = _plan(connection, query)
    columns = described(connection, query) if named is None else named
    scans = sole_scans(plan) if plan else None
    if scans is None:
        scans = _explained(connection, query, owners)
    return Bound(
        columns, {step: scans.get(table, 0) for table, step in owners.items()}, _lineage(plan, columns, owners)
    )


def _create_inputs(
    connection: duckdb.DuckDBPyConnection, query: str, inputs: Sequence[tuple[StepInput, Columns]]
) -> Mapping[str, str]:
    """Make the inputs as empty tables, also under those of their names that the query has; return table -> step."""
    owners: dict[str, str] = {}
    for item, columns in inputs:
        table = item.names[0]
        create_empty(connection, table, columns)
        owners[table] = item.step
        for alias in item.names[1:]:
            # A view that nobody names costs as much as one that is needed.
            if alias.replace('"', '""').lower() in query.lower():
                connection.execute(f"create view {quoted(alias)} as select * from {quoted(table)}")
    return owners


def _plan(connection: duckdb.DuckDBPyConnection, query: str) -> Mapping[str, Any] | None:
    """Return the bound plan of a query that does not write, or None where DuckDB gives none."""
    call = "select json_serialize_plan(?, skip_null := true, skip_empty := true, skip_default := true)"
    row = connection.execute(call, [query]).fetchone()
    value = json.loads(row[0]) if row else {}
    plans = value.get("plans", ())
    return plans[0] if len(plans) == 1 else None


def _columns_of(plan: Mapping[str, Any]) -> Columns | None:
    """Return name and type of what `select * from (...)` gives; None when names were changed or a type is odd."""
    values = plan.get("expressions", ()) if plan.get("type") == "LOGICAL_PROJECTION" else ()
    kinds = [from_plan(value["return_type"]) for value in values]
    names = [str(value.get("alias", "")) for value in values]
    renamed = any(_NUMBERED.sub("", name) in names for name in names if _NUMBERED.search(name))
    if not values or renamed or not all(names):
        return None
    columns = tuple(Column(name, kind) for name, kind in zip(names, kinds, strict=True) if kind)
    return columns if len(columns) == len(names) else None


def _lineage(plan: Mapping[str, Any] | None, columns: Columns, owners: Mapping[str, str]) -> Lineage | None:
    try:
        made = made_of(plan) if plan else ()
    except UnknownPlanError:
        return None
    if len(made) != len(columns):
        return None
    return tuple(
        ColumnLineage(
            column.name,
            RANKS[one.rank],
            tuple(sorted(ColumnSource(name, step=owners[table]) for table, name in one.sources)),
        )
        for column, one in zip(columns, made, strict=True)
    )


def _explained(connection: duckdb.DuckDBPyConnection, query: str, owners: Mapping[str, str]) -> Mapping[str, int]:
    plan = connection.execute(f"explain (format json) {query}").fetchall()[0][1]
    counted = Counter(_scanned(json.loads(plan)))
    # A recursive part runs more than once, however often its plan names a table.
    factor = MANY_SCANS if "RECURSIVE_CTE" in plan or "REC_CTE" in plan else 1
    return {table: counted.get(table, 0) * factor for table in owners}


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
