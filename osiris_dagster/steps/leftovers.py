"""What runs have kept at a place: looked through, so that it can be removed when its time is over."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from osiris_dagster.canonical import slug
from osiris_dagster.steps.place import Place
from osiris_dagster.steps.store import Policy, folders_of


@dataclass(frozen=True, slots=True)
class Leftover:
    """All that one chain of runs has kept of one pipeline; `at_ms` is the last time, 0 when nothing is complete."""

    folder: Place
    root_run_id: str
    policy: Policy
    at_ms: int

    def remove(self) -> None:
        """Remove it; what another process removes at the same time is no fault."""
        with suppress(OSError):
            if isinstance(self.folder, Path):
                shutil.rmtree(self.folder)
            else:
                self.folder.fs.rm(self.folder.path, recursive=True)


def leftovers(place: Place) -> Iterator[Leftover]:
    """Yield what is kept at a place. OSError when it cannot be looked at."""
    for pipeline in folders_of(place):
        for folder in folders_of(pipeline):
            yield _leftover(folder)


def leftover_of(place: Place, pipeline: str, root_run_id: str) -> Leftover:
    """Return what one chain of runs has kept of a pipeline."""
    return _leftover(place / slug(pipeline) / slug(root_run_id))


def _leftover(folder: Place) -> Leftover:
    policy: Policy = "auto"
    at_ms = 0
    for step in folders_of(folder):
        for path in step.glob("*.json"):
            with suppress(OSError, ValueError, KeyError, TypeError):
                told = json.loads(path.read_bytes())
                policy, at_ms = told["policy"], max(at_ms, int(told["at_ms"]))
    return Leftover(folder, folder.name, policy, at_ms)
