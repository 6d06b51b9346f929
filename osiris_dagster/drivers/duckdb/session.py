"""What every role needs: the switch that cancels its sessions, and transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import duckdb

from osiris_dagster.drivers import stopping

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
