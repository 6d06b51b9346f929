from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from osiris_dagster.compiler.manifest import Manifest, StepInput, StepPlan
from osiris_dagster.steps.selection import select
from osiris_dagster.steps.units import MOST_STEPS, Unit, cut

CASES = yaml.safe_load((Path(__file__).parent / "units.yaml").read_text())


def units_of(manifest, selected=None):
    every = frozenset(step.id for step in manifest.steps)
    return cut(select(manifest, every if selected is None else frozenset(selected)))


def text_of(unit: Unit) -> str:
    reads = f", reads {' '.join(unit.reads)}" if unit.reads else ""
    after = f", after {' '.join(map(str, unit.after))}" if unit.after else ""
    return f"{' '.join(unit.steps)}: {unit.end}{reads}{after}"


@pytest.mark.parametrize("case", CASES, ids=[case["claim"] for case in CASES])
def test_steps_are_cut_as_the_case_says(lab, case):
    selected = case["select"].split() if "select" in case else None
    assert [text_of(unit) for unit in units_of(lab.manifest(case["steps"]), selected)] == case["units"]


def chain(length: int) -> Manifest:
    steps = [StepPlan("s0", "mem.extractor", "1", "extractor", {})]
    steps += [
        StepPlan(f"s{i}", "mem.processor", "1", "processor", {}, "", (f"s{i - 1}",), (StepInput(f"s{i - 1}", ("x",)),))
        for i in range(1, length)
    ]
    return Manifest("p", "p.yaml", "0.1.0", tuple(steps))


def test_a_chain_of_ten_thousand_steps_is_cut_without_recursion_into_units_that_can_be_open_at_once():
    units = units_of(chain(10_000))
    assert sum(len(unit.steps) for unit in units) == 10_000
    assert max(len(unit.steps) for unit in units) == MOST_STEPS
    assert [unit.after for unit in units] == [(), *((index,) for index in range(len(units) - 1))]


def test_ten_thousand_steps_that_only_wait_for_each_other_are_ordered_without_recursion():
    steps = tuple(
        StepPlan(f"s{i}", "mem.extractor", "1", "extractor", {}, "", (f"s{i - 1}",) if i else ()) for i in range(10_000)
    )
    units = units_of(Manifest("p", "p.yaml", "0.1.0", steps))
    assert [unit.after for unit in units] == [(), *((index,) for index in range(9_999))]


def test_a_processor_with_a_thousand_inputs_streams_as_many_as_a_unit_may_hold_and_keeps_the_rest(lab):
    names = [f"e{i}" for i in range(1000)]
    manifest = lab.manifest("\n".join(f"{name} extractor" for name in names) + "\nu processor < " + " ".join(names))
    *kept, last = units_of(manifest)
    assert len(last.steps) == MOST_STEPS
    assert {unit.end for unit in kept} == {"spill"}
    assert set(last.steps) | set(last.reads) == {*names, "u"}


@settings(deadline=None)
@given(st.data())
def test_units_of_any_pipeline_hold_each_step_once_and_can_be_put_in_an_order(new_lab, data):
    lab = new_lab()
    manifest = lab.manifest(data.draw(lab.pipelines()))
    selected = data.draw(st.sets(st.sampled_from([step.id for step in manifest.steps])))
    selection = select(manifest, frozenset(selected))
    units = cut(selection)
    home = {step: index for index, unit in enumerate(units) for step in unit.steps}
    assert sorted(step for unit in units for step in unit.steps) == sorted(step.id for step in selection.steps)
    _check_waits(selection, units, home)
    waiting = dict(enumerate(unit.after for unit in units))
    while free := [index for index, after in waiting.items() if not set(after) & waiting.keys()]:
        for index in free:
            del waiting[index]
    assert waiting == {}


def _check_waits(selection, units, home) -> None:
    for step in selection.steps:
        here = units[home[step.id]]
        for each in step.inputs:
            if home[each.step] == home[step.id]:
                assert each.step != here.steps[-1]
            else:
                assert home[each.step] in here.after
                assert each.step in here.reads
                assert units[home[each.step]].end == "spill"
                assert units[home[each.step]].steps[-1] == each.step
        read = {each.step for each in step.inputs}
        for need in set(step.needs) & selection.recorded - read:
            assert home[need] in here.after
            assert home[need] != home[step.id]
