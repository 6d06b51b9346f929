"""The record of appends to files: intent written before the rename, so that a retry can tell whether it took place."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from osiris_dagster.atomic import write_bytes
from osiris_dagster.canonical import canonical_json, readable_json, sha256
from osiris_dagster.codec import from_json, to_json
from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.tables.loads import load_key
from osiris_dagster.errors import DriverError

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Append:
    """One append: the file before and after, and the rows that make the difference."""

    run_id: str
    before_sha256: str
    after_sha256: str
    rows: int


def intend(call: StepCall, path: Path, append: Append) -> None:
    """Record what the rename that comes next will do."""
    if call.run_id:
        write_bytes(_sidecar(call, path), readable_json(to_json(append)))


def committed_rows(call: StepCall, path: Path) -> int | None:
    """Return the rows that an earlier try of this load appended, None when the append has to be done.

    Raises DriverError when the file is neither what that try found nor what it meant to leave.
    """
    file = _sidecar(call, path)
    if not call.run_id or not file.is_file():
        return None
    append = from_json(Append, json.loads(file.read_text("utf-8")))
    if not call.retry_of and append.run_id != call.run_id:
        return None
    now = digest(path)
    if now == append.after_sha256:
        return append.rows
    if now == append.before_sha256:
        return None
    raise DriverError(
        f"{path.name} changed since an earlier try of this load began to append to it",
        code="DRV047",
        found=f"sha256 {now[:12]}",
        expected=f"{append.before_sha256[:12]} or {append.after_sha256[:12]}",
        fix="look whether the rows are in the file; execute the pipeline again from its start if they are not",
        retryable="ambiguous",
    )


def digest(path: Path) -> str:
    """Return the SHA-256 of a file in hex; of nothing when there is no file."""
    found = hashlib.sha256()
    if path.is_file():
        with path.open("rb") as file:
            while data := file.read(_CHUNK):
                found.update(data)
    return found.hexdigest()


def _sidecar(call: StepCall, path: Path) -> Path:
    key = load_key(call, call.project.relative(path))
    return call.project.state / "appends" / f"{sha256(canonical_json(key))}.json"
