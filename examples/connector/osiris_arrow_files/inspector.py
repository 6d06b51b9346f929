"""A folder of Arrow files in; whether it is there, and the columns of its files, out."""

from __future__ import annotations

import time
from pathlib import Path

import pyarrow as pa

from osiris_dagster.drivers.batches import name_of_type
from osiris_dagster.drivers.inspection import ConnectionCall, FoundColumn, FoundTable, Probe, wanted
from osiris_dagster.errors import DriverError


class ArrowInspector:
    """Looks into the folder of a connection, or into the project without one."""

    def __init__(self, call: ConnectionCall) -> None:
        self._call = call
        self._name = str(call.connection.get("folder") or ".")

    def probe(self) -> Probe:
        """Tell whether the folder is there."""
        start = time.perf_counter()
        if not self._folder().is_dir():
            return Probe("not_found", f"there is no folder {self._name}", "correct `folder`, or make it")
        return Probe("ok", latency_ms=round((time.perf_counter() - start) * 1000, 1))

    def tables(self, pattern: str) -> tuple[FoundTable, ...]:
        """Return the files that the pattern lets through."""
        return tuple(_table(path) for path in self._files() if wanted(pattern, "", path.name))

    def stamp(self) -> str:
        """Return a text that changes with the files."""
        return ",".join(f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in self._files())

    def close(self) -> None:
        """Nothing is open."""

    def _folder(self) -> Path:
        return self._call.project.inside(self._name)

    def _files(self) -> list[Path]:
        if not self._folder().is_dir():
            fix = "correct `folder`, or make it"
            raise DriverError(f"there is no folder {self._name}", code="DRV040", found=self._name, fix=fix)
        found = sorted(path for path in self._folder().glob("*.arrow") if path.is_file())
        return [path for path in found if path.resolve().is_relative_to(self._call.project.root.resolve())]


def _table(path: Path) -> FoundTable:
    try:
        with pa.ipc.open_file(pa.memory_map(str(path))) as reader:
            columns = [FoundColumn(f.name, name_of_type(f.type), str(f.type), f.nullable) for f in reader.schema]
    except (pa.ArrowException, OSError) as error:
        return FoundTable("", path.name, "file", (), problem=f"it cannot be read: {str(error)[:200]}")
    return FoundTable("", path.name, "file", tuple(columns))
