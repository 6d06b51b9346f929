"""Answers for connections of the filesystem family: whether the folder can be read, and its CSV and Parquet files."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from osiris_dagster.canonical import fingerprint
from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.batches import name_of_type
from osiris_dagster.drivers.filesystem.csv_options import read_options
from osiris_dagster.drivers.filesystem.csv_read import CsvReading
from osiris_dagster.drivers.filesystem.csv_text import CsvText
from osiris_dagster.drivers.inspection import ConnectionCall, FoundColumn, FoundTable, Probe, wanted
from osiris_dagster.errors import DriverError
from osiris_dagster.specs.load import load_catalogue

_CSV = "filesystem.csv_extractor"
_PARQUET = (".parquet",)
_SUFFIXES = (*_PARQUET, ".csv", ".csv.gz", ".csv.bz2", ".csv.xz", ".csv.zip")
_QUICK = 64 << 20  # bytes of a CSV file that are read for its types although nobody named the file
_OTHER_DELIMITERS = (";", "\t", "|")


class FilesystemInspector:
    """Looks into the folder of a connection, or into the project's root without one."""

    def __init__(self, call: ConnectionCall) -> None:
        self._call = call

    def probe(self) -> Probe:
        """List the folder."""
        folder, name = self._folder()
        if not folder.is_dir():
            absent = _no_folder(name).first
            return Probe("not_found", absent.message, absent.fix)
        if not os.access(folder, os.R_OK | os.X_OK):
            return Probe("permission", f"the folder {name} may not be read", "give this user the right to read it")
        start = time.perf_counter()
        with os.scandir(folder) as entries:
            next(entries, None)
        latency = round((time.perf_counter() - start) * 1000, 1)
        told = "" if os.access(folder, os.W_OK) else f"the folder {name} may be read, not written"
        return Probe("ok", told, latency_ms=latency)

    def tables(self, pattern: str) -> tuple[FoundTable, ...]:
        """Return the files; only Parquet knows its number of rows, and a CSV file is read to the end for its types."""
        found = [(path, name) for path, name in self._files() if wanted(pattern, "", name)]
        return tuple(self._table(path, name, named=bool(pattern)) for path, name in found)

    def stamp(self) -> str:
        """Return a digest over names, sizes and times of the files."""
        listed = [(name, path.stat().st_size, path.stat().st_mtime_ns) for path, name in self._files()]
        return fingerprint(listed)

    def close(self) -> None:
        """Nothing outlives a question."""

    def _folder(self) -> tuple[Path, str]:
        name = str(self._call.connection.get("base_dir") or ".")
        return self._call.project.inside(name), name

    def _files(self) -> Iterator[tuple[Path, str]]:
        """Yield the files by name, without hidden folders, those that the product writes, and links that lead out."""
        folder, shown = self._folder()
        if not folder.is_dir():
            raise _no_folder(shown)
        own = {self._call.project.build, self._call.project.aiop}
        for parent, folders, names in os.walk(folder):
            here = Path(parent)
            folders[:] = sorted(n for n in folders if not n.startswith(".") and here / n not in own)
            for name in sorted(names):
                path = here / name
                if name.lower().endswith(_SUFFIXES) and not name.startswith(".") and self._is_inside(path):
                    yield path, path.relative_to(folder).as_posix()

    def _is_inside(self, path: Path) -> bool:
        return path.is_file() and path.resolve().is_relative_to(self._call.project.root.resolve())

    def _table(self, path: Path, name: str, *, named: bool) -> FoundTable:
        try:
            if name.lower().endswith(_PARQUET):
                return _parquet(path, name)
            return self._csv(path, name, complete=named or path.stat().st_size <= _QUICK)
        except DriverError as error:
            return FoundTable("", name, "file", (), problem=f"{error.first.message}; {error.first.fix}")
        except (pa.ArrowException, OSError) as error:
            return FoundTable("", name, "file", (), problem=f"it cannot be read: {str(error)[:200]}")

    def _csv(self, path: Path, name: str, *, complete: bool) -> FoundTable:
        call = self._step(path)
        if complete:
            with closing(CsvReading(call)) as reading:
                columns = [FoundColumn(f.name, name_of_type(f.type), "text") for f in reading.schema()]
            problem = _delimiter_hint(columns)
        else:
            with closing(CsvText(path, read_options(call.config))) as text:
                columns = [FoundColumn(column, "", "text") for column in text.names]
            problem = f"the types of {path.stat().st_size / 1e6:,.0f} MB are read when the pattern names the file"
        return FoundTable("", name, "file", tuple(columns), problem=problem)

    def _step(self, path: Path) -> StepCall:
        """Return the step that would read the file with default options."""
        project = self._call.project
        config = {**load_catalogue()[_CSV].defaults, "path": path.relative_to(project.root.resolve()).as_posix()}
        return StepCall("", "", _CSV, config, {}, project)


def _no_folder(name: str) -> DriverError:
    return DriverError(
        f"there is no folder {name}",
        code="DRV040",
        found=name,
        expected="an existing folder below the project",
        fix="correct `base_dir`, or make the folder",
    )


def _parquet(path: Path, name: str) -> FoundTable:
    with pq.ParquetFile(path) as file:
        columns = tuple(FoundColumn(f.name, name_of_type(f.type), str(f.type), f.nullable) for f in file.schema_arrow)
        return FoundTable("", name, "file", columns, rows=file.metadata.num_rows)


def _delimiter_hint(columns: list[FoundColumn]) -> str:
    if len(columns) == 1:
        for mark in _OTHER_DELIMITERS:
            if mark in columns[0].name:
                return f"it has one column whose name holds {mark!r}: perhaps a step has to set `delimiter`"
    return ""
