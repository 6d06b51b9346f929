"""The JSON entries by which a step's record, and its failed attempts, travel through Dagster's event log."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from typing import Any

from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.errors import ErrorInfo, error_from_dict
from osiris_dagster.runs.codec import step_as_dict, step_from_dict
from osiris_dagster.runs.record import EventRecord, StepRecord
from osiris_dagster.steps.report import StepRetry

TRACE = "osiris/step"
RETRY = "osiris/retry"
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


def retry_entry(manifest: Manifest, retry: StepRetry) -> dict[str, Any]:
    """Return the entry for one attempt that failed and was not the last."""
    return {
        "version": VERSION,
        "pipeline": manifest.pipeline,
        "manifest": manifest.hash,
        "step_id": retry.step_id,
        "at_ms": retry.at_ms,
        "attempt": retry.attempt,
        "pause_ms": retry.pause_ms,
        "error": retry.error.as_dict(),
    }


def read_retry(value: Mapping[str, Any]) -> tuple[str, EventRecord] | None:
    """Return the pipeline and the event for its timeline; None for an entry of another version."""
    if value.get("version") != VERSION:
        return None
    said = f"attempt {value['attempt']} failed, the next one after {value['pause_ms'] / 1000:g} s: "
    said += _named(error_from_dict(value["error"]))
    return str(value["pipeline"]), EventRecord(
        int(value["at_ms"]), "step_retry", str(value["step_id"]), said, level="warning"
    )


def _named(error: ErrorInfo) -> str:
    return f"{error.type}{f' ({error.code})' if error.code else ''}: {error.message}"


@cache
def versions() -> Mapping[str, str]:
    """Return the versions of what decides how a step goes, in this process."""
    names = ("osiris-dagster", "dagster", "duckdb", "pyarrow")
    return {name: version(name) for name in names} | {"python": platform.python_version()}
