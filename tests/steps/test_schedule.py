from osiris_dagster.steps.schedule import Schedule
from osiris_dagster.steps.units import Unit


def schedule(*after: tuple[int, ...]) -> Schedule:
    return Schedule([Unit((f"s{index}",), "drain", waits) for index, waits in enumerate(after)])


def test_units_become_ready_when_all_they_wait_for_has_ended_well():
    plan = schedule((), (), (0, 1), (2,))
    assert plan.ready() == [0, 1]
    assert plan.ended_well(0) == []
    assert plan.ended_well(1) == [2]
    assert plan.ended_well(2) == [3]
    assert not plan.done
    assert plan.ended_well(3) == []
    assert plan.done


def test_all_behind_a_failed_unit_is_lost_once_and_the_rest_goes_on():
    plan = schedule((), (0,), (0, 1), (), (2, 3))
    assert plan.failed(0) == [1, 2, 4]
    assert not plan.done
    assert plan.ended_well(3) == []
    assert plan.done


def test_a_unit_behind_two_failed_ones_is_lost_once():
    plan = schedule((), (), (0, 1))
    assert plan.failed(0) == [2]
    assert plan.failed(1) == []
    assert plan.done


def test_no_units_are_done_at_once():
    assert schedule().done
    assert schedule().ready() == []
