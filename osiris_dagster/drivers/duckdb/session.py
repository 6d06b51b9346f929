"""What every role needs: the switch that cancels its sessions, and transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import duckdb

from osiris_dagster.drivers import stopping


def catalogue_of(session: duckdb.DuckDBPyConnection) -> str:
    """Return DuckDB's name of the open file; a schema of the same name is ambiguous without it."""
    return str(session.sql("select current_catalog()").fetchall()[0][0])


Switch = stopping.Switch[duckdb.DuckDBPyConnection]
"""Follows the cursors of a step."""


@contextmanager
def transaction(session: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit what happens in the block, or nothing."""
    session.execute("begin transaction")
    try:
        yield
        session.execute("commit")
    except BaseException:
        with suppress(duckdb.Error):
            session.execute("rollback")
        raise
