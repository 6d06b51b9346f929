"""Rows that other executions find: by all that decides on them, and not where anything is different or damaged."""

from __future__ import annotations

import json
import stat
from dataclasses import replace

import pytest
from upath import UPath

from osiris_dagster.compiler.manifest import StepPlan
from osiris_dagster.errors import RunError
from osiris_dagster.oml.model import Incremental, Retry
from osiris_dagster.steps.identity import Identities
from osiris_dagster.steps.leftovers import leftovers
from osiris_dagster.steps.store import Store

CHAIN = "a extractor\nb processor < a\nc processor < b"
BROKEN = {"b": {"config": {"plus": 1}}}


@pytest.fixture(params=["disk", "memory"])
def place(request, tmp_path):
    """A folder, or storage that has no folders."""
    return tmp_path / "kept" if request.param == "disk" else UPath(f"memory://{tmp_path.name}")


def store_of(manifest, place, *, run_id="run-1", root="run-1", partition="", **more):
    identities = Identities(manifest, partition=partition, full_refresh=False, isolated=True)
    return Store(place, manifest.pipeline, run_id, root, identities, isolated=True, **more)


def run(lab, manifest, place, selected, **more):
    return lab.run(manifest, selected, store=store_of(manifest, place, **more))


def test_each_step_reads_what_the_step_before_it_left_in_another_execution(lab, place):
    manifest = lab.manifest(CHAIN, b={"config": {"plus": 10}}, c={"config": {"sum": True}})
    for step in "abc":
        outcome = run(lab, manifest, place, step, ran=frozenset("abc"))
        assert outcome.statuses == {step: "ok"}
        assert outcome.reports[step].notes == ()
    assert (outcome.reports["c"].rows_in, lab.counts["a", "opened"], lab.counts["b", "opened"]) == (3, 1, 1)


def test_a_file_on_a_disk_is_private(lab, tmp_path):
    manifest = lab.manifest(CHAIN)
    run(lab, manifest, tmp_path / "kept", "a")
    files = [path for path in (tmp_path / "kept").rglob("*") if path.is_file()]
    assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o600, 0o600]


CHANGES = {
    "its configuration": lambda step: replace(step, config={"batches": [[7]]}),
    "its component": lambda step: replace(step, version="2.0.0"),
    "its connection": lambda step: replace(step, connection="@mem.other"),
    "where it begins": lambda step: replace(step, incremental=Incremental("n")),
}


@pytest.mark.parametrize("what", CHANGES)
def test_nothing_is_read_when_something_before_it_is_another(lab, place, what):
    manifest = lab.manifest(CHAIN)
    run(lab, manifest, place, "a b")
    first, *rest = manifest.steps
    changed = replace(manifest, steps=(CHANGES[what](first), *rest))
    found = store_of(changed, place).find("b", lambda _: frozenset())
    assert found is None
    assert store_of(manifest, place, partition="2026-01-01").find("b", lambda _: frozenset()) is None
    assert store_of(manifest, place).find("b", lambda _: frozenset()) is not None


def test_how_often_a_step_is_tried_does_not_matter(lab, place):
    manifest = lab.manifest(CHAIN)
    run(lab, manifest, place, "a")
    first, *rest = manifest.steps
    patient = replace(first, retry=Retry(attempts=2), timeout=5.0)
    assert isinstance(patient, StepPlan)
    changed = replace(manifest, steps=(patient, *rest))
    assert store_of(changed, place).find("a", lambda _: frozenset()) is not None


@pytest.mark.parametrize("damage", ["description", "rows", "version"])
def test_what_is_damaged_is_not_there(lab, tmp_path, damage):
    manifest, place = lab.manifest(CHAIN), tmp_path / "kept"
    run(lab, manifest, place, "a")
    (description,) = place.rglob("*.json")
    if damage == "rows":
        next(place.rglob("*.parquet")).write_bytes(b"PAR1")
    else:
        text = description.read_text()
        description.write_text(text[:20] if damage == "description" else text.replace('"version":1', '"version":99'))
    outcome = run(lab, manifest, place, "b", run_id="run-2", root="run-2", ran=frozenset("b"))
    assert outcome.reports["b"].notes == ("executed 'a' again for their rows, without recording: not selected",)
    assert lab.counts["a", "opened"] == 2


def test_rows_of_another_step_of_this_very_run_are_missed_by_name(lab, place):
    manifest = lab.manifest(CHAIN)
    with pytest.raises(RunError, match="the rows of step 'a', which this run has read") as told:
        run(lab, manifest, place, "b", ran=frozenset("ab"))
    assert told.value.diagnostics[0].code == "RUN090"
    assert "OSIRIS_CHECKPOINTS" in told.value.diagnostics[0].fix


def test_the_newest_of_other_runs_is_read_but_a_retry_reads_only_its_own(lab, place):
    manifest = lab.manifest(CHAIN)
    for number in (1, 2, 3):
        run(lab, manifest, place, "a", run_id=f"run-{number}", root=f"run-{number}")
    store = store_of(manifest, place, run_id="run-9", root="run-9")
    found = store.find("a", lambda _: frozenset())
    assert found is not None
    assert found.run_id == "run-3"
    assert replace(store, resumes=True).find("a", lambda _: frozenset()) is None
    own = replace(store, resumes=True, root_run_id="run-2").find("a", lambda _: frozenset())
    assert own is not None
    assert own.run_id == "run-2"


def test_a_step_that_fails_leaves_nothing_that_is_read(lab, place):
    manifest = lab.manifest(CHAIN)
    lab.fail("a.batch", ValueError("no"), 1)
    assert run(lab, manifest, place, "a").statuses == {"a": "failed"}
    (left,) = leftovers(place)
    assert left.at_ms == 0
    left.remove()
    assert list(leftovers(place)) == []


def test_leftovers_tell_whose_they_are(lab, place):
    manifest = lab.manifest(CHAIN)
    run(lab, manifest, place, "a b", policy="always")
    (left,) = leftovers(place)
    assert (left.root_run_id, left.policy) == ("run-1", "always")
    assert left.at_ms > json.loads("1700000000000")
    left.remove()
    assert store_of(manifest, place).find("a", lambda _: frozenset()) is None
