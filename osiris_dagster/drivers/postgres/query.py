"""SQL of a step in, the same SQL ready to stand in brackets out: one statement that reads.

The text goes to the server as it was written. sqlglot's tokens tell where strings and comments are, so that nothing
leaves its brackets; its parser, where it knows the syntax, tells what the statement does. The server has the last
word: drivers read in a transaction that cannot write.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from osiris_dagster.errors import DriverError

_READING = frozenset({TokenType.SELECT, TokenType.WITH, TokenType.VALUES, TokenType.L_PAREN, TokenType.TABLE})
_CHANGING = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Into, exp.Command, exp.DDL, exp.Lock)


def single_select(query: str) -> str:
    """Return the query without the semicolons and comments at its end. DriverError unless it is one that reads."""
    tokens = _tokens(query)
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens.pop()
    if not tokens:
        raise _refused("no statement")
    if any(token.token_type is TokenType.SEMICOLON for token in tokens):
        raise _refused("several statements")
    if tokens[0].token_type not in _READING:
        raise _refused(tokens[0].text.upper())
    _check_brackets(tokens)
    text = query[: tokens[-1].end + 1]
    _check_parsed(text)
    return text


def condition(text: str) -> str:
    """Return a filter as it was written; DriverError when it would leave its brackets."""
    tokens = _tokens(text)
    if any(token.token_type is TokenType.SEMICOLON for token in tokens):
        raise _refused("a semicolon in the filter")
    _check_brackets(tokens)
    return text


def _tokens(text: str) -> list[Token]:
    try:
        return list(sqlglot.tokenize(text, read="postgres"))
    except SqlglotError as error:
        raise _refused("text that ends in the middle of a string or comment") from error


def _check_brackets(tokens: Sequence[Token]) -> None:
    depth = 0
    for token in tokens:
        depth += (token.token_type is TokenType.L_PAREN) - (token.token_type is TokenType.R_PAREN)
        if depth < 0:
            break
    if depth:
        raise _refused("brackets that are not in pairs")


def _check_parsed(text: str) -> None:
    """Syntax that sqlglot does not know is left to the server."""
    try:
        statements = sqlglot.parse(text, read="postgres")
    except ParseError:
        return
    changing: Iterable[exp.Expr] = (
        found for statement in statements if statement for found in statement.find_all(*_CHANGING)
    )
    if (found := next(iter(changing), None)) is not None:
        raise _refused(type(found).__name__.upper())


def _refused(found: str) -> DriverError:
    return DriverError(
        "the query is not one SELECT statement",
        code="DRV023",
        found=found,
        expected="one SELECT",
        fix="write one SELECT; leave out everything that changes data or takes locks",
    )
