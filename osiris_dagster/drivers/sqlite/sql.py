"""SQL of a step in; the same SQL, if it only reads, out. SQLite itself reads one statement at a time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from sqlglot import tokenize
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import TokenType

from osiris_dagster.errors import DriverError
from osiris_dagster.sql.refusal import SourceSqlError
from osiris_dagster.sql.sqlglot_reader import read_condition, read_statement

_DIALECT = "sqlite"


def single_select(query: str) -> str:
    """Return the query without the semicolons and comments at its end. DriverError unless it is one that reads."""
    with suppress(SqlglotError):  # what has no tokens is refused below
        ends = [token.end for token in tokenize(query, dialect=_DIALECT) if token.token_type != TokenType.SEMICOLON]
        query = query[: ends[-1] + 1] if ends else query
    _judge(read_statement, query)
    return query


def check_condition(text: str) -> None:
    """Raise DriverError for a filter that is more than a condition."""
    _judge(read_condition, text)


def _judge(read: Callable[[str, str], object], text: str) -> None:
    try:
        read(text, _DIALECT)
    except SourceSqlError as fault:
        message = f"the query is not one SELECT statement: {fault.message}"
        raise DriverError(message, code="DRV023", found=fault.found, expected="one SELECT", fix=fault.fix) from None
