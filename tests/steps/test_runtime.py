import stat
import sys
import threading

import pytest

from osiris_dagster.columns import Column
from osiris_dagster.compiler.manifest import StepPlan
from osiris_dagster.errors import RunError
from osiris_dagster.steps.runtime import open_driver, step_call

PLAN = StepPlan("Load orders", "mem.writer", "1", "writer", {"path": "x"}, "@mem.shop", columns=(Column("n", "int64"),))


def test_a_call_holds_all_that_a_driver_may_know(lab, tmp_path):
    call = step_call(PLAN, "daily", lab.runtime(retry_of="run-9"), tmp_path)
    assert (call.pipeline, call.step_id, call.component) == ("daily", "Load orders", "mem.writer")
    assert (call.run_id, call.root_run_id, call.retry_of) == ("run-1", "run-0", "run-9")
    assert call.config == {"path": "x"}
    assert call.connection == {"password": "secret of @mem.shop"}
    assert call.columns == (Column("n", "int64"),)
    assert call.project is lab.project


def test_each_step_has_a_scratch_folder_of_its_own_that_is_private(lab, tmp_path):
    call = step_call(PLAN, "daily", lab.runtime(), tmp_path)
    assert call.scratch.parent == tmp_path
    assert stat.S_IMODE(call.scratch.stat().st_mode) == 0o700
    other = step_call(StepPlan("load orders", "mem.writer", "1", "writer", {}), "daily", lab.runtime(), tmp_path)
    assert other.scratch.name.lower() != call.scratch.name.lower()


def test_a_step_without_a_connection_resolves_none(lab, tmp_path):
    def refuse(reference):
        raise AssertionError(reference)

    plan = StepPlan("a", "mem.extractor", "1", "extractor", {})
    call = step_call(plan, "daily", lab.runtime(resolve=refuse), tmp_path)
    assert call.connection == {}
    assert call.columns == ()


def test_a_family_without_a_driver_is_named_with_those_that_have_one(lab, tmp_path):
    plan = StepPlan("a", "oracle.extractor", "1", "extractor", {})
    with pytest.raises(RunError, match=r"no driver runs 'oracle\.extractor'") as caught:
        open_driver(step_call(plan, "daily", lab.runtime(), tmp_path), lab.runtime())
    assert (caught.value.first.found, caught.value.first.expected) == ("oracle", "mem, sql")


def test_scratch_lies_in_the_project_unless_said_otherwise(lab, tmp_path):
    assert lab.runtime().scratch_root == tmp_path / ".osiris" / "scratch"
    assert lab.runtime(scratch=tmp_path / "fast").scratch_root == tmp_path / "fast"


@pytest.fixture
def _hasty_threads():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_hasty_threads")
def test_secrets_resolved_in_many_threads_at_once_are_all_masked(lab):
    def resolve(number):
        for index in range(6):
            lab.resolve(f"@mem.{number}-{index}")

    threads = [threading.Thread(target=resolve, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    text = " ".join(f"secret of @mem.{number}-{index}." for number in range(4) for index in range(6))
    assert lab.redactor.text(text) == " ".join(["[REDACTED]."] * 24)
