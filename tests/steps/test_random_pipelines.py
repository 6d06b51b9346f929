"""Any pipeline: one end for each selected step, and the numbers that a naive evaluation gives."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osiris_dagster.steps.report import StepRecord, StepStarted
from tests.sampling import examples

pytestmark = pytest.mark.matrix
MANY = settings(max_examples=examples(60), deadline=None)


def configured(lab, data):
    """Draw a pipeline whose extractors give different numbers and whose processors shift or sum them."""
    text = data.draw(lab.pipelines())
    more = {}
    for index, line in enumerate(text.splitlines()):
        role = line.split()[1]
        if role == "extractor":
            more[f"s{index}"] = {"config": {"batches": data.draw(st.sampled_from([[[index], [100]], [[]], []]))}}
        elif role == "processor":
            how = data.draw(st.sampled_from([{}, {"sum": True}]))
            more[f"s{index}"] = {"config": {"plus": index, **how}}
    return lab.manifest(text, **more)


def evaluated(manifest) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {}
    for step in manifest.steps:
        got = [value for each in step.inputs for value in rows[each.step]]
        plus = step.config.get("plus", 0)
        if step.role == "extractor":
            got = [value for batch in step.config["batches"] for value in batch]
        elif step.role == "processor":
            got = [sum(got) + plus] if "sum" in step.config else [value + plus for value in got]
        rows[step.id] = got
    return rows


def subset(data, manifest):
    return data.draw(st.sets(st.sampled_from([step.id for step in manifest.steps])))


@MANY
@given(st.data())
def test_every_selected_step_ends_once_with_the_right_rows(new_lab, data):
    lab = new_lab()
    manifest = configured(lab, data)
    selected = subset(data, manifest)
    outcome = lab.run(manifest, " ".join(selected), max_parallel=data.draw(st.integers(1, 4)))
    rows = evaluated(manifest)
    assert outcome.reports.keys() == selected
    for step in manifest.steps:
        if step.id in selected:
            assert outcome.reports[step.id].rows_out == len(rows[step.id])
        written = rows[step.id] if step.role == "writer" and step.id in selected else None
        assert lab.written(step.id) == written
    _check_order(manifest, selected, outcome.events)
    _check_clean(lab, manifest)


def _check_order(manifest, selected, events):
    """Whoever waits for a step starts after its end; whoever reads it ends after it."""
    place = {(type(event), event.step_id): index for index, event in enumerate(events)}
    for step in manifest.steps:
        read = {each.step for each in step.inputs}
        for need in set(step.needs) & selected if step.id in selected else ():
            assert place[StepRecord, need] < place[StepRecord, step.id]
            if need not in read:
                assert place[StepRecord, need] < place[StepStarted, step.id]


def _check_clean(lab, manifest):
    for step in manifest.steps:
        assert lab.counts[step.id, "closed"] == lab.counts[step.id, "opened"] <= 1
    assert lab.scratch == []
    assert lab.threads() == []


@MANY
@given(st.data())
def test_a_fault_anywhere_fails_one_step_and_only_what_hangs_on_it(new_lab, data):
    lab = new_lab()
    manifest = configured(lab, data)
    broken = data.draw(st.sampled_from([step.id for step in manifest.steps]))
    point = data.draw(st.sampled_from(["open", "read", "transform", "write", "batch", "end", "commit", "committed"]))
    lab.fail(f"{broken}.{point}", LookupError("broke"), 0 if point == "batch" else None)
    selected = subset(data, manifest)
    outcome = lab.run(manifest, " ".join(selected))
    assert outcome.ends.keys() == selected
    failed = [failure for failure in outcome.failures.values() if failure.status == "failed"]
    assert len(failed) == (1 if outcome.failures else 0)
    for failure in failed:
        assert failure.error is not None
        assert failure.error.chain[-1].message == "broke"
        assert failure.step_id == broken or broken not in selected
    _check_connected(manifest, failed, outcome)
    _check_clean(lab, manifest)


def _check_connected(manifest, failed, outcome):
    """Each step that did not end well hangs together with the failed one by needs, in one direction or the other."""
    near: dict[str, set[str]] = {step.id: set(step.needs) for step in manifest.steps}
    for step in manifest.steps:
        for need in step.needs:
            near[need].add(step.id)
    reached, edge = set(), [failure.step_id for failure in failed]
    while edge:
        step = edge.pop()
        if step not in reached:
            reached.add(step)
            edge += near[step]
    assert outcome.failures.keys() <= reached
    for step in manifest.steps:
        if step.id in outcome.reports:
            needs = {need for need in step.needs if need in outcome.ends}
            assert needs <= outcome.reports.keys()


@MANY
@given(st.data())
@pytest.mark.usefixtures("new_lab")
def test_a_cancellation_at_any_event_leaves_each_step_with_one_end(new_lab, data):
    lab = new_lab()
    manifest = configured(lab, data)
    selected = subset(data, manifest)
    execution = lab.execution(manifest, " ".join(selected))
    stop = data.draw(st.integers(0, 20))
    events = execution.events()
    told = [event for _, event in zip(range(stop), events, strict=False)]
    ends = [event for event in told if isinstance(event, StepRecord)]
    ends += [*execution.cancel(), *execution.late_reports]
    assert sorted(end.step_id for end in ends) == sorted(selected)
    assert {end.status for end in ends if end.status != "completed"} <= {"canceled", "skipped"}
    reported = {end.step_id for end in ends if end.status == "completed"}
    for step in manifest.steps:
        if step.role == "writer":
            assert (lab.written(step.id) is not None) == (step.id in reported)
    _check_clean(lab, manifest)
