"""What every role needs: the database file of a step, a leased cursor on it, and the switch that cancels."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.stopping import StopSign
from osiris_dagster.errors import ConfigError
from osiris_dagster.write_paths import writable


def catalogue_of(session: duckdb.DuckDBPyConnection) -> str:
    """Return DuckDB's name of the open file; a schema of the same name is ambiguous without it."""
    return str(session.sql("select current_catalog()").fetchall()[0][0])


class Switch:
    """Ends the statements of one step from another thread: those under way and those to come."""

    def __init__(self) -> None:
        self.stopped = StopSign()
        self._lock = threading.Lock()
        self._sessions: list[duckdb.DuckDBPyConnection] = []

    def add(self, session: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        """Follow a session until `close`."""
        with self._lock:
            self._sessions.append(session)
        return session

    def cancel(self) -> None:
        """Interrupt every session. Idempotent; one that is between two statements is stopped by `check`."""
        self.stopped.set()
        with self._lock:
            for session in self._sessions:
                session.interrupt()

    def check(self) -> None:
        """Raise DriverError once `cancel` was called."""
        self.stopped.check()

    def close(self) -> None:
        """Close the sessions."""
        with self._lock:
            while self._sessions:
                self._sessions.pop().close()

    @contextmanager
    def session(self, session: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
        """Follow a session for the length of a block, then close it."""
        self.add(session)
        try:
            yield session
        finally:
            with self._lock:
                self._sessions.remove(session)
            session.close()


def database_file(call: StepCall, *, write: bool = False) -> tuple[Path, str]:
    """Return the absolute path of the step's database and its project path.

    Raises ConfigError when neither config nor connection names it, or when it lies outside of the project or, for
    writing, where no step may write.
    """
    name = call.connection.get("path") or call.config.get("path")
    if not isinstance(name, str) or not name:
        raise ConfigError(
            f"step {call.step_id!r} does not say which database file it uses",
            code="CFG030",
            found="neither `path` nor a connection that has one",
            expected="a connection with `path`, or `path` in the step",
            fix="add `connection: '@duckdb.<alias>'` or `path: data/<file>.duckdb`",
        )
    return writable(call.project, name, call.oml) if write else call.project.inside(name), name
