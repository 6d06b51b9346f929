"""SQL of a step in; the same SQL, if it only reads, out. SQLite itself reads one statement at a time."""

from __future__ import annotations

from osiris_dagster.errors import DriverError
from osiris_dagster.sql.refusal import SourceSqlError


def single_select(query: str) -> str:
    """Return the query without the semicolons and comments at its end. DriverError unless it is one that reads."""
    from sqlglot import tokenize  # noqa: PLC0415 - loaded only where there is SQL to judge
    from sqlglot.tokenizer_core import TokenType  # noqa: PLC0415 - as above

    from osiris_dagster.sql.sqlglot_reader import read_statement  # noqa: PLC0415 - as above

    try:
        read_statement(query, "sqlite")
    except SourceSqlError as fault:
        raise _refused(fault) from None
    ends = [token.end for token in tokenize(query, dialect="sqlite") if token.token_type != TokenType.SEMICOLON]
    return query[: ends[-1] + 1]


def check_condition(text: str) -> None:
    """Raise DriverError for a filter that is more than a condition."""
    from osiris_dagster.sql.sqlglot_reader import read_condition  # noqa: PLC0415 - loaded only where it is needed

    try:
        read_condition(text, "sqlite")
    except SourceSqlError as fault:
        raise _refused(fault) from None


def _refused(fault: SourceSqlError) -> DriverError:
    return DriverError(
        f"the query is not one SELECT statement: {fault.message}",
        code="DRV023",
        found=fault.found,
        expected="one SELECT",
        fix=fault.fix,
    )
