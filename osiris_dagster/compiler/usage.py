"""Which columns of its inputs a processor's SQL reads: what nobody reads need not move."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from osiris_dagster.columns import Columns
from osiris_dagster.compiler.bind import BindError, Bound, bind, plan_of
from osiris_dagster.compiler.manifest import StepInput

Inputs = Sequence[tuple[StepInput, Columns]]


def columns_read(query: str, inputs: Inputs) -> Mapping[str, Columns]:
    """Return, by upstream step, the columns that the query reads where those are not all; at least one, in order.

    Binding it again on these columns alone must give the same result, for a query may name a column without reading
    it (`* exclude (a)`): then nothing is left out. Raises BindError for a query that does not bind at all.
    """
    whole = bind(query, inputs)
    read = _read(query, inputs)
    fewer = [(item, _kept(columns, read.get(item.names[0], frozenset()))) for item, columns in inputs]
    if fewer == list(inputs) or not _same(query, fewer, whole):
        return {}
    given = {item.step: columns for item, columns in inputs}
    return {item.step: columns for item, columns in fewer if columns != given[item.step]}


def _read(query: str, inputs: Inputs) -> Mapping[str, frozenset[str]]:
    read: dict[str, frozenset[str]] = {}
    for table, names in _projections(plan_of(query, inputs)):
        read[table] = read.get(table, frozenset()) | names
    return read


def _projections(nodes: Any) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the table and the columns of each scan in the plan."""
    for node in nodes:
        details = node.get("extra_info", {})
        if "Table" in details:
            names = details.get("Projections", [])
            table = str(details["Table"]).rpartition("main.")[2].strip('"').replace('""', '"')
            yield table, frozenset([names] if isinstance(names, str) else names)
        yield from _projections(node.get("children", ()))


def _kept(columns: Columns, read: frozenset[str]) -> Columns:
    """Return the columns to hand on: all when the plan names one that is none, e.g. a field of a struct."""
    names = {column.name for column in columns}
    if not read - {""} <= names:
        return columns
    return tuple(column for column in columns if column.name in read) or columns[:1]


def _same(query: str, fewer: Inputs, whole: Bound) -> bool:
    try:
        return bind(query, fewer).columns == whole.columns
    except BindError:
        return False
