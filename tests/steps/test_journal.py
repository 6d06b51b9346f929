import pytest

from osiris_dagster.errors import ErrorInfo
from osiris_dagster.steps.journal import Journal
from osiris_dagster.steps.meter import Clock
from osiris_dagster.steps.report import StepRecord


@pytest.fixture
def journal():
    return Journal(["a", "b", "c"], Clock())


def failure(step_id: str, status: str = "failed") -> StepRecord:
    return StepRecord(step_id, status, 1, 2)


def texts(events) -> list[str]:
    return [f"{type(event).__name__} {event.step_id} {getattr(event, 'status', '')}".strip() for event in events]


def test_events_come_out_in_the_order_they_were_said(journal):
    journal.started("b", 1)
    journal.progress("b", 7)
    journal.ended([failure("b")])
    journal.skipped(["a", "c"])
    journal.close()
    assert texts(journal.tell()) == [
        "StepStarted b",
        "StepProgress b",
        "StepRecord b failed",
        "StepRecord a skipped",
        "StepRecord c skipped",
    ]
    assert journal.take_untold() == []


def test_what_is_said_of_other_steps_or_after_the_end_is_dropped(journal):
    journal.started("x", 1)
    journal.progress("x", 1)
    journal.ended([failure("x"), failure("a"), failure("a", "aborted")])
    journal.started("a", 3)
    journal.progress("a", 3)
    journal.skipped("abc")
    journal.close()
    assert texts(journal.tell()) == ["StepRecord a failed", "StepRecord b skipped", "StepRecord c skipped"]


def test_closing_gives_every_open_step_its_end_once(journal):
    stuck = ErrorInfo("RunError", "did not stop")
    journal.started("b", 5)
    journal.ended([failure("a")])
    journal.close(stuck)
    journal.close()
    journal.ended([failure("b")])
    ends = journal.take_untold()
    assert [(end.step_id, end.status, end.start_ms) for end in ends] == [
        ("a", "failed", 1),
        ("b", "canceled", 5),
        ("c", "skipped", None),
    ]
    assert [end.error for end in ends] == [None, stuck, None]
    assert journal.take_untold() == ends


def test_an_end_is_either_told_or_taken(journal):
    journal.ended([failure("a"), failure("b")])
    telling = journal.tell()
    next(telling)
    assert [end.step_id for end in journal.take_untold()] == ["b"]
    assert list(telling) == []
