"""Shares one DuckDB connection for each file in the process; the file is closed when the last lease ends.

DuckDB keeps other processes out of a file that is open for writing, and refuses two connections of one process that
differ in that. So readers share a read-only connection, and anybody shares one that is open for writing. Who wants to
write while readers hold the file waits for them, with a limit; a reader that knows that its run also writes there asks
with `write=True` from the start (`StepCall.store_written`).
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from osiris_dagster.drivers.duckdb.faults import fault
from osiris_dagster.drivers.stopping import StopSign
from osiris_dagster.drivers.tables.database_file import in_use
from osiris_dagster.errors import DriverError

Connect = Callable[[Path, bool], duckdb.DuckDBPyConnection]
"""Opens a file; the flag tells whether for writing."""

_HOLDER = re.compile(r"Conflicting lock is held in (?P<program>.*?) ?\(PID (?P<pid>\d+)\)")
MEMORY_LIMIT = "1GB"  # of a database file that is open: rows stream through it
_PAUSE = 0.05  # seconds between two tries
_LOCK_DOWN = """
    set global TimeZone = 'UTC';
    set enable_progress_bar = false;
    set python_enable_replacements = false;
    set autoload_known_extensions = false;
    set autoinstall_known_extensions = false;
    set enable_external_access = false;
    set lock_configuration = true;
"""


def connect_file(path: Path, write: bool) -> duckdb.DuckDBPyConnection:  # noqa: FBT001 - the shape of Connect
    """Open a database file with little memory: rows stream, and what has to be held spills beside the file."""
    return duckdb.connect(path, read_only=not write, config={"memory_limit": MEMORY_LIMIT})


class Lease:
    """The right to use a database file until `close`."""

    def __init__(self, shared: _Shared) -> None:
        self._shared: _Shared | None = shared

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a session of its own; the caller closes it."""
        assert self._shared is not None
        return self._shared.cursor()

    @property
    def catalogue_lock(self) -> threading.Lock:
        """Held by who changes tables: DuckDB lets the second of two such transactions fail."""
        assert self._shared is not None
        return self._shared.catalogue_lock

    @property
    def staging(self) -> set[str]:
        """Names of the staging tables that writers of this process use now."""
        assert self._shared is not None
        return self._shared.staging

    def close(self) -> None:
        """Give the file back. Idempotent."""
        shared, self._shared = self._shared, None
        if shared is not None:
            shared.release()


class _Shared:
    """What this process knows about one file."""

    def __init__(self, path: Path) -> None:
        self.catalogue_lock = threading.Lock()
        self.staging: set[str] = set()
        self._path = path
        self._changed = threading.Condition()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._write = False
        self._leases = 0

    def acquire(self, connect: Connect, stopped: StopSign, *, write: bool, wait: float, name: str) -> Lease:
        deadline = time.monotonic() + wait
        with self._changed:
            while self._connection is not None and write and not self._write:
                if not self._pause(deadline, stopped):
                    raise _busy(name, wait, "by readers of this run")
            while self._connection is None:
                try:
                    self._connection, self._write = _opened(connect, self._path, write=write), write
                except duckdb.Error as error:
                    holder = _holder(error)
                    if holder is None:
                        raise fault(error) from error
                    if not self._pause(deadline, stopped):
                        raise _busy(name, wait, holder) from error
            self._leases += 1
            return Lease(self)

    def _pause(self, deadline: float, stopped: StopSign) -> bool:
        stopped.check()
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        self._changed.wait(min(left, _PAUSE))
        return True

    def cursor(self) -> duckdb.DuckDBPyConnection:
        with self._changed:
            assert self._connection is not None
            return self._connection.cursor()

    def release(self) -> None:
        with self._changed:
            self._leases -= 1
            if self._leases == 0 and self._connection is not None:
                connection, self._connection = self._connection, None
                self._changed.notify_all()
                connection.close()

    def held_by_readers(self) -> bool:
        with self._changed:
            return self._connection is not None and not self._write


_files: dict[Path, _Shared] = {}
_files_lock = threading.Lock()


def _shared(path: Path) -> _Shared:
    with _files_lock:
        return _files.setdefault(path, _Shared(path))


def held_by_readers(path: Path) -> bool:
    """Tell whether this process has the file open for reading only, so that a writer would have to wait."""
    return _shared(path).held_by_readers()


def acquire(path: Path, connect: Connect, stopped: StopSign, *, write: bool, wait: float, name: str) -> Lease:
    """Open the file, or share it if this process has it open; `path` is resolved, `name` is for messages.

    Waits up to `wait` seconds for whoever holds it against us. Raises DriverError when that is not enough, when
    `stopped` is set meanwhile, or when the file is no database.
    """
    return _shared(path).acquire(connect, stopped, write=write, wait=wait, name=name)


def _opened(connect: Connect, path: Path, *, write: bool) -> duckdb.DuckDBPyConnection:
    connection = connect(path, write)
    try:
        connection.execute(_LOCK_DOWN)
    except BaseException:
        connection.close()
        raise
    return connection


def _holder(error: duckdb.Error) -> str | None:
    """Return who holds the file, None when that is not what the error is about."""
    text = str(error)
    if match := _HOLDER.search(text):
        program = Path(match["program"]).name
        return f"by process {match['pid']}" + (f" ({program})" if program else "")
    if "Could not set lock" in text:
        return "by another process"
    if "different configuration" in text:
        return "by this process, opened in another way"
    return None


def _busy(name: str, wait: float, holder: str) -> DriverError:
    return in_use(name, holder, wait, "a file that nobody else has open for writing")
