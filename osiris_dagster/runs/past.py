"""What a later run needs to know about an earlier one, as plain data: its end, its errors, its measures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from osiris_dagster.runs.record import RunRecord

MOST_STEPS = 100  # of which an entry keeps the measures
RUN = ""  # stands where a step id would, for measures of the whole run
Measures = Mapping[str, Mapping[str, int]]
"""Step id (or RUN) -> name of the measure -> value."""


@dataclass(frozen=True, slots=True)
class PastRun:
    """One earlier run of a pipeline. Times are Unix milliseconds; `errors` are fingerprints."""

    run_id: str
    manifest_hash: str
    status: str
    start_ms: int
    end_ms: int
    partition: str = ""
    errors: tuple[str, ...] = ()
    measures: Measures = field(default_factory=dict)


def past_of(record: RunRecord) -> PastRun:
    """Return a record in the form in which later runs look back on it."""
    found = [step.error for step in record.steps if step.error] + ([record.error] if record.error else [])
    measures = measures_of(record)
    return PastRun(
        run_id=record.run_id,
        manifest_hash=record.manifest_hash,
        status=record.status,
        start_ms=record.start_ms,
        end_ms=record.end_ms,
        partition=record.partition,
        errors=tuple(dict.fromkeys(error.fingerprint for error in found)),
        measures=dict(list(measures.items())[: MOST_STEPS + 1]),
    )


def measures_of(record: RunRecord) -> Measures:
    """Return what can be compared between runs: of the run first, then of each completed step in manifest order."""
    done = [step for step in record.steps if step.status == "completed"]
    of_run = {
        "duration_ms": record.end_ms - record.start_ms,
        "rows_written": _sum([step.rows_out for step in done if step.writes or step.artifacts]),
        "peak_memory_bytes": max((s.peak_memory_bytes for s in done if s.peak_memory_bytes is not None), default=None),
    }
    measures = {RUN: _known(of_run)}
    for step in done:
        took = None if step.took_ms is None else max(step.took_ms, 0)
        measures[step.step_id] = _known({"rows_out": step.rows_out, "duration_ms": took})
    return measures


def _known(values: Mapping[str, int | None]) -> dict[str, int]:
    return {name: value for name, value in values.items() if value is not None}


def _sum(values: list[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
