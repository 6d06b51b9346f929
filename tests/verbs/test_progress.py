"""What people read while a run goes on."""

from __future__ import annotations

import pytest

from osiris_dagster.compiler.manifest import Manifest, StepPlan
from osiris_dagster.errors import ErrorInfo
from osiris_dagster.steps.report import StepProgress, StepRecord, StepStarted
from osiris_dagster.verbs.progress import Progress, seconds

STEPS = tuple(StepPlan(step, "duckdb.processor", "1", "processor", {}) for step in ("a", "longer"))


@pytest.fixture
def said():
    """Return what was said, and a function that lets it hear events."""
    lines: list[str] = []
    progress = Progress(
        Manifest("p", "p.yaml", "0.2.0", STEPS), lambda line, *, live=False: lines.append(("~" if live else "") + line)
    )

    def hear(*events):
        for event in events:
            progress.hear(event)
        return lines

    return hear


def report(step, rows):
    return StepRecord(step, "completed", 1000, 2500, rows_out=rows)


def test_running_steps_are_shown_live_and_ended_ones_for_good(said):
    assert said(
        StepStarted("a", 0),
        StepProgress("a", 0, 1200),
        StepStarted("longer", 0),
        report("a", 1234567),
        StepProgress("longer", 0, 5),
        report("longer", 0),
    ) == [
        "~running: a 0 rows",
        "~running: a 1,200 rows",
        "~running: a 1,200, longer 0 rows",
        "  a       ok     1,234,567 rows  1.5 s",
        "~running: longer 5 rows",
        "  longer  ok             0 rows  1.5 s",
    ]


def test_a_failed_step_is_told_with_the_first_line_of_its_error(said):
    error = ErrorInfo("DriverError", "the value is wrong\nLINE 1: select")
    assert said(
        StepRecord("a", "failed", None, 0, error=error),
        StepRecord("longer", "skipped", None, 0),
        StepRecord("longer", "canceled", None, 0),
        StepRecord("longer", "aborted", None, 0),
    ) == ["  a       FAILED: the value is wrong", "  longer  not run", "  longer  canceled", "  longer  stopped"]


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0 ms"),
        (999, "999 ms"),
        (1000, "1.0 s"),
        (59_940, "59.9 s"),
        (60_000, "1 min 00 s"),
        (3_725_400, "62 min 05 s"),
    ],
)
def test_a_duration_reads_well(milliseconds, text):
    assert seconds(milliseconds) == text
