import os
import signal
import threading
import time

import pytest

from osiris_dagster.errors import RunError
from osiris_dagster.steps.report import StepEvent, StepRecord

PIPELINE = """
a extractor
b processor < a
c writer < b
d extractor after c
"""


def wait_for_cancel(driver, *_details):
    """Stay in the driver's code until it is canceled, as a query on a slow server does."""
    assert driver.stopped.wait(30)


def reaching(lab, place):
    """Make a step wait for the cancellation at a place, and return the event that it is there."""
    reached = threading.Event()

    def wait(driver, *details):
        reached.set()
        wait_for_cancel(driver, *details)

    lab.hook(place, wait)
    return reached


def until(events, wanted):
    """Read events up to the one of that text, and return all of them."""
    seen = []
    for event in events:
        seen.append(f"{type(event).__name__} {event.step_id}")
        if seen[-1] == wanted:
            return seen
    raise AssertionError(seen)


def statuses(failures):
    return {failure.step_id: failure.status for failure in failures}


@pytest.mark.parametrize(
    ("place", "started"),
    [
        ("a.open", "a"),
        ("a.read", "a"),
        ("a.batch", "abc"),
        ("a.end", "abc"),
        ("b.open", "ab"),
        ("b.transform", "ab"),
        ("b.batch", "abc"),
        ("c.open", "abc"),
        ("c.write", "abc"),
        ("c.batch", "abc"),
    ],
)
def test_a_run_is_canceled_wherever_it_is(lab, place, started):
    release = threading.Event()
    reached = reaching(lab, place)
    if place.endswith("open"):
        # A driver that is not open yet cannot be canceled: its opening has to come back by itself.
        lab.hook(place, lambda _driver: (reached.set(), release.wait(30)))
    execution = lab.execution(lab.manifest(PIPELINE))
    events = execution.events()
    until(events, f"StepStarted {started[-1]}")
    assert reached.wait(30)
    threading.Timer(0.2, release.set).start()
    failures = execution.cancel()
    assert statuses(failures) == {step: "canceled" if step in started else "skipped" for step in "abcd"}
    assert all(failure.error is None for failure in failures)
    assert [failure.start_ms is None for failure in failures] == [step not in started for step in "abcd"]
    assert lab.threads() == []
    assert lab.scratch == []
    assert lab.written("c") is None
    assert [lab.counts[step, "closed"] for step in "abcd"] == [lab.counts[step, "opened"] for step in "abcd"]
    assert list(events) == []
    assert execution.cancel() == failures
    assert execution.late_reports == ()


def test_a_long_query_is_interrupted(lab):
    query = "select sum(x.range * y.range)::bigint as n from range(10_000_000) x, range(10_000_000) y, df_a"
    running = threading.Event()
    lab.hook("a.end", lambda _driver: running.set())
    b = {"component": "sql.processor", "config": {"query": query}}
    execution = lab.execution(lab.manifest(PIPELINE, b=b))
    events = execution.events()
    until(events, "StepStarted b")
    assert running.wait(30)
    assert statuses(execution.cancel()) == {"a": "canceled", "b": "canceled", "c": "skipped", "d": "skipped"}


def test_a_driver_that_missed_the_first_interrupt_gets_another(lab):
    """The first one may come between two calls, where it interrupts nothing."""
    heard = threading.Semaphore(0)
    lab.hook("a.cancel", lambda _driver: heard.release())

    waiting = threading.Event()

    def deaf(_driver, _index):
        waiting.set()
        assert heard.acquire(timeout=30)
        assert heard.acquire(timeout=30)

    lab.hook("a.batch", deaf)
    execution = lab.execution(lab.manifest("a extractor"))
    events = execution.events()
    until(events, "StepStarted a")
    assert waiting.wait(30)
    assert statuses(execution.cancel()) == {"a": "canceled"}
    assert lab.counts["a", "canceled"] >= 2


def test_a_driver_that_fails_to_cancel_does_not_keep_the_others_from_it(lab):
    waiting = reaching(lab, "a.batch")
    lab.fail("b.cancel", OSError("no side connection"))
    lab.fail("c.cancel", SystemExit("no side connection"))
    execution = lab.execution(lab.manifest(PIPELINE))
    events = execution.events()
    until(events, "StepStarted c")
    assert waiting.wait(30)
    assert statuses(execution.cancel())["a"] == "canceled"


def test_a_driver_is_not_canceled_while_it_is_closed(lab):
    waiting = reaching(lab, "a.batch")
    closing, canceled = threading.Event(), threading.Event()

    def close(driver):
        closing.set()
        before = lab.counts["a", "canceled"]
        canceled.wait(1.5)  # longer than until the next interrupt
        lab.counts["a", "while closing"] = lab.counts["a", "canceled"] - before

    lab.hook("a.close", close)
    execution = lab.execution(lab.manifest("a extractor"))
    events = execution.events()
    until(events, "StepStarted a")
    assert waiting.wait(30)
    execution.cancel()
    assert closing.is_set()
    assert lab.counts["a", "while closing"] == 0


def test_what_had_ended_well_is_no_failure(lab):
    lab.hook("c.batch", wait_for_cancel)
    execution = lab.execution(lab.manifest("a extractor\nb extractor\nc writer < b after a"), max_parallel=1)
    seen = until(execution.events(), "StepStarted c")
    assert "StepRecord a" in seen
    assert statuses(execution.cancel()) == {"b": "canceled", "c": "canceled"}


def test_a_write_that_commits_while_it_is_canceled_is_reported_late(lab):
    committing = reaching(lab, "c.commit")
    execution = lab.execution(lab.manifest(PIPELINE))
    events = execution.events()
    until(events, "StepStarted c")
    assert committing.wait(30)
    failures = execution.cancel()
    assert statuses(failures) == {"d": "skipped"}
    assert list(events) == []
    assert [report.step_id for report in execution.late_reports] == ["a", "b", "c"]
    assert lab.written("c") == [1, 2, 3]


def test_ends_that_nobody_was_told_are_handed_over(lab):
    lab.fail("b.read", OSError("broken"))
    waiting = reaching(lab, "d.batch")
    steps = "a extractor\nb extractor after a\nc extractor after a\nd extractor after c"
    execution = lab.execution(lab.manifest(steps), max_parallel=1)
    events = execution.events()
    until(events, "StepRecord a")
    assert waiting.wait(30)
    failures = execution.cancel()
    assert statuses(failures) == {"b": "failed", "d": "canceled"}
    assert failures[0].error.message == "broken"
    assert [report.step_id for report in execution.late_reports] == ["c"]
    assert list(events) == []


@pytest.mark.parametrize("leave", ["close", "throw", "forget"])
def test_leaving_the_loop_cancels(lab, leave):
    waiting = reaching(lab, "b.batch")
    execution = lab.execution(lab.manifest(PIPELINE))
    events = execution.events()
    until(events, "StepStarted c")
    assert waiting.wait(30)
    if leave == "close":
        events.close()
    elif leave == "throw":
        with pytest.raises(KeyboardInterrupt):
            events.throw(KeyboardInterrupt)
    else:
        del events
    assert lab.threads() == []
    assert lab.scratch == []
    assert statuses(execution.cancel()) == {"a": "canceled", "b": "canceled", "c": "canceled", "d": "skipped"}


def test_an_interrupt_of_the_process_in_the_middle_of_waiting_cancels(lab):
    def interrupt(driver, *_details):
        os.kill(os.getpid(), signal.SIGINT)
        wait_for_cancel(driver)

    lab.hook("b.batch", interrupt)
    execution = lab.execution(lab.manifest(PIPELINE))
    told = []
    with pytest.raises(KeyboardInterrupt):
        told.extend(execution.events())
    failures = statuses(execution.cancel())
    assert {
        *failures,
        *(event.step_id for event in told if broken(event)),
    } == set("abcd")
    assert failures["b"] == "canceled"


def test_a_second_interrupt_ends_the_waiting_and_a_second_cancel_takes_it_up_again(lab):
    release, waiting = threading.Event(), threading.Event()
    lab.hook("a.batch", lambda _driver, _index: (waiting.set(), release.wait(60)))

    def interrupt_first(_driver):
        if lab.counts["a", "canceled"] > 1:
            release.set()
        else:
            os.kill(os.getpid(), signal.SIGINT)

    lab.hook("a.cancel", interrupt_first)
    execution = lab.execution(lab.manifest("a extractor"))
    events = execution.events()
    until(events, "StepStarted a")
    assert waiting.wait(30)
    with pytest.raises(KeyboardInterrupt):
        execution.cancel()
    assert lab.scratch == []
    assert statuses(execution.cancel()) == {"a": "canceled"}


def test_cancel_before_the_start_skips_everything(lab):
    execution = lab.execution(lab.manifest(PIPELINE))
    assert statuses(execution.cancel()) == dict.fromkeys("abcd", "skipped")
    with pytest.raises(RunError, match="runs once"):
        next(execution.events())
    assert lab.counts == {}


def test_cancel_from_another_thread_ends_the_loop(lab):
    lab.hook("a.batch", wait_for_cancel)
    execution = lab.execution(lab.manifest(PIPELINE))
    left = []
    other = threading.Thread(target=lambda: left.append(execution.cancel()))
    told = []
    for event in execution.events():
        told.append(event)
        if len(told) == 1:
            other.start()
    other.join()
    ends = [
        *(event.step_id for event in told if broken(event)),
        *statuses(left[0]),
    ]
    assert sorted(ends) == list("abcd")


def test_a_driver_that_never_stops_is_left_behind_and_named(lab):
    release, waiting = threading.Event(), threading.Event()
    lab.hook("b.batch", lambda _driver, _index: (waiting.set(), release.wait(60)))
    execution = lab.execution(lab.manifest(PIPELINE), cancel_seconds=0.3)
    events = execution.events()
    until(events, "StepStarted c")
    assert waiting.wait(30)
    failures = execution.cancel()
    assert statuses(failures) == {"a": "canceled", "b": "canceled", "c": "canceled", "d": "skipped"}
    assert {failure.error.code for failure in failures if failure.error} == {"RUN019"}
    assert "did not stop within 0.3 s" in failures[0].error.message
    assert failures[3].error is None
    assert lab.scratch == []
    release.set()
    deadline = time.monotonic() + 30
    while lab.threads() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert execution.cancel() == failures


def test_an_unselected_step_is_canceled_with_the_one_it_runs_for(lab):
    waiting = reaching(lab, "a.batch")
    execution = lab.execution(lab.manifest(PIPELINE), "c")
    events = execution.events()
    until(events, "StepStarted c")
    assert waiting.wait(30)
    assert statuses(execution.cancel()) == {"c": "canceled"}
    assert lab.counts["a", "canceled"] >= 1


def test_units_that_were_ready_do_not_start_after_the_cancellation(lab):
    lab.hook("a.batch", wait_for_cancel)
    execution = lab.execution(lab.manifest("a extractor\nb extractor\nc extractor"), max_parallel=1)
    until(execution.events(), "StepStarted a")
    assert statuses(execution.cancel()) == {"a": "canceled", "b": "skipped", "c": "skipped"}
    assert lab.counts["b", "opened"] == 0


def broken(event: StepEvent) -> bool:
    return isinstance(event, StepRecord) and event.status != "completed"


def test_rows_that_had_passed_are_in_the_failure(lab):
    waiting = reaching(lab, "a.end")
    execution = lab.execution(lab.manifest(PIPELINE))
    events = execution.events()
    until(events, "StepStarted c")
    assert waiting.wait(30)
    rows = {failure.step_id: (failure.rows_in, failure.rows_out) for failure in execution.cancel()}
    assert rows == {"a": (0, 3), "b": (3, 3), "c": (3, 0), "d": (None, None)}


def test_a_report_that_was_told_is_not_told_again(lab):
    execution = lab.execution(lab.manifest("a extractor\nb extractor after a"))
    lab.hook("b.batch", wait_for_cancel)
    for event in execution.events():
        if isinstance(event, StepRecord):
            break
    execution.cancel()
    assert execution.late_reports == ()
