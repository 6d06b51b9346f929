"""Answers for connections of the SQLite family: whether the file opens, and which tables and views are in it."""

from __future__ import annotations

from contextlib import AbstractContextManager, closing
from pathlib import Path

from osiris_dagster.drivers.inspection import FoundColumn, FoundTable, wanted
from osiris_dagster.drivers.sqlite.catalogue import look_up, names_of
from osiris_dagster.drivers.sqlite.cells import read_as
from osiris_dagster.drivers.sqlite.session import Session
from osiris_dagster.drivers.stopping import StopSign
from osiris_dagster.drivers.tables.file_inspector import FileInspector
from osiris_dagster.errors import DriverError


class SQLiteInspector(FileInspector[Session]):
    """Asks one file."""

    family = "sqlite"
    product = "SQLite"
    beside = "-wal"

    def opened(self, path: Path, name: str) -> AbstractContextManager[Session]:
        """Open the file for reading only."""
        return closing(Session(path, name, write=False, wait=self.call.timeout, stopped=StopSign()))

    def version(self, session: Session) -> str:
        """Return the version of the library, once the file has been read."""
        return str(session.rows("select sqlite_version() from sqlite_schema union select sqlite_version()")[0][0])

    def tables(self, pattern: str) -> tuple[FoundTable, ...]:
        """Return tables and views; SQLite does not count rows."""
        with self.session() as session:
            session.rows("begin")
            return tuple(_table(session, name) for name, _ in names_of(session) if wanted(pattern, "main", name))


def _table(session: Session, name: str) -> FoundTable:
    try:
        found = look_up(session, name)
        assert found is not None
    except DriverError as error:  # a view whose tables have gone
        return FoundTable("main", name, "view", (), problem=error.first.message)
    columns = tuple(FoundColumn(c.name, read_as(c.type), c.declared, c.nullable) for c in found.columns)
    return FoundTable("main", name, "view" if found.kind == "view" else "table", columns, found.keys)
