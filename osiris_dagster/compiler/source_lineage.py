"""Column lineage of a source's query, from its syntax tree: which columns of which tables each one is made of.

The columns of those tables are not known here, so a name without a table in front of it is followed only where one
table can be meant, and a star only where it stands for one. Everything else is said to be unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope, build_scope

from osiris_dagster.compiler.lineage import ColumnLineage, ColumnSource, Lineage, LineageKind, strongest
from osiris_dagster.sql.sqlglot_reader import in_silence, spelt

DatasetKey = Callable[[exp.Table], tuple[str, ...]]
_UNKNOWN = ColumnLineage("", "unknown")
_ONE_ROW = (exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.NthValue)  # aggregates to sqlglot, not to us
_FILTERS = (exp.Where, exp.Order, exp.Group, exp.Having)


def source_lineage(tree: exp.Expr, names: Sequence[str] | None, dataset: DatasetKey, dialect: str) -> Lineage | None:
    """Return the lineage of a query's columns; None where not even their names can be told.

    `names` are the columns as the source says them, if it was asked. `dataset` gives the key of a table.
    """
    try:
        with in_silence():
            scope = build_scope(tree) if isinstance(tree, exp.Query) else None
        found = _Reader(dataset, dialect).columns(scope, names) if scope else None
    except (SqlglotError, RecursionError):  # e.g. two tables under one alias
        found = None
    if names is None:
        return found if found and all(one.column for one in found) else None
    if found is None or len(found) != len(names):
        return tuple(ColumnLineage(name, "unknown") for name in names)
    return tuple(replace(one, column=name) for one, name in zip(found, names, strict=True))


class _Reader:
    """Follows columns through the scopes of one tree."""

    def __init__(self, dataset: DatasetKey, dialect: str) -> None:
        self._dataset = dataset
        self._dialect = dialect
        self._under_way: set[tuple[int, str]] = set()  # a recursive CTE leads back to itself

    def columns(self, scope: Scope, names: Sequence[str] | None = None) -> Lineage | None:
        """Return all columns of a scope in their order; None when a star stands for nobody knows what."""
        if isinstance(scope.expression, exp.SetOperation):
            # The names are those of the first; another may call its columns differently.
            first, *others = scope.set_operation_scopes
            return self._joined(scope, [self.columns(first, names), *map(self.columns, others)])
        if isinstance(scope.expression, exp.Lateral) and scope.subquery_scopes:
            return self.columns(scope.subquery_scopes[0], names)
        if not isinstance(scope.expression, exp.Select):
            return None
        parts = [self._part(item, scope) for item in scope.expression.expressions]
        if parts.count(None) == 1 and names is not None:
            at, rest = parts.index(None), sum(len(part) for part in parts if part is not None)
            star = scope.expression.expressions[at]
            before = sum(len(part) for part in parts[:at] if part is not None)
            filled = names[before : before + len(names) - rest]
            parts[at] = tuple(self._of_star(star, scope, name) for name in filled)
        known = [part for part in parts if part is not None]
        return tuple(one for part in known for one in part) if len(known) == len(parts) else None

    def _joined(self, scope: Scope, sides: Sequence[Lineage | None]) -> Lineage | None:
        left, *others = sides
        if left is None or isinstance(scope.expression, exp.Except):
            return left
        if any(other is None or len(other) != len(left) for other in others):
            return None
        if _recurses(scope.expression) and len(left) > 1:
            # Around again a column may take from any other; how far, nobody has followed.
            return tuple(ColumnLineage(one.column, "unknown") for one in left)
        rows = zip(left, *(other for other in others if other is not None), strict=True)
        return tuple(_merged(row[0].column, row) for row in rows)

    def _part(self, item: exp.Expr, scope: Scope) -> Lineage | None:
        """Return what one item of a SELECT stands for; None for a star over a table of unknown columns."""
        if not item.is_star:
            return (self._projection(item, scope),)
        listed: list[ColumnLineage] = []
        for table in _starred(item, scope):
            source = self._source(scope, table)
            columns = self.columns(source) if isinstance(source, Scope) else None
            if columns is None:
                return None
            listed += (self._of_star(item, scope, one.column, table) for one in columns)
        left_out = _names_in(item, "except_")
        return tuple(one for one in listed if one.column.lower() not in left_out)

    def _of_star(self, item: exp.Expr, scope: Scope, name: str, table: str = "") -> ColumnLineage:
        for changed in _star(item).args.get("replace") or ():
            if changed.alias.lower() == name.lower():
                return self._projection(changed, scope)
        if _star(item).args.get("rename"):
            return replace(_UNKNOWN, column=name)
        tables = [table] if table else _starred(item, scope)
        return self._column(scope, name, tables[0]) if len(tables) == 1 else replace(_UNKNOWN, column=name)

    def _projection(self, item: exp.Expr, scope: Scope) -> ColumnLineage:
        inner, name = item.unalias(), self._folded(item)
        if isinstance(inner, exp.Column):
            return replace(self._of_column(inner, scope), column=name)
        parts = tuple(self._values(inner, scope))
        aggregated = any(isinstance(node, exp.AggFunc) and not isinstance(node, _ONE_ROW) for node in _own_nodes(inner))
        return _merged(name, parts, "aggregation" if aggregated else "transformation")

    def _values(self, node: exp.Expr, scope: Scope) -> Iterator[ColumnLineage]:
        if isinstance(node, exp.Column):
            yield self._of_column(node, scope)
        elif isinstance(node, exp.Query):
            inner = next((s for s in scope.subquery_scopes if s.expression is node.unnest()), None)
            yield from (self.columns(inner) if inner else None) or (_UNKNOWN,)
        else:
            for child in _value_children(node):
                yield from self._values(child, scope)

    def _of_column(self, column: exp.Column, scope: Scope) -> ColumnLineage:
        name, tables = self._folded(column), list(scope.selected_sources)
        # Without a table in front it may be of the query around it, or be a whole row.
        sole = len(tables) == 1 and not scope.is_subquery and name.lower() != tables[0].lower()
        return self._column(scope, name, column.table or (tables[0] if sole else ""))

    def _column(self, scope: Scope, name: str, table: str) -> ColumnLineage:
        """Return what a column of one of a scope's sources is made of."""
        source = self._source(scope, table)
        if isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier):
            return ColumnLineage(name, "identity", (ColumnSource(name, dataset=self._dataset(source)),))
        if isinstance(source, Scope):
            return self._of_scope(source, name)
        return replace(_UNKNOWN, column=name)

    def _source(self, scope: Scope, table: str) -> exp.Table | Scope | None:
        found = [source for alias, source in scope.sources.items() if alias.lower() == table.lower()]
        return found[0] if len(found) == 1 else scope.sources.get(table)

    def _of_scope(self, scope: Scope, name: str) -> ColumnLineage:
        step = (id(scope.expression), name.lower())
        if step in self._under_way:
            return ColumnLineage(name, "identity")  # adds nothing to what the other side of the recursion says
        self._under_way.add(step)
        try:
            return replace(self._found(scope, name), column=name)
        finally:
            self._under_way.remove(step)

    def _found(self, scope: Scope, name: str) -> ColumnLineage:
        columns = self.columns(scope)
        if columns is not None:
            names = [n.lower() for n in scope.outer_columns] or [one.column.lower() for one in columns]
            at = names.index(name.lower()) if names.count(name.lower()) == 1 and len(names) == len(columns) else None
            return columns[at] if at is not None else _UNKNOWN
        if not isinstance(scope.expression, exp.Select) or scope.outer_columns:
            return _UNKNOWN
        items = scope.expression.expressions
        plain = [item for item in items if not item.is_star and self._folded(item).lower() == name.lower()]
        stars = [item for item in items if item.is_star]
        if plain:
            return self._projection(plain[0], scope)
        if len(stars) == 1 and name.lower() not in _names_in(stars[0], "except_"):
            return self._of_star(stars[0], scope, name)
        return _UNKNOWN

    def _folded(self, node: exp.Expr) -> str:
        """Return the name of a column as the source will say it; empty when it has to make one up."""
        written = node.args.get("alias") if isinstance(node, exp.Alias) else node.this
        if not isinstance(written, exp.Identifier):
            return ""
        return spelt(written, self._dialect)


def _merged(name: str, parts: Iterable[ColumnLineage], kind: LineageKind = "identity") -> ColumnLineage:
    parts = tuple(parts)
    whole = strongest([kind, *(part.kind for part in parts)])
    sources = () if whole == "unknown" else {source for part in parts for source in part.sources}
    return ColumnLineage(name, whole, tuple(sorted(sources)))


def _star(item: exp.Expr) -> exp.Expr:
    return item.this if isinstance(item, exp.Column) else item


def _starred(item: exp.Expr, scope: Scope) -> list[str]:
    return [item.table] if isinstance(item, exp.Column) and item.table else list(scope.selected_sources)


def _names_in(item: exp.Expr, key: str) -> set[str]:
    return {one.name.lower() for one in _star(item).args.get(key) or ()}


def _value_children(node: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the parts of an expression that its value is made of: not those that choose or order rows."""
    if isinstance(node, exp.Window | exp.Filter):
        yield node.this
        return
    for child in node.iter_expressions():
        if isinstance(child, exp.Order) and isinstance(child.this, exp.Expr):
            yield child.this  # `agg(value order by ...)`: the value stands inside of the order
        elif not isinstance(child, _FILTERS) or isinstance(node, exp.WithinGroup):
            yield child


def _recurses(expression: exp.Expr) -> bool:
    with_ = expression.parent.parent if isinstance(expression.parent, exp.CTE) else None
    return isinstance(with_, exp.With) and bool(with_.recursive)


def _own_nodes(node: exp.Expr) -> Iterator[exp.Expr]:
    return node.walk(prune=lambda inner: isinstance(inner, exp.Query))
