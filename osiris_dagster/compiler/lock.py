"""The schema lock `pipelines/<name>.schema.json`: what extractors of a pipeline hand over, committed beside the OML.

An entry counts only while the step's own fingerprint is the one it was read under; else it is stale.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from osiris_dagster.atomic import write_bytes
from osiris_dagster.canonical import readable_json
from osiris_dagster.codec import MalformedError, from_json, json_key, stamped
from osiris_dagster.columns import Columns, is_type
from osiris_dagster.errors import CompileError, Place

VERSION = 1


@dataclass(frozen=True, slots=True)
class LockedSchema:
    """Columns of one extractor, and the fingerprint of the step they were read for."""

    step: str = field(metadata=json_key("fingerprint"))
    columns: Columns


@dataclass(frozen=True, slots=True)
class SchemaLock:
    """Locked schemas by step id."""

    steps: Mapping[str, LockedSchema] = field(default_factory=dict)


def lock_path(oml: Path) -> Path:
    """Return where the lock of an OML file lies: `orders.yaml` -> `orders.schema.json`."""
    return oml.with_suffix(".schema.json")


def read_lock(path: Path, shown: str) -> SchemaLock:
    """Read a lock file; an absent one is empty. CompileError (naming `shown`) for one that is damaged."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        if value["version"] != VERSION:
            raise ValueError(f"version {value['version']}")
        return _checked(from_json(SchemaLock, {"steps": value["steps"]}))
    except FileNotFoundError:
        return SchemaLock()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CompileError(
            f"the schema lock {shown} is damaged",
            code="CMP040",
            place=Place(shown),
            found=_told(error),
            expected=f"a file written by `osiris compile --online` (version {VERSION})",
            fix="delete it and run `osiris compile --online` again",
        ) from None


def _told(error: Exception) -> str:
    if isinstance(error, MalformedError):
        return str(error)
    return (isinstance(error, OSError) and error.strerror) or f"{type(error).__name__}: {error}"


def _checked(lock: SchemaLock) -> SchemaLock:
    for column in (column for locked in lock.steps.values() for column in locked.columns):
        if not is_type(column.type):
            raise ValueError(f"{column.type!r} is not a type name")
    return lock


def write_lock(path: Path, lock: SchemaLock) -> None:
    """Write a lock file, atomically, in one canonical form."""
    write_bytes(path, readable_json(stamped(lock, VERSION)))
