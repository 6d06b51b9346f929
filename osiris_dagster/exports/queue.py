"""The export queue: an entry for each ended run, moved from `pending` to `done`, or to `dead` when it cannot be.

All steps are idempotent.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from osiris_dagster.codec import MalformedError, from_json, to_json
from osiris_dagster.file_queue import FileQueue
from osiris_dagster.project import Project

MAX_ATTEMPTS = 5
PENDING, DONE, DEAD = "pending", "done", "dead"


@dataclass(frozen=True, slots=True)
class Pending:
    """A run whose packages are still to be built."""

    run_id: str
    attempts: int = 0
    error: str = ""  # of the last attempt


@dataclass(frozen=True, slots=True)
class ExportQueue:
    """The queue of one project."""

    files: FileQueue

    def add(self, run_id: str) -> bool:
        """Queue an ended run; False when it is known already, whatever became of it."""
        if self.files.has(run_id, (PENDING, DONE, DEAD)):
            return False
        self.files.put(PENDING, run_id, to_json(Pending(run_id)))
        return True

    def pending(self) -> Iterator[Pending]:
        """Yield what waits, oldest first; a damaged entry starts again from its name."""
        for name, value in self.files.entries(PENDING):
            try:
                yield from_json(Pending, value)
            except MalformedError:
                yield Pending(name)

    def done(self, run_id: str, packages: list[str]) -> None:
        """Record that the packages of a run are written, at these project-relative folders."""
        self.files.move(run_id, PENDING, DONE, {"run_id": run_id, "packages": packages})

    def packages(self, run_id: str) -> list[str]:
        """Return the folders of an exported run; empty when there are none."""
        value = self.files.get(DONE, run_id)
        return list(value["packages"]) if value else []

    def failed(self, item: Pending, error: str) -> bool:
        """Record a failed attempt; True when it was the last one and the entry is now in `dead`."""
        tried = Pending(item.run_id, item.attempts + 1, error)
        if tried.attempts < MAX_ATTEMPTS:
            self.files.put(PENDING, item.run_id, to_json(tried))
            return False
        self.files.move(item.run_id, PENDING, DEAD, to_json(tried))
        return True

    def alone(self, run_id: str) -> AbstractContextManager[None]:
        """Let one process at a time export a run: the sensor and `osiris run` may both want to."""
        return self.files.alone(run_id)


def export_queue(project: Project) -> ExportQueue:
    """Return the queue of a project."""
    return ExportQueue(FileQueue(project.state / "exports"))
