"""The export queue: one small file for each ended run, moved from `pending` to `done`, or to `dead` when it cannot be.

Plain files, so that a crash loses nothing and a person can read and repair it. All steps are idempotent.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osiris_dagster.atomic import write_bytes
from osiris_dagster.canonical import readable_json, sha256, slug
from osiris_dagster.project import Project

MAX_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Pending:
    """A run whose packages are still to be built."""

    run_id: str
    attempts: int = 0
    error: str = ""  # of the last attempt


@dataclass(frozen=True, slots=True)
class ExportQueue:
    """The queue of one project."""

    root: Path

    def add(self, run_id: str) -> bool:
        """Queue an ended run; False when it is known already, whatever became of it."""
        if self.known(run_id):
            return False
        self._write("pending", run_id, {"run_id": run_id, "attempts": 0, "error": ""})
        return True

    def known(self, run_id: str) -> bool:
        """Tell whether a run was ever queued or exported."""
        return any(self._path(state, run_id).is_file() for state in ("pending", "done", "dead"))

    def pending(self) -> Iterator[Pending]:
        """Yield what waits, oldest first; a damaged entry starts again from its name."""
        folder = self.root / "pending"
        for path in sorted(folder.glob("*.json"), key=lambda p: (p.stat().st_mtime_ns, p.name)):
            try:
                value = json.loads(path.read_text(encoding="utf-8"))
                yield Pending(str(value["run_id"]), int(value["attempts"]), str(value["error"]))
            except (ValueError, KeyError, TypeError):
                yield Pending(path.stem)

    def done(self, run_id: str, packages: list[str]) -> None:
        """Record that the packages of a run are written, at these project-relative folders."""
        self._write("done", run_id, {"run_id": run_id, "packages": packages})
        self._path("pending", run_id).unlink(missing_ok=True)

    def packages(self, run_id: str) -> list[str]:
        """Return the folders of an exported run; empty when there are none."""
        path = self._path("done", run_id)
        return list(json.loads(path.read_text(encoding="utf-8"))["packages"]) if path.is_file() else []

    def failed(self, item: Pending, error: str) -> bool:
        """Record a failed attempt; True when it was the last one and the entry is now in `dead`."""
        attempts = item.attempts + 1
        value = {"run_id": item.run_id, "attempts": attempts, "error": error}
        if attempts < MAX_ATTEMPTS:
            self._write("pending", item.run_id, value)
            return False
        self._write("dead", item.run_id, value)
        self._path("pending", item.run_id).unlink(missing_ok=True)
        return True

    @contextmanager
    def alone(self, run_id: str) -> Iterator[None]:
        """Let one process at a time export a run: the sensor and `osiris run` may both want to.

        Each run locks a byte of one file, so that nothing is left behind; two runs rarely meet on one.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / ".lock").open("a+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX, 1, int(sha256(run_id)[:7], 16))
            yield

    def _path(self, state: str, run_id: str) -> Path:
        return self.root / state / f"{slug(run_id)}.json"

    def _write(self, state: str, run_id: str, value: dict[str, Any]) -> None:
        write_bytes(self._path(state, run_id), readable_json(value))


def export_queue(project: Project) -> ExportQueue:
    """Return the queue of a project."""
    return ExportQueue(project.state / "exports")
