"""Answers for connections of families whose databases are files: whether the file opens, and when it changed."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from osiris_dagster.drivers.inspection import Category, ConnectionCall, FoundTable, Probe
from osiris_dagster.drivers.tables.database_file import absent, file_of_connection
from osiris_dagster.errors import DriverError

_CATEGORIES: Mapping[str, Category] = {"DRV020": "not_found", "DRV021": "busy"}
Session = TypeVar("Session")


class FileInspector(ABC, Generic[Session]):
    """Opens the file for reading, as an extractor would."""

    family: ClassVar[str]
    product: ClassVar[str]
    beside: ClassVar[str]  # how the name of the file ends that holds what was not yet merged

    def __init__(self, call: ConnectionCall) -> None:
        self.call = call

    @abstractmethod
    def opened(self, path: Path, name: str) -> AbstractContextManager[Session]:
        """Open the file for the length of a block; `name` is for messages."""

    @abstractmethod
    def version(self, session: Session) -> str:
        """Ask one cheap question; return the version of the product."""

    @abstractmethod
    def tables(self, pattern: str) -> tuple[FoundTable, ...]:
        """Return the tables and views that the pattern lets through."""

    def probe(self) -> Probe:
        """Open the file and ask for the version; a file that is not there yet is one that a writer will make."""
        path, name = self._file()
        if not path.exists():
            return absent(path, name)
        if not os.access(path, os.R_OK):
            return Probe("permission", f"{name} may not be read", "give this user the right to read the file")
        try:
            with self.session() as session:
                start = time.perf_counter()
                version = self.version(session)
                latency = (time.perf_counter() - start) * 1000
        except DriverError as error:
            return Probe(_CATEGORIES.get(error.first.code, "configuration"), error.first.message, error.first.fix)
        return Probe("ok", server=f"{self.product} {version}", latency_ms=round(latency, 1))

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Open the file; DriverError when it is not there."""
        path, name = self._file()
        if not path.exists():
            probe = absent(path, name)
            raise DriverError(
                probe.message,
                code="DRV020",
                found=name,
                expected=f"a {self.product} database",
                fix=probe.fix or "run first what writes it",
            )
        with self.opened(path, name) as session:
            yield session

    def stamp(self) -> str:
        """Return size and time of the file and of what was not yet merged into it."""
        path, _ = self._file()
        found = [file.stat() for file in (path, path.with_name(path.name + self.beside)) if file.is_file()]
        return "".join(f"{facts.st_size}-{facts.st_mtime_ns};" for facts in found)

    def close(self) -> None:
        """Nothing outlives a question."""

    def _file(self) -> tuple[Path, str]:
        return file_of_connection(self.call, self.family)
