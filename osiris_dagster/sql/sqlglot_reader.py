"""Source SQL of any dialect in, the tree of one read-only statement out, or where and why it is refused.

Nothing is judged by how it begins: every node of the parsed tree has to be of a kind that only reads, every function
may be called, and between two tokens stands nothing but white space and comments that all databases take for such.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import accumulate, pairwise

from sqlglot import exp, tokenize
from sqlglot import parse as parse_statements
from sqlglot.dialects.dialect import Dialect, NormalizationStrategy
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from osiris_dagster.sql.dialects import DUCKDB, acts, acts_as_package, dialect_of, silent
from osiris_dagster.sql.refusal import (
    CONDITION_HEAD,
    SqlRefusedError,
    TablePath,
    acting,
    not_a_condition,
    not_one_select,
    not_read_only,
)

_READS = (
    *(exp.Condition, exp.Select, exp.SetOperation, exp.Subquery, exp.Values, exp.With, exp.CTE, exp.UDTF),
    *(exp.RecursiveWithSearch, exp.From, exp.Join, exp.Lateral, exp.Table, exp.TableAlias, exp.TableSample),
    *(exp.TableFromRows, exp.Where, exp.Group, exp.Cube, exp.Rollup, exp.GroupingSets, exp.Having, exp.Qualify),
    *(exp.Order, exp.Ordered, exp.Limit, exp.LimitOptions, exp.Offset, exp.Fetch, exp.Distinct, exp.WindowSpec),
    *(exp.Hint, exp.JoinHint, exp.IndexTableHint, exp.WithTableHint, exp.Partition, exp.Pivot, exp.PivotAlias),
    *(exp.UnpivotColumns, exp.Identifier, exp.Star, exp.Alias, exp.Aliases, exp.Tuple, exp.Slice, exp.Var),
    *(exp.Lambda, exp.Kwarg, exp.Interval, exp.IntervalSpan, exp.TimeUnit, exp.AtTimeZone, exp.Filter),
    *(exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls, exp.DataType, exp.DataTypeParam, exp.PseudoType),
    *(exp.ObjectIdentifier, exp.Introducer, exp.National, exp.CharacterSet, exp.Heredoc, exp.JSON, exp.JSONPath),
    *(exp.JSONPathPart, exp.JSONKeyValue, exp.JSONColumnDef, exp.JSONSchema, exp.JSONExtractQuote, exp.FormatJson),
    *(exp.OnCondition, exp.ColumnDef, exp.ColumnConstraint, exp.PathColumnConstraint, exp.DefaultColumnConstraint),
    *(exp.NotNullColumnConstraint, exp.Dot, exp.Operator, exp.Variadic, exp.Reference),
)
_NEVER = (exp.Parameter, exp.Placeholder, exp.PropertyEQ, exp.NextValueFor, exp.ToFile, exp.ReadCSV, exp.ReadParquet)
_WORDS: dict[type[exp.Expr], str] = {
    exp.Into: "INTO",
    exp.Lock: "a row lock",
    exp.Placeholder: "a placeholder",
    exp.Parameter: "a variable",
}
_FOLDS = (NormalizationStrategy.LOWERCASE, NormalizationStrategy.UPPERCASE)
_LOCKS = {("FOR", "UPDATE"), ("FOR", "SHARE"), ("FOR", "NO"), ("FOR", "KEY"), ("LOCK", "IN")}
_FIRST = frozenset({TokenType.SELECT, TokenType.WITH, TokenType.VALUES, TokenType.TABLE, TokenType.L_PAREN})


def read_statement(text: str, dialect: str) -> exp.Expr:
    """Return the tree of one statement that only reads; SqlRefusedError."""
    try:
        return _read(text, dialect)
    except SqlRefusedError as fault:
        fault.harmless = fault.kind == "not_understood" and _stays_inside(without_end(text, dialect), dialect)
        raise


def read_condition(text: str, dialect: str) -> exp.Expr:
    """Return the tree of `select * from ROWS where (<text>)` for one condition; SqlRefusedError."""
    try:
        tree = _read(f"{CONDITION_HEAD}{text}\n)", dialect)
    except SqlRefusedError as fault:
        if fault.offset is not None:
            fault.offset = min(max(0, fault.offset - len(CONDITION_HEAD)), len(text))
        fault.harmless = fault.kind == "not_understood" and _stays_inside(text, dialect)
        raise
    parts = {name for name, value in tree.args.items() if value}
    if not isinstance(tree, exp.Select) or parts - {"expressions", "from_", "where", "kind"}:
        raise not_a_condition()
    if not isinstance(tree.args["where"].this, exp.Paren):
        raise not_a_condition()
    return tree


@lru_cache(maxsize=4096)
def _read(text: str, dialect: str) -> exp.Expr:
    tokens = _tokens(text, dialect)
    first = tokens[0] if tokens else None
    if first is None or (first.token_type not in _FIRST and (dialect, first.token_type) != (DUCKDB, TokenType.FROM)):
        offset, length = (first.start, len(first.text)) if first else (None, 1)
        raise not_one_select(first.text.upper() if first else "nothing", offset, length)
    _check_spaces(text, tokens, dialect)
    _check_words(tokens, dialect)
    return _only_reads(_parsed(text, dialect))


def _tokens(text: str, dialect: str) -> list[Token]:
    try:
        return tokenize(text, dialect=dialect)
    except SqlglotError:
        raise SqlRefusedError("not_understood", "a text, a name or a comment does not end", fix="close it") from None
    except ValueError:
        known = f"name one that sqlglot knows in `x-sql` of the component, {DUCKDB} or postgres for example"
        raise SqlRefusedError("not_understood", f"there is no dialect {dialect!r}", found=dialect, fix=known) from None


def _stays_inside(text: str, dialect: str) -> bool:
    """Tell whether a text that is put in brackets leaves none of them, whatever it means."""
    try:
        kinds = [token.token_type for token in _tokens(text, dialect)]
    except SqlRefusedError:
        return False
    depths = list(accumulate((kind is TokenType.L_PAREN) - (kind is TokenType.R_PAREN) for kind in kinds))
    return TokenType.SEMICOLON not in kinds and min(depths, default=0) == 0 and depths[-1:] == [0]


def without_end(text: str, dialect: str) -> str:
    """Return a statement without the semicolons and comments at its end, ready to be put in brackets."""
    try:
        tokens = _tokens(text, dialect)
    except SqlRefusedError:
        return text
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens.pop()
    return text[: tokens[-1].end + 1] if tokens else ""


def _check_spaces(text: str, tokens: list[Token], dialect: str) -> None:
    nothing, end = silent(dialect), 0
    for token in tokens:
        if not nothing.fullmatch(text, end, token.start):
            raise _hidden(text, end, token.start, nothing)
        _check_token(text, token, dialect)
        end = token.end + 1
    if not nothing.fullmatch(text, end):
        raise _hidden(text, end, len(text), nothing)


def _hidden(text: str, begin: int, end: int, nothing: re.Pattern[str]) -> SqlRefusedError:
    match = nothing.match(text, begin, end)
    at = match.end() if match else begin
    return SqlRefusedError(
        "hidden",
        "a comment that some databases run, or end elsewhere",
        offset=at,
        length=min(4, end - at),
        found=text[at:end].partition("\n")[0][:40],
        fix="leave it out, or write a plain comment: `/* text */`, or `-- text` on one line",
    )


def _check_token(text: str, token: Token, dialect: str) -> None:
    """Refuse texts and names that a database may end at another place, or read as another name."""
    written = text[token.start : token.end + 1]
    before = text[token.start - 2 : token.start].lower() if token.start > 1 else ""
    escapes = dialect_of(dialect).backslashes and token.token_type == TokenType.STRING
    escaped = escapes and re.search(r"\\['\"]", written)
    joined = token.token_type == TokenType.HEREDOC_STRING and re.search(r"[\w$]\Z", before)
    hint = token.token_type == TokenType.HINT and re.search(r"set_var|/\*.*/\*", written, re.IGNORECASE | re.DOTALL)
    if escaped or joined or hint or (written.startswith('"') and before == "u&"):
        raise SqlRefusedError(
            "hidden",
            "a text or a name that databases read in different ways",
            offset=token.start,
            length=len(written.partition("\n")[0]),
            found=written[:40],
            fix="double a quote inside of a text ('it''s'), and write names as they are",
        )


def _check_words(tokens: list[Token], dialect: str) -> None:
    """Refuse calls that act, and clauses that write or lock; here their places are known."""
    for at, (token, following) in enumerate(pairwise(tokens)):
        if following.token_type == TokenType.L_PAREN:
            package = tokens[at - 2] if at > 1 and tokens[at - 1].token_type == TokenType.DOT else None
            if acts(token.text, dialect):
                raise acting(token.text, token.start)
            if package and acts_as_package(package.text):
                raise acting(package.text, package.start)
        pair = (token.text.upper(), following.text.upper())
        if token.token_type != TokenType.IDENTIFIER and (pair[0] == "INTO" or pair in _LOCKS):
            raise not_read_only(" ".join(pair) if pair in _LOCKS else pair[0], token.start, len(token.text))


def _parsed(text: str, dialect: str) -> exp.Expr:
    try:
        with in_silence():
            trees = parse_statements(text, dialect=dialect)
    except ParseError as error:
        detail = error.errors[0] if error.errors else {}
        word = str(detail.get("highlight") or "")
        raise SqlRefusedError(
            "not_understood",
            f"the statement is not understood{f' at `{word[:40]}`' if word else ''}",
            offset=_offset(text, detail.get("line"), detail.get("col"), len(word)),
            length=max(1, len(word)),
            found=word[:40],
            fix=f"write it in plain SQL of {dialect}, or read a view of the source that holds it",
        ) from None
    except (SqlglotError, RecursionError):
        raise SqlRefusedError("not_understood", "the statement is not understood", fix="make it simpler") from None
    # A comment behind the last semicolon is a tree of its own.
    statements = [tree for tree in trees if tree is not None and not isinstance(tree, exp.Semicolon)]
    if len(statements) != 1:
        raise not_one_select(f"{len(statements)} statements")
    return statements[0]


@contextmanager
def in_silence() -> Iterator[None]:
    """Keep sqlglot from printing SQL that it does not understand: what follows from that is said elsewhere."""
    logger = logging.getLogger("sqlglot")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def _offset(text: str, line: int | None, column: int | None, length: int) -> int | None:
    """Return the offset of a word that ends at a place as sqlglot counts it."""
    if line is None or column is None:
        return None
    begin = 0
    for _ in range(line - 1):
        begin = text.find("\n", begin) + 1
    return max(0, min(begin + column - length, len(text)))


def _only_reads(tree: exp.Expr) -> exp.Expr:
    for node in tree.walk():
        if not isinstance(node, _READS) or isinstance(node, _NEVER):
            raise not_read_only(_WORDS.get(type(node)) or type(node).__name__.upper(), *_where(node))
    if not isinstance(tree, exp.Query | exp.Values):
        raise not_one_select(type(tree).__name__.upper())
    return tree


def _where(node: exp.Expr) -> tuple[int | None, int]:
    places = [(n.meta["start"], n.meta["end"]) for n in node.walk() if "start" in n.meta]
    return (min(places)[0], min(places)[1] - min(places)[0] + 1) if places else (None, 1)


def tables_of(tree: exp.Expr, dialect: str) -> tuple[TablePath, ...]:
    """Return the tables that a tree names, each as its dotted path, sorted; CTE names and functions are not tables."""
    tables = (table for table in tree.find_all(exp.Table) if isinstance(table.this, exp.Identifier))
    return tuple(sorted({path_of(table, dialect) for table in tables if not _is_cte(table)}))


def path_of(table: exp.Table, dialect: str) -> TablePath:
    """Return the dotted path of a table, as the source spells it."""
    return tuple(spelt(part, dialect) for part in table.parts)


def spelt(name: exp.Expr, dialect: str) -> str:
    """Return a name as the source spells it: some change the case of one without quotes."""
    strategy = Dialect.get_or_raise(dialect).normalization_strategy
    if name.args.get("quoted") or strategy not in _FOLDS:
        return name.name
    return name.name.lower() if strategy is NormalizationStrategy.LOWERCASE else name.name.upper()


def _is_cte(table: exp.Table) -> bool:
    if table.args.get("db"):
        return False
    return any(name.lower() == table.name.lower() for name in _visible(table))


def _visible(node: exp.Expr) -> Iterator[str]:
    """Yield the CTE names that are known where a node stands: in a WITH that does not recurse, those before it."""
    while (parent := node.parent) is not None:
        if isinstance(parent, exp.With):
            for cte in parent.expressions:
                if cte is node and not parent.recursive:
                    break
                yield cte.alias
            parent = parent.parent or parent
        elif with_ := parent.args.get("with_"):
            yield from (cte.alias for cte in with_.expressions)
        node = parent
