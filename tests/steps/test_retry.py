import itertools
import threading
import time

import pytest

from osiris_dagster.errors import DriverError
from osiris_dagster.oml.model import Retry
from osiris_dagster.redaction import Redactor, capture
from osiris_dagster.steps import retrying
from osiris_dagster.steps.report import StepRetry, StepStarted
from osiris_dagster.steps.stream import Fault

CHAIN = "a extractor\nb processor < a\nc writer < b"
AT_ONCE = {"retry": Retry(attempts=2, delay=0)}


def failing(lab, place, times, retryable="transient"):
    """Let a step fail at a place the first `times` times it comes there."""
    passes = itertools.count()

    def fail(_driver, *_details):
        if next(passes) < times:
            raise DriverError("the server went away", code="DRV001", retryable=retryable)

    lab.hook(place, fail)


def retries(outcome):
    return [event for event in outcome.events if isinstance(event, StepRetry)]


@pytest.mark.parametrize("place", ["open", "read", "batch", "end"])
def test_a_step_that_fails_for_a_moment_is_tried_again_and_the_rows_come_once(lab, place):
    failing(lab, f"a.{place}", 2)
    outcome = lab.run(lab.manifest(CHAIN, a=AT_ONCE))
    assert outcome.statuses == {"a": "ok", "b": "ok", "c": "ok"}
    assert lab.written("c") == [1, 2, 3]
    assert [(retry.step_id, retry.attempt, retry.error.message) for retry in retries(outcome)] == [
        ("a", 1, "the server went away"),
        ("a", 2, "the server went away"),
    ]
    assert outcome.reports["a"].attempts == 3
    assert (outcome.reports["a"].rows_out, outcome.reports["c"].rows_in) == (3, 3)
    assert len([event for event in outcome.events if isinstance(event, StepStarted)]) == 3
    assert lab.counts["a", "opened"] == lab.counts["a", "closed"]


@pytest.mark.parametrize("place", ["c.open", "c.write", "c.batch", "c.commit"])
def test_the_policy_is_that_of_the_step_that_failed(lab, place):
    failing(lab, place, 1)
    outcome = lab.run(lab.manifest(CHAIN, a=AT_ONCE))
    assert outcome.statuses == {"a": "aborted", "b": "aborted", "c": "failed"}
    failing(lab, place, 1)
    outcome = lab.run(lab.manifest(CHAIN, c=AT_ONCE))
    assert outcome.statuses == {"a": "ok", "b": "ok", "c": "ok"}
    assert lab.written("c") == [1, 2, 3]


def test_after_the_last_attempt_the_step_fails_with_its_last_error(lab):
    failing(lab, "b.batch", 99)
    outcome = lab.run(lab.manifest(CHAIN, b=AT_ONCE))
    assert outcome.statuses == {"a": "aborted", "b": "failed", "c": "aborted"}
    assert [retry.attempt for retry in retries(outcome)] == [1, 2]
    assert outcome.failures["b"].attempts == 3
    assert outcome.failures["b"].error.message == "the server went away"
    assert lab.written("c") is None


@pytest.mark.parametrize(
    ("on", "retryable", "expected"),
    [
        (("transient",), "permanent", "failed"),
        (("transient",), "ambiguous", "failed"),
        (("permanent",), "permanent", "ok"),
        (("transient", "ambiguous"), "ambiguous", "ok"),
    ],
)
def test_only_errors_of_the_named_kinds_are_tried_again(lab, on, retryable, expected):
    failing(lab, "a.read", 1, retryable)
    outcome = lab.run(lab.manifest(CHAIN, a={"retry": Retry(attempts=1, delay=0, on=on)}))
    assert outcome.statuses["a"] == expected


def test_each_step_of_a_stream_has_its_own_attempts(lab):
    failing(lab, "a.read", 2)
    failing(lab, "c.commit", 2)
    outcome = lab.run(lab.manifest(CHAIN, a=AT_ONCE, c=AT_ONCE))
    assert set(outcome.statuses.values()) == {"ok"}
    assert [(retry.step_id, retry.attempt) for retry in retries(outcome)] == [("a", 1), ("a", 2), ("c", 3), ("c", 4)]


def test_a_step_whose_rows_are_kept_is_tried_again_without_those_before_it(lab):
    failing(lab, "b.batch", 1)
    failing(lab, "a.end", 1)
    manifest = lab.manifest("a extractor\nb writer < a\nc writer < a", a=AT_ONCE, b=AT_ONCE)
    outcome = lab.run(manifest)
    assert set(outcome.statuses.values()) == {"ok"}
    assert (lab.written("b"), lab.written("c")) == ([1, 2, 3], [1, 2, 3])
    assert (lab.counts["a", "opened"], lab.counts["b", "opened"], lab.counts["c", "opened"]) == (2, 2, 1)
    assert lab.scratch == []


def test_a_failed_attempt_leaves_nothing_in_the_private_folder(lab):
    left = []

    def look(driver):
        left.append(sorted(path.name for path in driver.call.scratch.parent.parent.iterdir() if path.is_dir()))
        if len(left) == 1:
            raise DriverError("once", code="DRV001", retryable="transient")

    lab.hook("c.commit", look)
    lab.run(lab.manifest(CHAIN, c=AT_ONCE))
    assert [len(folders) for folders in left] == [1, 1]
    assert left[0] != left[1]


def test_a_step_executed_unselected_is_tried_again_in_the_name_of_the_one_that_reads_it(lab):
    failing(lab, "a.read", 1)
    outcome = lab.run(lab.manifest(CHAIN, a=AT_ONCE), "c")
    assert outcome.statuses == {"c": "ok"}
    assert [(retry.step_id, retry.error.code, retry.error.cause.message) for retry in retries(outcome)] == [
        ("c", "RUN018", "the server went away")
    ]


def test_a_pause_is_interrupted_by_a_cancellation(lab):
    failing(lab, "a.read", 99)
    execution = lab.execution(lab.manifest(CHAIN, a={"retry": Retry(attempts=9, delay=3600)}))
    events = execution.events()
    retry = next(event for event in events if isinstance(event, StepRetry))
    assert 3600_000 <= retry.pause_ms <= 4500_000
    failures = execution.cancel()
    assert {failure.step_id: failure.status for failure in failures} == {
        "a": "canceled",
        "b": "skipped",
        "c": "skipped",
    }
    assert lab.threads() == []


def test_pauses_double_up_to_a_limit_and_are_never_shorter_than_asked():
    error = DriverError("x", retryable="transient")
    fault = Fault("a", capture(error, Redactor()))
    policy = Retry(attempts=50, delay=10)
    pauses = [retrying._pause(policy, fault, failures) for failures in (1, 2, 3, 20)]
    for pause, least in zip(pauses, (10, 20, 40, retrying.LONGEST_PAUSE), strict=True):
        assert least <= pause <= least * 1.25
    assert retrying._pause(Retry(attempts=1, delay=7200), fault, 1) >= 7200
    assert retrying._pause(policy, fault, 51) is None


def wait_for_cancel(driver, *_details):
    assert driver.stopped.wait(30)
    raise DriverError("the step was canceled", code="DRV028", retryable="transient")


@pytest.mark.parametrize("place", ["a.read", "a.batch", "a.end", "b.transform", "b.batch", "c.write", "c.batch"])
def test_a_step_that_takes_too_long_is_canceled_and_fails_as_transient(lab, place):
    step = place[0]
    lab.hook(place, wait_for_cancel)
    outcome = lab.run(lab.manifest(CHAIN, **{step: {"timeout": 0.3}}))
    assert outcome.statuses == {one: "failed" if one == step else end for one, end in unfinished(place).items()}
    error = outcome.failures[step].error
    assert (error.code, error.retryable) == ("RUN050", "transient")
    assert lab.counts[step, "canceled"] >= 1
    assert lab.written("c") is None


def unfinished(place):
    """Return how the other steps end: those that did not open yet are skipped."""
    opened = {"a.read": "a", "b.transform": "ab"}.get(place, "abc")
    return {step: "aborted" if step in opened else "skipped" for step in "abc"}


def test_a_driver_that_opens_for_too_long_is_stopped_when_it_has_opened(lab):
    lab.hook("b.open", lambda _driver: time.sleep(0.8))
    outcome = lab.run(lab.manifest(CHAIN, b={"timeout": 0.2}))
    assert outcome.failures["b"].error.code == "RUN050"
    assert lab.counts["c", "opened"] == 0


def test_waiting_for_the_steps_before_it_is_not_the_time_of_a_step(lab):
    lab.hook("a.batch", lambda _driver, _index: time.sleep(0.5))
    outcome = lab.run(lab.manifest(CHAIN, c={"timeout": 0.4}, b={"timeout": 0.4}))
    assert set(outcome.statuses.values()) == {"ok"}


def test_a_write_that_commits_all_the_same_is_no_failure(lab):
    late = threading.Event()

    def commit_late(driver):
        assert driver.stopped.wait(30)
        late.set()

    lab.hook("c.committed", commit_late)
    outcome = lab.run(lab.manifest(CHAIN, c={"timeout": 0.3}))
    assert late.is_set()
    assert outcome.statuses == {"a": "ok", "b": "ok", "c": "ok"}
    assert lab.written("c") == [1, 2, 3]


def test_a_step_out_of_time_is_tried_again(lab):
    passes = itertools.count()
    lab.hook("b.transform", lambda driver: wait_for_cancel(driver) if next(passes) == 0 else None)
    outcome = lab.run(lab.manifest(CHAIN, b={"timeout": 0.3, **AT_ONCE}))
    assert set(outcome.statuses.values()) == {"ok"}
    assert [retry.error.code for retry in retries(outcome)] == ["RUN050"]


def test_a_query_that_never_ends_is_interrupted_in_its_own_threads(lab):
    query = "select sum(a.range * b.range) as n from df_a, range(100000000) a, range(100000000) b"
    sql = {"component": "sql.processor", "config": {"query": query}, "timeout": 0.5}
    outcome = lab.run(lab.manifest(CHAIN, b=sql))
    assert outcome.failures["b"].error.code == "RUN050"
