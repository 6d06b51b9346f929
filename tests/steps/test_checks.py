import datetime as dt
import itertools
import math
import threading

import pyarrow as pa
import pytest
import yaml

from osiris_dagster.errors import DriverError
from osiris_dagster.oml.model import Retry
from osiris_dagster.oml.parse import _checks
from osiris_dagster.steps.report import StepStarted

CHAIN = "a extractor\nb processor < a\nc writer < b"
ROWS = pa.record_batch(
    {
        "id": pa.array([1, 2, 2, None], pa.int64()),
        "state": ["new", "paid", None, "lost"],
        "amount": pa.array([1.5, 2, 99, None]).cast(pa.float64()).cast(pa.decimal128(12, 2)),
        "share": [0.5, math.nan, None, 2.0],
        "day": [dt.date(2020, 1, 1), dt.date(2020, 1, 2), None, None],
        "at": pa.array([0, 1, 2, None], pa.timestamp("us", tz="UTC")),
        "flag": [True, False, None, True],
    }
)
CASES = yaml.safe_load("""
- {type: not_null, column: id, failing: 1, message: "1 of 4 rows has no `id`"}
- {type: not_null, column: state, failing: 1}
- {type: unique, column: id, failing: 2, message: "1 value of `id` occurs more than once, in 2 rows"}
- {type: unique, column: [id, state], failing: 0}
- {type: unique, column: day, failing: 0}
- {type: accepted_values, column: state, values: [new, paid, lost], failing: 0}
- {type: accepted_values, column: state, values: [new, null], failing: 2}
- {type: accepted_values, column: id, values: [1, 3], failing: 2}
- {type: accepted_values, column: amount, values: [1.5, 99], failing: 1}
- {type: accepted_values, column: flag, values: [true], failing: 1}
- {type: range, column: amount, min: 1.5, max: 99, failing: 0}
- {type: range, column: amount, max: 98.99, failing: 1, message: "1 of 4 rows has a `amount` outside the range"}
- {type: range, column: share, min: 0, max: 1, failing: 2}
- {type: range, column: day, min: "2020-01-02", failing: 1}
- {type: range, column: at, min: "1970-01-01", max: "1970-01-01T00:00:00.000001+00:00", failing: 1}
- {type: range, column: state, min: m, failing: 1}
- {type: row_count, min: 4, max: 4, passed: true}
- {type: row_count, min: 5, passed: false, message: "4 rows, at least 5 expected"}
- {type: row_count, max: 3, passed: false}
- {type: row_count, max_change: 0.1, passed: true, message: "there is no earlier run to compare with"}
- {type: freshness, column: day, max_age: 24h, passed: false}
- {type: freshness, column: day, max_age: 99999d, passed: true}
- {type: freshness, column: at, max_age: 1h, passed: false}
- {type: sql, name: s, query: "select * from this where amount > 2", failing: 1, message: "1 row found"}
- {type: sql, name: s, query: "select id from this group by id having count(*) > 5;", failing: 0}
- {type: sql, name: s, query: "select * from this where state::int > 1", passed: false, message: its SQL failed}
""")


def plan(*checks, **more):
    return {"config": {"schema": ROWS.schema, "batches": [ROWS.slice(0, 3), ROWS.slice(3)]}, **checked(*checks), **more}


def checked(*checks):
    return {"checks": _checks(checks)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, list(case.values())[:3])))
def test_a_check_finds_what_it_is_for(lab, case):
    expected = {key: case[key] for key in ("failing", "passed", "message") if key in case}
    asked = {key: value for key, value in case.items() if key not in expected}
    report = lab.run(lab.manifest("a extractor", a=plan({**asked, "severity": "warn"}))).reports["a"]
    (result,) = report.checks
    assert result.passed == expected.get("passed", expected.get("failing") == 0)
    assert result.failing == expected.get("failing", result.failing)
    assert expected.get("message", "") in result.message
    assert (result.rows, report.rows_out) == (4, 4)


MANY = {"type": "row_count", "max": 2}


@pytest.mark.parametrize("step", ["a", "b", "c"])
def test_a_failing_check_before_or_at_the_writer_stops_it_before_its_commit(lab, step):
    outcome = lab.run(lab.manifest(CHAIN, **{step: checked(MANY)}))
    assert outcome.statuses == {one: "failed" if one == step else "aborted" for one in "abc"}
    assert outcome.failures[step].error.code == "RUN051"
    assert "row_count: 3 rows, at most 2 expected" in outcome.failures[step].error.message
    assert [result.passed for result in outcome.failures[step].checks] == [False]
    assert lab.written("c") is None


@pytest.mark.parametrize("step", ["a", "b", "c"])
def test_a_warning_lets_the_rows_through(lab, step):
    outcome = lab.run(lab.manifest(CHAIN, **{step: checked({**MANY, "severity": "warn"})}))
    assert [(r.name, r.passed, r.severity) for r in outcome.reports[step].checks] == [("row_count", False, "warn")]
    assert lab.written("c") == [1, 2, 3]


def test_a_check_sees_the_rows_that_a_later_step_does_not_read(lab):
    sql = {"component": "sql.processor", "config": {"query": "select 7::bigint as n from range(1)"}}
    lines = "a extractor\nb processor < a\nc writer < b"
    outcome = lab.run(lab.manifest(lines, a=checked(MANY), b=sql))
    assert outcome.statuses == {"a": "failed", "b": "aborted", "c": "aborted"}
    assert lab.written("c") is None
    outcome = lab.run(lab.manifest(lines, a=checked({"type": "row_count", "min": 3}), b=sql))
    assert outcome.reports["a"].checks[0].rows == 3
    assert lab.written("c") == [7]


def test_a_failing_check_of_kept_rows_stops_all_their_readers(lab):
    lines = "a extractor\nb writer < a\nc writer < a"
    outcome = lab.run(lab.manifest(lines, a=checked(MANY)))
    assert outcome.statuses == {"a": "failed", "b": "skipped", "c": "skipped"}
    outcome = lab.run(lab.manifest(lines, b=checked(MANY)))
    assert outcome.statuses == {"a": "ok", "b": "failed", "c": "ok"}
    assert (lab.written("b"), lab.written("c")) == (None, [1, 2, 3])


@pytest.mark.parametrize(("before", "passed"), [(3, True), (4, True), (2, True), (9, False), (1, False), (0, False)])
def test_rows_are_compared_with_those_of_the_last_good_run(lab, before, passed):
    check = {"type": "row_count", "max_change": 0.5, "severity": "warn"}
    outcome = lab.run(lab.manifest("a extractor", a=checked(check)), rows_before={"a": before})
    assert outcome.reports["a"].checks[0].passed == passed


@pytest.mark.parametrize(
    ("check", "message", "fix"),
    [
        ({"type": "not_null", "column": "ammount"}, "'ammount'", "did you mean `amount`?"),
        ({"type": "freshness", "column": "id", "max_age": "1h"}, "holds no times", "cast"),
        ({"type": "range", "column": "id", "min": "x"}, "cannot hold", "correct the value"),
        ({"type": "sql", "name": "s", "query": "select nope from this"}, "nope", ""),
    ],
)
def test_a_check_that_cannot_work_fails_before_a_row_moves(lab, check, message, fix):
    outcome = lab.run(lab.manifest("a extractor\nb writer < a", a=plan(check)))
    error = outcome.failures["a"].error
    assert error.code == "RUN052"
    assert message in error.message
    assert fix in error.fix
    assert lab.counts["b", "opened"] == 0


def test_several_checks_fail_together_and_each_is_told(lab):
    outcome = lab.run(lab.manifest(CHAIN, a=checked(MANY, {"type": "range", "column": "n", "max": 2})))
    assert outcome.failures["a"].error.message.startswith("2 checks of step 'a' failed: row_count: ")
    assert [result.name for result in outcome.failures["a"].checks] == ["row_count", "range_n"]


def test_the_rows_of_checks_leave_nothing_on_the_disk(lab):
    lab.run(lab.manifest(CHAIN, a=checked({"type": "unique", "column": "n"})))
    assert lab.scratch == []


def test_no_rows_pass_every_check_of_values(lab):
    checks = [case for case in CASES if case["type"] in ("not_null", "unique", "accepted_values", "range")]
    named = [{key: case[key] for key in case if key not in ("failing", "message")} for case in checks]
    named = [{**case, "name": f"check {index}"} for index, case in enumerate(named)]
    empty = plan(*named, config={"schema": ROWS.schema, "batches": []})
    assert all(result.passed for result in lab.run(lab.manifest("a extractor", a=empty)).reports["a"].checks)


ENDLESS = {
    "type": "sql",
    "name": "endless",
    "query": "select a.n from this a, range(100000000) b, range(100000000) c where b.range * c.range = 3",
}


def test_a_check_that_takes_too_long_is_ended_by_the_timeout_of_its_step(lab):
    outcome = lab.run(lab.manifest(CHAIN, a={**checked(ENDLESS), "timeout": 0.5}))
    assert outcome.failures["a"].error.code == "RUN050"
    assert lab.written("c") is None


def test_a_run_is_canceled_while_a_check_is_at_work(lab):
    execution = lab.execution(lab.manifest(CHAIN, c=checked(ENDLESS)))
    reached = threading.Event()
    lab.hook("a.end", lambda _driver: reached.set())
    events = execution.events()
    assert any(isinstance(event, StepStarted) and event.step_id == "c" for event in events)
    assert reached.wait(30)
    failures = execution.cancel()
    assert {failure.status for failure in failures} == {"canceled"}
    assert lab.threads() == []
    assert lab.written("c") is None


def test_a_retry_judges_the_rows_of_its_own_attempt(lab):
    passes = itertools.count()

    def fail_once(_driver, index):
        if index == 1 and next(passes) == 0:
            raise DriverError("gone", code="DRV001", retryable="transient")

    lab.hook("a.batch", fail_once)
    checks = checked({"type": "row_count", "min": 3, "max": 3}, {"type": "unique", "column": "n"})
    outcome = lab.run(lab.manifest(CHAIN, a={**checks, "retry": Retry(attempts=1, delay=0)}))
    assert [(result.passed, result.rows) for result in outcome.reports["a"].checks] == [(True, 3), (True, 3)]
    assert lab.written("c") == [1, 2, 3]
