"""What a pipeline says about starting and growing old, looked at once its tables and files are known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from osiris_dagster.compiler.draft import Draft
from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.times import duration_seconds

SHORTEST_LAG = 60  # seconds; Dagster knows no shorter window


def check_starts(draft: Draft) -> Draft:
    """Warn of a pipeline that nothing can start, and refuse a window that Dagster does not have."""
    return replace(draft, diagnostics=(*draft.diagnostics, *_never_updated(draft), *_too_fresh(draft)))


def _never_updated(draft: Draft) -> Iterator[Diagnostic]:
    schedule = draft.inputs.pipeline.schedule
    if schedule and schedule.on_update and not any(step.reads for step in draft.steps):
        yield Diagnostic(
            "CMP100",
            "the pipeline waits for updates of what it reads, and reads no known table or file: nothing starts it",
            severity="warning",
            place=draft.inputs.document.place(("schedule", "on")),
            path="schedule.on",
            expected="a step that reads a table or file, or a cron string",
            fix='write schedule: {cron: "15 3 * * *"}',
        )


def _too_fresh(draft: Draft) -> Iterator[Diagnostic]:
    freshness = draft.inputs.pipeline.freshness
    if freshness and duration_seconds(freshness.max_lag) < SHORTEST_LAG:
        yield Diagnostic(
            "CMP101",
            "the data may not be older than less than a minute; nobody looks that often",
            place=draft.inputs.document.place(("freshness", "max_lag")),
            path="freshness.max_lag",
            found=freshness.max_lag,
            expected="at least 1m",
            fix="write a longer time, such as 26h",
        )
