"""The one JSON entry by which a step's record travels through Dagster's event log, with its schema version."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from typing import Any

from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.runs.codec import step_as_dict, step_from_dict
from osiris_dagster.runs.record import StepRecord

TRACE = "osiris/step"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Trace:
    """How one step of one pipeline went, under one manifest."""

    pipeline: str
    manifest_hash: str
    step: StepRecord
    versions: Mapping[str, str] = field(default_factory=dict)  # of the software that ran it


def trace_entry(manifest: Manifest, record: StepRecord) -> dict[str, Any]:
    """Return the entry for one step of a run of that manifest."""
    return {
        "version": VERSION,
        "pipeline": manifest.pipeline,
        "manifest": manifest.hash,
        "step": step_as_dict(record),
        "versions": dict(versions()),
    }


def read_trace(value: Mapping[str, Any]) -> Trace | None:
    """Return what an entry says; None for an entry of another version, which another release wrote."""
    if value.get("version") != VERSION:
        return None
    ran_with = value.get("versions") or {}
    return Trace(str(value["pipeline"]), str(value["manifest"]), step_from_dict(value["step"]), dict(ran_with))


@cache
def versions() -> Mapping[str, str]:
    """Return the versions of what decides how a step goes, in this process."""
    names = ("osiris-dagster", "dagster", "duckdb", "pyarrow")
    return {name: version(name) for name in names} | {"python": platform.python_version()}
