"""Column lineage of a query, and how often it reads its inputs, from DuckDB's bound plan (json_serialize_plan).

In a bound plan every name is resolved to a position, so stars, USING, pivots and lateral joins need no rules here: only
what each operator hands on. An operator that this module does not know makes the lineage unknown, never wrong.

Operators hand on columns by position. Expressions name one as BOUND_REF (a position in what is below the operator) or
as BOUND_COLUMN_REF (number of the operator that made it, position there). The JSON leaves out whatever has its default:
a number that is absent is 0, a list that is absent is empty.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from osiris_dagster.compiler.lineage import KINDS, LineageKind

RANKS: tuple[LineageKind, ...] = KINDS[:3]
IDENTITY, TRANSFORMATION, AGGREGATION = range(3)
Node = Mapping[str, Any]


class Made(NamedTuple):
    """What a column is made of: how (one of the ranks above), and the columns of tables, as (table, column)."""

    rank: int
    sources: frozenset[tuple[str, str]]


class UnknownPlanError(Exception):
    """A plan with a part that is not known here."""


Columns = list[Made]
_CONSTANT = Made(TRANSFORMATION, frozenset())
_AS_IT_STANDS = frozenset({"first", "any_value", "arbitrary"})
# Parts of an expression that decide which rows count, not what the value is; what a lambda takes from outside stands
# beside it; and data about the expression.
_ASIDE = frozenset(
    "filter filter_expr order_bys arg_orders partitions orders lambda_expr function_data return_type".split()
)


@dataclass
class _Known:
    """Columns of what other parts of the plan refer to by number.

    Filled from the leaves up: every handler looks at what is below it before it looks at its own expressions.
    """

    ctes: dict[int, Columns] = field(default_factory=dict)
    tables: dict[int, Columns] = field(default_factory=dict)


def made_of(plan: Node, inputs: Mapping[str, Iterable[str]] | None = None) -> Columns:
    """Return what the output columns of a plan are made of; UnknownPlanError.

    `inputs` names CTEs around the query that stand for tables, with their columns: their own making does not count.
    """
    known = _Known()
    body, outer = body_of(plan)
    for node in outer:
        name, definition = str(node.get("ctename")), node["children"][0]
        stands = inputs and name in inputs
        own = [Made(IDENTITY, frozenset({(name, column)})) for column in inputs[name]] if inputs and stands else None
        known.ctes[int(node.get("table_index", 0))] = _columns(definition, known) if own is None else own
    return _columns(body, known)


def body_of(plan: Node) -> tuple[Node, list[Node]]:
    """Return a plan without the CTEs around it, and those, the outer one first."""
    outer = []
    while plan.get("type") == "LOGICAL_MATERIALIZED_CTE":
        outer.append(plan)
        plan = plan["children"][1]
    return plan, outer


def _columns(node: Node, known: _Known) -> Columns:
    handler = _HANDLERS.get(str(node.get("type")))
    if handler is None:
        raise UnknownPlanError(node.get("type"))
    columns = handler(node, known)
    known.tables[int(node.get("table_index", 0))] = columns
    return columns


def _only_child(node: Node, known: _Known) -> Columns:
    (child,) = node["children"]
    return _columns(child, known)


def _same(node: Node, known: _Known) -> Columns:
    return _picked(_only_child(node, known), node.get("projection_map"))


def _picked(columns: Columns, positions: Iterable[int] | None) -> Columns:
    """Return the columns that an operator keeps; without a list it keeps all."""
    return [columns[position] for position in positions] if positions else columns


def _projection(node: Node, known: _Known) -> Columns:
    child = _only_child(node, known)
    return [_value(item, child, known) for item in node["expressions"]]


def _scan(node: Node, known: _Known) -> Columns:
    children = node.get("children", ())
    names = node.get("names", ())
    table = node.get("function_data", {}).get("table") if not children else None
    if table is not None:
        read = [int(index.get("index", 0)) for index in node.get("column_indexes", ())]
        columns = [
            Made(IDENTITY, frozenset({(str(table), str(names[at]))})) if at < len(names) else _CONSTANT for at in read
        ]
        return _picked(columns, node.get("projection_ids"))
    if not children:
        return [_CONSTANT] * max(1, len(node.get("column_indexes", ())))
    # A table function over rows: its columns are made of its arguments; behind them stand columns handed through.
    child = _only_child(node, known)
    through = node.get("projected_input", ())
    arguments = [made for at, made in enumerate(child) if at not in through]
    own = [_merged(arguments, TRANSFORMATION)] * len(node.get("column_indexes", ()))
    return [*own, *(child[at] for at in through)]


def _join(node: Node, known: _Known) -> Columns:
    left, right = (_columns(child, known) for child in node["children"])
    kept_left, kept_right = (
        _picked(left, node.get("left_projection_map")),
        _picked(right, node.get("right_projection_map")),
    )
    kind = node.get("join_type", "INNER")
    if kind in ("SEMI", "ANTI"):
        return kept_left
    if kind in ("RIGHT_SEMI", "RIGHT_ANTI"):
        return kept_right
    if kind == "MARK":
        compared = [_value(c["left"], left, known) for c in node.get("conditions", ()) if "left" in c]
        compared += [_value(c["right"], right, known) for c in node.get("conditions", ()) if "right" in c]
        return [*kept_left, _merged(compared, TRANSFORMATION)]
    return [*kept_left, *kept_right]


def _aggregate(node: Node, known: _Known) -> Columns:
    child = _only_child(node, known)
    groups = [_value(item, child, known) for item in node.get("groups", ())]
    values = [_value(item, child, known) for item in node.get("expressions", ())]
    known.tables[int(node.get("group_index", 0))] = groups
    known.tables[int(node.get("aggregate_index", 0))] = values
    return [*groups, *values, *[_CONSTANT] * len(node.get("grouping_functions", ()))]


def _appending(index: str) -> Callable[[Node, _Known], Columns]:
    """Return the handler of an operator that adds its expressions to the columns below it."""

    def columns(node: Node, known: _Known) -> Columns:
        child = _only_child(node, known)
        added = [_value(item, child, known) for item in node["expressions"]]
        known.tables[int(node.get(index, 0))] = added
        return [*child, *added]

    return columns


def _set_operation(node: Node, known: _Known) -> Columns:
    sides = [_columns(child, known) for child in node["children"]]
    if node["type"] == "LOGICAL_EXCEPT":
        return sides[0]
    return [_merged(column) for column in zip(*sides, strict=True)]


def _recursive(node: Node, known: _Known) -> Columns:
    first, again = node["children"]
    columns = _columns(first, known)
    # A pass can only add sources and raise ranks, and there are finitely many of both: this ends.
    while True:
        known.ctes[int(node.get("table_index", 0))] = columns
        more = [_merged(pair) for pair in zip(columns, _columns(again, known), strict=True)]
        if more == columns:
            return columns
        columns = more


def _with(node: Node, known: _Known) -> Columns:
    definition, body = node["children"]
    known.ctes[int(node.get("table_index", 0))] = _columns(definition, known)
    return _columns(body, known)


def _cte(node: Node, known: _Known) -> Columns:
    return known.ctes[int(node.get("cte_index", 0))]


def _values(node: Node, known: _Known) -> Columns:
    child = _only_child(node, known)
    rows = [[_value(item, child, known) for item in row] for row in node["expressions"]]
    return [_merged(column) for column in zip(*rows, strict=True)]


def _constants(node: Node, _known: _Known) -> Columns:
    kinds = node.get("chunk_types") or node.get("return_types") or node.get("types") or (None,)
    return [_CONSTANT] * len(kinds)


_HANDLERS: Mapping[str, Callable[[Node, _Known], Columns]] = {
    "LOGICAL_GET": _scan,
    "LOGICAL_PROJECTION": _projection,
    **dict.fromkeys(("LOGICAL_FILTER", "LOGICAL_ORDER_BY", "LOGICAL_LIMIT", "LOGICAL_TOP_N"), _same),
    **dict.fromkeys(("LOGICAL_DISTINCT", "LOGICAL_SAMPLE"), _same),
    **dict.fromkeys(("LOGICAL_COMPARISON_JOIN", "LOGICAL_ANY_JOIN", "LOGICAL_CROSS_PRODUCT"), _join),
    **dict.fromkeys(("LOGICAL_ASOF_JOIN", "LOGICAL_POSITIONAL_JOIN"), _join),
    "LOGICAL_AGGREGATE_AND_GROUP_BY": _aggregate,
    "LOGICAL_WINDOW": _appending("window_index"),
    "LOGICAL_UNNEST": _appending("unnest_index"),
    **dict.fromkeys(("LOGICAL_UNION", "LOGICAL_EXCEPT", "LOGICAL_INTERSECT"), _set_operation),
    "LOGICAL_RECURSIVE_CTE": _recursive,
    "LOGICAL_MATERIALIZED_CTE": _with,
    "LOGICAL_CTE_REF": _cte,
    "LOGICAL_EXPRESSION_GET": _values,
    **dict.fromkeys(("LOGICAL_DUMMY_SCAN", "LOGICAL_EMPTY_RESULT", "LOGICAL_CHUNK_GET"), _constants),
}


def _value(expression: Node, child: Columns, known: _Known) -> Made:
    expression = _unguarded(expression)
    direct = _reference(expression, child, known)
    if direct is not None:
        return direct
    # More than a reference: a transformation, unless one value is handed on; an aggregate inside raises it (`_parts`).
    rank = IDENTITY if _takes_one(expression) else TRANSFORMATION
    return _merged(_parts(expression, child, known), rank)


def _unguarded(expression: Node) -> Node:
    """Return the value behind `case when ... then error(...) else <value>`, which guards every scalar subquery."""
    checks = expression.get("case_checks", ())
    guarded = checks and all(_function(check.get("then_expr", {})) == "error" for check in checks)
    return _unguarded(expression["else_expr"]) if guarded and "else_expr" in expression else expression


def _function(expression: Node) -> str:
    return str((expression.get("qname", {}).get("path") or ("",))[-1])


def _takes_one(expression: Node) -> bool:
    """Tell whether an aggregate hands on one of its values; a scalar subquery is planned as such."""
    return expression.get("expression_class") == "BOUND_AGGREGATE" and _function(expression) in _AS_IT_STANDS


def _parts(value: Any, child: Columns, known: _Known) -> Iterator[Made]:
    """Yield what the references inside of an expression are made of, whatever kinds of expressions lie between."""
    if isinstance(value, list):
        for item in value:
            yield from _parts(item, child, known)
    elif isinstance(value, dict):
        value = _unguarded(value)
        direct = _reference(value, child, known)
        if direct is not None:
            yield direct
            return
        if value.get("type") in ("BOUND_AGGREGATE", "WINDOW_AGGREGATE") and not _takes_one(value):
            yield Made(AGGREGATION, frozenset())
        for key, item in value.items():
            if key not in _ASIDE:
                yield from _parts(item, child, known)


def _reference(expression: Node, child: Columns, known: _Known) -> Made | None:
    kind = expression.get("expression_class")
    if kind == "BOUND_REF":
        return child[int(expression.get("index", 0))]
    if kind == "BOUND_COLUMN_REF":
        binding = expression.get("binding", {})
        return known.tables[int(binding.get("table_index", 0))][int(binding.get("column_index", 0))]
    return None


def _merged(columns: Iterable[Made], rank: int = IDENTITY) -> Made:
    columns = tuple(columns)
    return Made(max((rank, *(c.rank for c in columns))), frozenset().union(*(c.sources for c in columns)))


def sole_scans(plan: Node, inputs: Container[str]) -> Mapping[str, int] | None:
    """Return how often a plan reads each input, when no optimiser can change that: each once at most, else None.

    Optimisers read a table twice to compute windows, grouping sets and distinct aggregates. So this is a list of
    operators (`_PLAIN`) that are known to be left alone; for any other the plan that will run has to be asked.
    """
    ctes: dict[int, Counter[str]] = {}
    body, outer = body_of(plan)
    for node in outer:
        name = str(node.get("ctename"))
        own = Counter({name: 1}) if name in inputs else _reads(node["children"][0], ctes)
        if own is None:
            return None
        ctes[int(node.get("table_index", 0))] = own
    counted = _reads(body, ctes)
    return None if counted is None or any(count > 1 for count in counted.values()) else counted


_PLAIN = frozenset(
    f"LOGICAL_{name}"
    for name in (
        "GET PROJECTION FILTER ORDER_BY LIMIT TOP_N DISTINCT AGGREGATE_AND_GROUP_BY UNNEST COMPARISON_JOIN "
        "CROSS_PRODUCT UNION EXPRESSION_GET DUMMY_SCAN CHUNK_GET"
    ).split()
)


def _reads(node: Node, ctes: dict[int, Counter[str]]) -> Counter[str] | None:
    """Return the reads below a node; a CTE counts once for each reference, as if it stood there."""
    kind, children = node.get("type"), node.get("children", ())
    if kind == "LOGICAL_CTE_REF":
        return ctes.get(int(node.get("cte_index", 0)))
    if kind == "LOGICAL_MATERIALIZED_CTE":
        own = _reads(children[0], ctes)
        if own is None:
            return None
        ctes[int(node.get("table_index", 0))] = own
        return _reads(children[1], ctes)
    if kind not in _PLAIN or len(node.get("grouping_sets", ())) > 1 or _distinct(node):
        return None
    whole: Counter[str] = Counter()
    for child in children:
        counted = _reads(child, ctes)
        if counted is None:
            return None
        whole.update(counted)
    return whole


def _distinct(node: Node) -> bool:
    expressions = node.get("expressions", ()) if node["type"] == "LOGICAL_AGGREGATE_AND_GROUP_BY" else ()
    return any(expression.get("aggregate_type") == "DISTINCT" for expression in expressions)
