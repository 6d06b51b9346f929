"""Entries that wait in files: each one small JSON file, in the folder of the state it is in.

An entry is written beside its place, synced and renamed. It goes to another state by being written there before it is
removed from where it was: a crash leaves it in one state or in two, never in none. So whoever works entries off must
be able to do the same twice. Plain files, so that a person can read and repair them.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osiris_dagster.atomic import write_bytes
from osiris_dagster.canonical import readable_json, sha256, slug


@dataclass(frozen=True, slots=True)
class FileQueue:
    """The entries below one folder; states and names are its user's. Every method raises OSError for a bad disk."""

    root: Path

    def put(self, state: str, name: str, value: Mapping[str, Any]) -> None:
        """Write an entry; one of that name in that state is replaced, and is the youngest again."""
        write_bytes(self._path(state, name), readable_json(value))

    def move(self, name: str, source: str, target: str, value: Mapping[str, Any]) -> None:
        """Write an entry to `target`, then take it out of `source`, where it need not be."""
        self.put(target, name, value)
        self._path(source, name).unlink(missing_ok=True)

    def has(self, name: str, states: Iterable[str]) -> bool:
        """Tell whether an entry is in one of these states."""
        return any(self._path(state, name).is_file() for state in states)

    def get(self, state: str, name: str) -> Any:
        """Return what an entry says; None when it is not there or cannot be read."""
        with suppress(FileNotFoundError):
            return _value(self._path(state, name))
        return None

    def entries(self, state: str) -> Iterator[tuple[str, Any]]:
        """Yield name of file and value of each entry, oldest first; None for the value of a damaged one."""
        ages = {}
        for path in (self.root / state).glob("*.json"):
            with suppress(FileNotFoundError):  # another process has just moved it
                ages[path] = path.stat().st_mtime_ns
        for path in sorted(ages, key=lambda path: (ages[path], path.name)):
            try:
                yield path.stem, _value(path)
            except FileNotFoundError:
                continue

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Let one process at a time deal with an entry, in the block; the lock ends with the process.

        Each name locks a byte of one file, so that nothing is left behind; two names rarely meet on one.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / ".lock").open("a+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX, 1, int(sha256(name)[:7], 16))
            yield

    def _path(self, state: str, name: str) -> Path:
        return self.root / state / f"{slug(name)}.json"


def _value(path: Path) -> Any:
    with suppress(ValueError):
        return json.loads(path.read_bytes())
    return None
