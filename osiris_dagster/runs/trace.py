"""The JSON entries by which a step's record, and its failed attempts, travel through Dagster's event log."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from typing import Any

from osiris_dagster.codec import from_json, from_stamped, json_key, stamped, to_json
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.errors import ErrorInfo
from osiris_dagster.runs.record import EventRecord
from osiris_dagster.steps.report import StepRecord, StepRetry

TRACE = "osiris/step"
RETRY = "osiris/retry"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Trace:
    """How one step of one pipeline went, under one manifest."""

    pipeline: str
    manifest_hash: str = field(metadata=json_key("manifest"))
    step: StepRecord
    versions: Mapping[str, str] = field(default_factory=dict)  # of the software that ran it


@dataclass(frozen=True, slots=True)
class _RetryOf:
    """Whose attempt failed; the keys of the `StepRetry` stand beside these."""

    pipeline: str
    manifest_hash: str = field(metadata=json_key("manifest"))


def trace_entry(manifest: Manifest, record: StepRecord) -> dict[str, Any]:
    """Return the entry for one step of a run of that manifest."""
    return stamped(Trace(manifest.pipeline, manifest.hash, record, versions()), VERSION)


def read_trace(value: Mapping[str, Any]) -> Trace | None:
    """Return what an entry says; None for an entry of another version, which another release wrote."""
    return from_stamped(Trace, value, VERSION)


def retry_entry(manifest: Manifest, retry: StepRetry) -> dict[str, Any]:
    """Return the entry for one attempt that failed and was not the last."""
    return {**stamped(_RetryOf(manifest.pipeline, manifest.hash), VERSION), **to_json(retry)}


def read_retry(value: Mapping[str, Any]) -> tuple[str, EventRecord] | None:
    """Return the pipeline and the event for its timeline; None for an entry of another version."""
    whose = from_stamped(_RetryOf, value, VERSION)
    if whose is None:
        return None
    retry = from_json(StepRetry, value)
    said = f"attempt {retry.attempt} failed, the next one after {retry.pause_ms / 1000:g} s: {_named(retry.error)}"
    return whose.pipeline, EventRecord(retry.at_ms, "step_retry", retry.step_id, said, level="warning")


def _named(error: ErrorInfo) -> str:
    return f"{error.type}{f' ({error.code})' if error.code else ''}: {error.message}"


@cache
def versions() -> Mapping[str, str]:
    """Return the versions of what decides how a step goes, in this process."""
    names = ("osiris-dagster", "dagster", "duckdb", "pyarrow")
    return {name: version(name) for name in names} | {"python": platform.python_version()}
