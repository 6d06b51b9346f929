"""One open connection to a database file: statements that wait for locks, and faults with names."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.stopping import StopSign, Switch, canceled
from osiris_dagster.drivers.tables.database_file import file_of_step, in_use, nothing_to_read
from osiris_dagster.drivers.tables.lease import granted
from osiris_dagster.drivers.tables.refusals import not_carried
from osiris_dagster.errors import DriverError, Retryable

_LARGEST_ROW = 1 << 28  # bytes
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_UNFINISHED = (sqlite3.SQLITE_READONLY_ROLLBACK, sqlite3.SQLITE_READONLY_RECOVERY)
_UNREADABLE = re.compile(r"Could not decode to UTF-8 column '(?P<column>.*?)' with text")
_PRAGMAS = ("index_info", "index_list", "legacy_alter_table", "table_xinfo")

# primary result code -> code, way out, whether another try can help
_KINDS: dict[int, tuple[str, str, Retryable]] = {
    sqlite3.SQLITE_ERROR: ("DRV024", "correct the SQL of the step", "permanent"),
    sqlite3.SQLITE_AUTH: ("DRV027", "a step reads and writes the one file of its connection", "permanent"),
    sqlite3.SQLITE_FULL: ("DRV026", "free disk space, then run the step again", "transient"),
    sqlite3.SQLITE_TOOBIG: ("DRV025", "leave the value out: rows have at most 256 MiB", "permanent"),
    sqlite3.SQLITE_CONSTRAINT: ("DRV029", "correct the rows, or the constraint of the table", "permanent"),
}
_OTHER: tuple[str, str, Retryable] = ("DRV019", "check the file, its folder and the free disk space", "permanent")


class Session:
    """One connection; `connection` is in autocommit: transactions are begun and ended by name."""

    def __init__(self, path: Path, name: str, *, write: bool, wait: float, stopped: StopSign) -> None:
        """`name` is for messages; `wait` is how many seconds a statement waits for the locks of others."""
        self.stopped = stopped
        self._name = name
        self._wait = wait
        with self.faults():
            self.connection = _connected(path, "rwc" if write else "ro")
        try:
            self._recover(path)
        except BaseException:
            self.close()
            raise

    def _recover(self, path: Path) -> None:
        """Read the file for the first time. What a killed writer left half done is undone first, which is writing."""
        try:
            self.rows("select count(*) from sqlite_schema")
        except DriverError as error:
            if getattr(error.__cause__, "sqlite_errorcode", 0) not in _UNFINISHED:
                raise
            Session(path, self._name, write=True, wait=self._wait, stopped=self.stopped).close()
            self.rows("select count(*) from sqlite_schema")

    def rows(self, statement: str, arguments: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Execute a statement and return its rows, none for one that has no result."""
        with self.faults():
            return self.cursor(statement, arguments).fetchall()

    def number(self, statement: str) -> int:
        """Execute a statement; return the one number that it gives, or how many rows it changed."""
        cursor = self.cursor(statement)
        return int(cursor.fetchone()[0] if cursor.description else cursor.rowcount)

    def cursor(self, statement: str, arguments: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Execute a statement; it waits for others who have the file locked. DriverError when that takes too long."""
        found: list[sqlite3.Cursor] = []

        def attempt() -> bool:
            try:
                found.append(self.connection.execute(statement, arguments))
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in _BUSY:
                    raise
            return bool(found)

        self.stopped.check()
        with self.faults():
            if not granted(attempt, self._wait, self.stopped):
                raise in_use(self._name, "by another connection", self._wait, "a file that nobody else is writing")
        return found[0]

    @contextmanager
    def transaction(self, kind: str = "") -> Iterator[None]:
        """Commit what happens in the block, or nothing."""
        self.rows(f"begin {kind}")
        try:
            yield
            self.stopped.check()
            self.rows("commit")
        except BaseException:
            with suppress(sqlite3.Error):
                self.connection.execute("rollback")
            raise

    @contextmanager
    def faults(self) -> Iterator[None]:
        """Turn what SQLite raises into a DriverError with the name of the file; after `cancel` into its error."""
        try:
            yield
        except (sqlite3.Error, sqlite3.Warning, OverflowError) as error:
            if self.stopped.event.is_set():
                raise canceled() from error
            raise _fault(error, self._name) from error

    def interrupt(self) -> None:
        """End the statement under way from another thread."""
        self.connection.interrupt()

    def close(self) -> None:
        """Close the file; what is not committed is undone. Idempotent."""
        self.connection.close()


def opened(call: StepCall, switch: Switch[Session], *, write: bool) -> Session:
    """Open the file of a step, which a writer makes if it is not there. DriverError for nothing to read."""
    path, name = file_of_step(call, "sqlite", write=write)
    if write:
        path.parent.mkdir(parents=True, exist_ok=True)
    elif not path.is_file():
        raise nothing_to_read(name, "a SQLite database", call.setup)
    return switch.add(Session(path, name, write=write, wait=call.config["lock_timeout"], stopped=switch.stopped))


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    address = f"file:{quote(str(path))}?mode={mode}"
    connection = sqlite3.connect(address, 0, isolation_level=None, check_same_thread=False, uri=True)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_ROW)
    connection.set_authorizer(_only_this_file)
    connection.execute("pragma legacy_alter_table = on")  # a view that names a table does not hinder its renewal
    return connection


def _only_this_file(action: int, name: str | None, *_: str | None) -> int:
    """Refuse other files and settings. Libraries are not loaded: that is off unless somebody turns it on."""
    others = action in (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH)
    settings = action == sqlite3.SQLITE_PRAGMA and name not in _PRAGMAS
    return sqlite3.SQLITE_DENY if others or settings else sqlite3.SQLITE_OK


def _fault(error: Exception, name: str) -> DriverError:
    text = str(error)
    if unreadable := _UNREADABLE.match(text):  # its text is a value of a row
        return not_carried(unreadable["column"], "text that is not UTF-8", "other stores take no other")
    number = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if number == sqlite3.SQLITE_NOTADB:
        return DriverError(
            f"{name} is no SQLite database, or an encrypted one",
            code="DRV019",
            found="a file without the header of SQLite",
            expected="a SQLite database",
            fix="check `path` of the connection or step; decrypt the file before",
        )
    code, fix, retryable = _KINDS.get(number, _OTHER)
    return DriverError(f"{name}: {text or type(error).__name__}", code=code, found=text, fix=fix, retryable=retryable)
