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
from osiris_dagster.compiler.bound_plan import RANKS, UnknownPlanError, body_of, made_of, sole_scans
from osiris_dagster.compiler.lineage import ColumnLineage, ColumnSource, Lineage
from osiris_dagster.compiler.manifest import StepInput
from osiris_dagster.compiler.sqltypes import NotCarriedError, create_empty, described, from_plan, to_duckdb
from osiris_dagster.sql.duckdb_reader import LOCK, PLAN_OF, check_step, detail_of, located, locked_database
from osiris_dagster.sql.quoting import literal, quoted
from osiris_dagster.sql.refusal import SqlRefusedError

MANY_SCANS = 2
NOT_ONE_SELECT = "NOT_ONE_SELECT"
NO_FILES = "Permission"
NOT_CARRIED = "TYPE_NOT_CARRIED"  # with NOT_ONE_SELECT our own kinds of fault, beside those of DuckDB
ACTS = "ACTS"
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
    check_statement(query)
    with LOCK:
        connection = locked_database()
        return _at_once(connection, query, inputs) or _in_full(connection, query, inputs)


def _at_once(
    connection: duckdb.DuckDBPyConnection, query: str, inputs: Sequence[tuple[StepInput, Columns]]
) -> Bound | None:
    """Bind with one statement that makes no table: each input is a CTE of typed NULLs. None for what needs tables.

    Those are queries with a fault, that may read an input twice, or have types without a plain name or
    columns that only their case tells apart.
    """
    heads: list[str] = []
    names: dict[str, list[str]] = {}
    for item, columns in inputs:
        kinds = [to_duckdb(column.type) for column in columns]
        if not all(kinds) or not len({column.name.lower() for column in columns}) == len(columns) > 0:
            return None
        # In this order, as most queries use one name: the first that occurs is the table, others are views of it.
        table, *others = [name for name in item.names if _named(name, query)] or item.names[:1]
        nulls = (f"null::{kind} as {quoted(column.name)}" for column, kind in zip(columns, kinds, strict=True))
        heads.append(f"{quoted(table)} as (select {', '.join(nulls)})")
        heads += (f"{quoted(alias)} as (from {quoted(table)})" for alias in others)
        names[table] = [column.name for column in columns]
    with_ = f"with {', '.join(heads)} " if heads else ""
    plan = _plan(connection, f"{with_}select * from (\n{query.rstrip().rstrip(';')}\n)")
    output = _columns_of(plan) if plan else None
    scans = sole_scans(plan, names) if plan else None
    if plan is None or output is None or scans is None:
        return None
    tables = dict(zip(names, (item.step for item, _ in inputs), strict=True))
    lineage = _lineage(plan, output, tables, names)
    return Bound(output, {step: scans.get(table, 0) for table, step in tables.items()}, lineage)


def _in_full(connection: duckdb.DuckDBPyConnection, query: str, inputs: Sequence[tuple[StepInput, Columns]]) -> Bound:
    """Bind on real, empty tables, in a transaction that is taken back; raises BindError."""
    connection.execute("begin")
    try:
        return _on_tables(connection, query, inputs)
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
            _create_inputs(connection, inputs)
            return json.loads(connection.execute(f"explain (format json) {query}").fetchall()[0][1])
        finally:
            connection.execute("rollback")


def check_statement(query: str) -> None:
    """Refuse anything but exactly one SELECT statement that only reads; raises BindError."""
    try:
        check_step(query)
    except SqlRefusedError as fault:
        raise _refused(fault, query) from None


def _refused(fault: SqlRefusedError, query: str) -> BindError:
    if isinstance(fault.__cause__, duckdb.Error):
        return _fault(fault.__cause__, query, prefix=0)
    if fault.kind == "not_read_only":
        if fault.found == "MULTI":
            message = "the PIVOT names no values, so its columns depend on the rows"
            return BindError(message, kind=NOT_ONE_SELECT, fix="name the values: `pivot ... on day in ('mon', 'tue')`")
        found = "a placeholder for a value" if fault.found == "a placeholder" else fault.found
        return BindError(f"the query must be one SELECT statement, found {found}", kind=NOT_ONE_SELECT)
    name = fault.found if fault.offset is None else query[fault.offset : fault.offset + fault.length]
    return BindError(
        f"the function {name} does more than compute a value from rows",
        kind=ACTS,
        offset=fault.offset,
        length=fault.length,
        name=name,
        fix=f"leave {name} out; files are read by extractor steps",
    )


def _on_tables(connection: duckdb.DuckDBPyConnection, query: str, inputs: Sequence[tuple[StepInput, Columns]]) -> Bound:
    owners = _create_inputs(connection, inputs)
    output = described(connection, query)
    plan = _plan(connection, query)
    scans = _explained(connection, query, owners)
    lineage = _lineage(plan, output, owners) if plan else None
    return Bound(output, {step: scans[table] for table, step in owners.items()}, lineage)


def _named(table: str, query: str) -> bool:
    """Tell whether a query may mean a table: its name occurs, and not as a part of a longer one."""
    name, text = table.replace('"', '""').lower(), query.lower()
    at = text.find(name)
    while at >= 0:
        around = text[at - 1 : at] + text[at + len(name) : at + len(name) + 1]
        if not any(char.isalnum() or char == "_" for char in around):
            return True
        at = text.find(name, at + 1)
    return False


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


def _plan(connection: duckdb.DuckDBPyConnection, query: str) -> Mapping[str, Any] | None:
    """Return the bound plan of a query that does not write, or None where DuckDB gives none."""
    row = connection.execute(f"execute {PLAN_OF}({literal(query)})").fetchone()
    value = json.loads(row[0]) if row else {}
    plans = value.get("plans", ())
    return plans[0] if len(plans) == 1 else None


def _columns_of(plan: Mapping[str, Any]) -> Columns | None:
    """Return name and type of what `select * from (...)` gives; None when names were changed or a type is odd."""
    plan, _ = body_of(plan)
    values = plan.get("expressions", ()) if plan.get("type") == "LOGICAL_PROJECTION" else ()
    kinds = [from_plan(value["return_type"]) for value in values]
    names = [str(value.get("alias", "")) for value in values]
    renamed = any(_NUMBERED.sub("", name) in names for name in names if _NUMBERED.search(name))
    if not values or renamed or not all(names):
        return None
    columns = tuple(Column(name, kind) for name, kind in zip(names, kinds, strict=True) if kind)
    return columns if len(columns) == len(names) else None


def _lineage(
    plan: Mapping[str, Any],
    columns: Columns,
    owners: Mapping[str, str],
    inputs: Mapping[str, Sequence[str]] | None = None,
) -> Lineage | None:
    try:
        made = made_of(plan, inputs)
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
