"""What a data check reads of the columns of its step, or why it cannot work on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from osiris_dagster.arrow import arrow_type
from osiris_dagster.columns import Columns
from osiris_dagster.compiler.bind import BindError, bind, check_statement
from osiris_dagster.compiler.manifest import StepInput
from osiris_dagster.compiler.usage import columns_read
from osiris_dagster.oml.model import Check
from osiris_dagster.specs.nearest import did_you_mean

THIS = "this"
"""The table in the SQL of a check: the rows of the step."""
_MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class CheckFault:
    """Why a check cannot work: the key that is at fault and, in a query, where; the offset may be unknown."""

    kind: Literal["column", "value", "query"]  # which it is: a missing column, a wrong type or value, SQL
    key: str
    message: str
    found: str = ""
    expected: str = ""
    fix: str = ""
    offset: int | None = None
    length: int = 1


def columns_named(check: Check) -> tuple[str, ...]:
    """Return the columns that `column` of a check names."""
    named = check.options.get("column", ())
    return (named,) if isinstance(named, str) else tuple(named)


def columns_needed(check: Check, columns: Columns) -> frozenset[str]:
    """Return the names of the columns that a check reads of those its step has; the check has no fault."""
    if check.type != "sql":
        return frozenset(columns_named(check))
    read = columns_read(counting(str(check.options["query"])), [(StepInput(THIS, (THIS,)), columns)])
    return frozenset(column.name for column in read.get(THIS, columns))


def counting(query: str) -> str:
    r"""Return the query that tells how many rows a query of a check gives.

    >>> counting("select * from this;")
    'select count(*) as n from (select * from this\n)'
    """
    return f"select count(*) as n from ({query.strip().rstrip(';')}\n)"


def check_fault(check: Check, columns: Columns) -> CheckFault | None:
    """Return the first reason why a check cannot work on rows of these columns."""
    kinds = {column.name: column.type for column in columns}
    for name in columns_named(check):
        if name not in kinds:
            return CheckFault(
                "column",
                "column",
                f"the check {check.name!r} names the column {name!r}, which the step does not have",
                found=name,
                expected=", ".join(list(kinds)[:_MOST_NAMED]),
                fix=did_you_mean(name, kinds) or "name a column of the step",
            )
    if check.type == "sql":
        return _query_fault(check, columns)
    if check.type == "freshness":
        return _age_fault(check, kinds)
    return _value_fault(check, kinds)


def relation_fault(check: Check, columns: Columns, other: Columns) -> CheckFault | None:
    """Return why a check of a relationship cannot compare its column with that of the other step."""
    name, there = columns_named(check)[0], str(check.options["to_column"])
    kinds, others = ({column.name: column.type for column in each} for each in (columns, other))
    if there not in others:
        return CheckFault(
            "column",
            "to",
            f"the check {check.name!r} names the column {there!r}, which step {check.options['to']!r} does not have",
            found=there,
            expected=", ".join(list(others)[:_MOST_NAMED]),
            fix=did_you_mean(there, others) or "name a column of that step, as in `to: customers.id`",
        )
    if _sort(kinds[name]) != _sort(others[there]):
        return CheckFault(
            "value",
            "to",
            f"the check {check.name!r} compares {kinds[name]} with {others[there]}",
            found=others[there],
            expected=kinds[name],
            fix="cast one of the columns in a query before",
        )
    return None


def _sort(kind: str) -> str:
    """Return what types have in common whose values can be equal: numbers are numbers, whatever their width."""
    plain = kind.partition("[")[0].partition("(")[0]
    return "number" if plain.lstrip("u").startswith(("int", "decimal", "float")) and plain != "interval" else plain


def statement_fault(check: Check) -> CheckFault | None:
    """Return what is wrong with the SQL of a check whatever the columns are."""
    return _query_fault(check, None) if check.type == "sql" else None


def _query_fault(check: Check, columns: Columns | None) -> CheckFault | None:
    query = str(check.options["query"])
    try:
        if columns is None:
            check_statement(query)
        else:
            bind(query, [(StepInput(THIS, (THIS,)), columns)])
    except BindError as fault:
        known = ", ".join(fault.candidates)
        return CheckFault(
            "query",
            "query",
            f"the SQL of the check {check.name!r} is not valid: {fault.message}",
            expected=f"candidates: {known}" if known else "one SELECT from the table `this`",
            fix=fault.fix or did_you_mean(fault.name, fault.candidates),
            offset=fault.offset,
            length=fault.length,
        )
    return None


def _age_fault(check: Check, kinds: Mapping[str, str]) -> CheckFault | None:
    name = columns_named(check)[0]
    kind = arrow_type(kinds[name])
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return None
    return CheckFault(
        "value",
        "column",
        f"the check {check.name!r} asks for the age of {name!r}, which holds no times",
        found=kinds[name],
        expected="a date or timestamp",
        fix="name another column, or cast it in the query",
    )


def _value_fault(check: Check, kinds: Mapping[str, str]) -> CheckFault | None:
    if check.type not in ("accepted_values", "range"):
        return None
    name = columns_named(check)[0]
    for key in ("values", "min", "max"):
        given = check.options.get(key, [])
        for value in given if isinstance(given, list | tuple) else [given]:
            try:
                typed(value, arrow_type(kinds[name]))
            except ValueError:
                return CheckFault(
                    "value",
                    key,
                    f"the check {check.name!r} compares {name!r} with a value that it cannot hold",
                    found=f"{value!r}"[:200],
                    expected=f"a value of the type {kinds[name]}",
                    fix="correct the value, or cast the column in the query",
                )
    return None


def typed(value: Any, kind: pa.DataType) -> pa.Scalar:
    """Return a value of OML as one of a type, times without a zone in UTC; ValueError when it is none."""
    if value is None:
        return pa.scalar(None, kind)
    text = pa.scalar(str(value).lower() if isinstance(value, bool) else str(value))
    try:
        if not pa.types.is_timestamp(kind) or kind.tz is None:
            return text.cast(kind)
        try:
            return text.cast(kind)
        except pa.ArrowInvalid:
            return pc.assume_timezone(text.cast(pa.timestamp(kind.unit)), "UTC").cast(kind)
    except pa.ArrowNotImplementedError as error:
        raise ValueError(str(error)) from None
