"""A run against its past: what is compared with what, what counts as unusual, what changed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cases import raw_facts
from test_build import START, facts_of, package, plan

from osiris_dagster.aiop.facts.baseline import baseline, percent
from osiris_dagster.aiop.facts.changes import differences
from osiris_dagster.aiop.facts.facts import Facts
from osiris_dagster.aiop.sections.delta import failing_since
from osiris_dagster.errors import ErrorInfo
from osiris_dagster.runs.past import PastRun, past_of
from osiris_dagster.steps.report import StepRecord

DAY = 86_400_000


def with_history(rows: list[int], now: int, **changes) -> Facts:
    """A run that wrote `now` rows after runs that wrote these."""
    facts = facts_of(
        [plan("a")],
        [StepRecord("a", "completed", START, START + 1000, rows_out=now)],
        **changes,
    )
    history = tuple(
        PastRun(f"r{n}", "0" * 64, "completed", START - (99 - n) * DAY, START - (99 - n) * DAY + 1000, "", (), measures)
        for n, measures in enumerate({"a": {"rows_out": value}} for value in rows)
    )
    return replace(facts, history=history)


@pytest.mark.parametrize(
    ("rows", "now", "judgement"),
    [
        ([100, 101, 99, 100], 10, "few_samples"),
        ([100, 101, 99, 100, 102], 10, "anomaly"),
        ([100, 101, 99, 100, 102], 101, "normal"),
        ([100] * 9, 100, "constant"),
        ([100] * 9, 101, "changed"),
        ([1] * 40 + [100, 101, 99, 100, 102] * 3, 100, "normal"),  # only the last fourteen count
    ],
)
def test_a_measure_is_judged_by_the_last_successes(rows, now, judgement):
    (comparison,) = package(with_history(rows, now)).delta.comparisons
    assert comparison.judgement == judgement
    assert comparison.samples == min(len(rows), 14)


def test_the_robust_score_is_the_one_of_the_textbook():
    found = baseline("rows_out", 130, [100, 110, 105, 95, 90])
    assert (found.median, found.mad, found.robust_z) == ("100.00", "5.00", "4.05")
    assert baseline("duration_ms", 1000, [990, 990, 990, 990, 991]).judgement == "normal"
    assert percent(5, 4) == "25.00"


def test_runs_of_partitions_are_compared_with_such_runs_only():
    facts = with_history([100, 101, 99, 100, 102], 10, partition="2026-01-01")
    assert package(facts).delta.comparisons == ()
    history = tuple(replace(past, partition="2025-12-31") for past in facts.history)
    assert package(replace(facts, history=history)).delta.comparisons[0].judgement == "anomaly"


def test_a_first_run_and_one_that_never_succeeded_say_so():
    assert package(facts_of([plan("a")], [])).delta.strategy == "first_run"
    failed = PastRun("r", "0" * 64, "failed", START - DAY, START - DAY + 5)
    assert package(replace(facts_of([plan("a")], []), history=(failed,))).delta.strategy == "no_success"


def test_a_row_of_failures_begins_after_the_last_success():
    ends = ["failed", "completed", "failed", "canceled", "failed"]
    history = tuple(PastRun(str(n), "", status, n, n + 1) for n, status in enumerate(ends))
    assert failing_since(history, 9) == 2
    assert failing_since((), 9) == 9


def test_an_error_is_recognised_whatever_values_it_names():
    error = ErrorInfo("Timeout", "no answer after 30 s")
    before = replace(error, message="no answer after 12 s")
    steps = [StepRecord("a", "failed", START, START + 5, error=error)]
    facts = facts_of([plan("a")], steps, status="failed")
    earlier = replace(facts.record, run_id="old", start_ms=START - DAY, end_ms=START - DAY + 9)
    past = past_of(replace(earlier, steps=(replace(steps[0], error=before),)))
    (issue,) = package(replace(facts, history=(past,))).evidence.issues
    assert (issue.occurrences, issue.runs_considered) == (2, 1)
    assert issue.first_seen == "2026-01-14T02:55:00.000Z"


def test_only_values_that_may_leave_are_shown_in_a_change():
    changes = {item.pointer: item for item in differences(raw_facts("failure"))}
    assert changes["/steps/delays/config/query"].before == "select * from df_flights"
    assert changes["/params/year"].after == ""
    assert changes["/versions/duckdb"].before == "1.9.0"
    assert changes["/steps/to_csv"].operation == "removed"
    assert changes["/steps/delays/columns/gone"].before == "int32 not null"


def test_the_same_manifest_and_software_is_no_change():
    facts = raw_facts("success")
    same = replace(facts, previous=facts.record, previous_manifest=facts.manifest)
    assert differences(same) == []
