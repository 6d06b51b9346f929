"""Statements of DuckDB: the name of the open file, and the rule that a step's SQL is one SELECT."""

from __future__ import annotations

import duckdb

from osiris_dagster.drivers.duckdb.faults import named_faults
from osiris_dagster.errors import DriverError


def catalogue_of(session: duckdb.DuckDBPyConnection) -> str:
    """Return DuckDB's name of the open file; a schema of the same name is ambiguous without it."""
    return str(session.sql("select current_catalog()").fetchall()[0][0])


def single_select(query: str) -> str:
    """Return the query without the semicolons and comments at its end, ready to be put in brackets.

    Raises DriverError unless DuckDB's own parser finds exactly one statement and that is a SELECT.
    """
    with named_faults():
        statements = duckdb.extract_statements(query)
    kinds = [statement.type.name for statement in statements]
    if kinds != ["SELECT"]:
        raise DriverError(
            "the query is not one SELECT statement",
            code="DRV023",
            found=", ".join(kinds) or "no statement",
            expected="one SELECT",
            fix="write one SELECT; leave PRAGMA, SET, COPY, ATTACH and everything that changes data out",
        )
    text = query.encode()
    for offset, kind in reversed(duckdb.tokenize(query)):
        if kind != duckdb.token_type.comment and text[offset : offset + 1] != b";":
            break
        text = text[:offset]
    return text.decode().rstrip()
