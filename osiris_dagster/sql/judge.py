"""SQL that somebody wrote in, the tables that it reads out, or where and why it is refused: the one judge of SQL.

The compiler asks before anything runs, and drivers ask again before they put a text into a statement. DuckDB's parser
reads DuckDB, sqlglot all other dialects; each is loaded when there is SQL for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from osiris_dagster.sql.dialects import DUCKDB
from osiris_dagster.sql.refusal import CONDITION_TABLE, TablePath


class _Reader(NamedTuple):
    """What both readers can do; a tree is whatever the parser makes."""

    read_statement: Callable[[str, str], Any]
    read_condition: Callable[[str, str], Any]
    tables_of: Callable[[Any, str], tuple[TablePath, ...]]
    without_end: Callable[[str, str], str]


def tables_in(text: str, dialect: str, *, condition: bool = False) -> tuple[TablePath, ...]:
    """Return the tables that SQL of a source reads, each as its dotted path, sorted; SqlRefusedError when refused."""
    reader = _reader(dialect)
    read = reader.read_condition if condition else reader.read_statement
    found = reader.tables_of(read(text, dialect), dialect)
    return tuple(path for path in found if not (condition and path == (CONDITION_TABLE,)))


def check(text: str, dialect: str, *, condition: bool = False) -> None:
    """Refuse what is not one statement, or one condition, that only reads; SqlRefusedError."""
    reader = _reader(dialect)
    read = reader.read_condition if condition else reader.read_statement
    read(text, dialect)


def without_end(text: str, dialect: str) -> str:
    """Return a statement without the semicolons and comments at its end, ready to be put in brackets."""
    return _reader(dialect).without_end(text, dialect)


def _reader(dialect: str) -> _Reader:
    if dialect == DUCKDB:
        from osiris_dagster.sql import duckdb_reader as duck  # noqa: PLC0415 - not for the others

        return _Reader(duck.read_statement, duck.read_condition, duck.tables_of, duck.without_end)
    from osiris_dagster.sql import sqlglot_reader as other  # noqa: PLC0415 - 0.15 s that most projects need not pay

    return _Reader(other.read_statement, other.read_condition, other.tables_of, other.without_end)
