"""The index of all packages below a root, and the pointers to the newest valid one."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from osiris_dagster.atomic import write_bytes
from osiris_dagster.canonical import canonical_json
from osiris_dagster.codec import from_json, to_json

INDEX, LATEST = "index.jsonl", "latest"


@dataclass(frozen=True, slots=True)
class Entry:
    """One package in the index; `folder` is relative to the root: <pipeline folder>/<fingerprint>."""

    folder: str
    pipeline: str
    fingerprint: str
    run_id: str
    status: str
    start_time: str
    end_time: str
    valid: bool
    core_sha256: str

    @property
    def age(self) -> tuple[str, str, str]:
        """Orders packages by the end of their run."""
        return self.end_time, self.start_time, self.fingerprint


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Let one process at a time change what is below the root; the lock ends with the process."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def read_index(root: Path) -> list[Entry]:
    """Return the entries in the order they were made; a line that cannot be read is passed over."""
    path = root / INDEX
    if not path.exists():
        return []
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            found.append(from_json(Entry, json.loads(line)))
        except ValueError:
            continue
    return found


def enter(root: Path, entry: Entry) -> None:
    """List a package and set the pointers; an invalid one is listed as such, and no pointer leads to it."""
    entries = read_index(root)
    if entry not in entries:
        entries = [known for known in entries if known.folder != entry.folder] + [entry]
    _store(root, entries, entry.folder.partition("/")[0])


def forget(root: Path, gone: Collection[Entry]) -> None:
    """Take packages of one pipeline out of the index and set the pointers anew."""
    folders = {entry.folder for entry in gone}
    entries = [entry for entry in read_index(root) if entry.folder not in folders]
    for parent in {folder.partition("/")[0] for folder in folders}:
        _store(root, entries, parent)


def _store(root: Path, entries: list[Entry], parent: str) -> None:
    _write(root / INDEX, b"".join(canonical_json(to_json(item)) + b"\n" for item in entries))
    valid = [item for item in entries if item.valid]
    _point(root / LATEST, valid, lambda item: item.folder)
    own = [item for item in valid if item.folder.startswith(f"{parent}/")]
    _point(root / parent / LATEST, own, lambda item: item.fingerprint)


def _point(path: Path, entries: list[Entry], name: Callable[[Entry], str]) -> None:
    if entries:
        _write(path, f"{name(max(entries, key=lambda item: item.age))}\n".encode())
    else:
        path.unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    if not path.exists() or path.read_bytes() != data:
        write_bytes(path, data)
