"""Runs as they are found, listed and shown, with their timelines and packages."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from dagster import DagsterRun, DagsterRunStatus

from osiris_dagster.project import Project
from osiris_dagster.runs.instance import open_instance
from osiris_dagster.verbs.find_run import RunNotFoundError, find_run
from tests.command import written

IDS = (
    "aaaa1111-0000-4000-8000-000000000000",
    "aaaa2222-0000-4000-8000-000000000000",
    "bbbb0000-0000-4000-8000-000000000000",
)


@pytest.fixture
def here(ran, monkeypatch):
    """Return the project in which two pipelines ran; it is the working directory."""
    monkeypatch.chdir(ran)
    return ran


@pytest.fixture
def runs(osiris, here):
    """Return the runs of that project, the latest first."""
    return osiris("runs", "list", "--json").data["runs"]


@pytest.fixture
def unfinished(shop):
    """Return a project whose instance knows three runs that have not ended."""
    with open_instance(Project(shop), {}) as instance:
        for run_id, status in zip(
            IDS, (DagsterRunStatus.STARTED, DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTED), strict=True
        ):
            instance.add_run(DagsterRun(job_name="other_job", run_id=run_id, status=status))
    return shop


def test_runs_are_listed_the_latest_first(osiris, runs):
    assert [(run["pipeline"], run["status"]) for run in runs] == [("failing", "failure"), ("shop", "success")]
    assert all(
        run["duration_ms"] > 0 and re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", run["started"]) for run in runs
    )
    lines = osiris("runs", "list").out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [run["run_id"] for run in runs]
    assert len(osiris("runs", "list", "--limit", "1").out.splitlines()) == 2
    assert osiris("runs", "list", "--pipeline", "shop", "--json").data["runs"] == [runs[1]]
    assert osiris("runs", "list", "--pipeline", "absent").out == "no runs yet\n"


def test_a_run_is_shown_step_by_step(osiris, here, runs):
    failed, good = runs
    told = osiris("runs", "view", good["run_id"][:8], "--json").data
    assert (told["run_id"], told["state"]) == (good["run_id"], "success")
    record = told["pipelines"][0]
    assert [(step["step_id"], step["status"], step["rows_out"]) for step in record["steps"]] == [
        ("orders", "completed", 3),
        ("totals", "completed", 2),
        ("out", "completed", 2),
    ]
    assert all((here / folder / "manifest.yaml").is_file() for folder in told["manifests"])
    assert all((here / folder / "core.jsonld").is_file() for folder in told["aiop"])
    said = osiris("runs", "view", failed["run_id"]).out
    assert "failing: failed in" in said
    assert re.search(r"^cast +FAILED", said, re.MULTILINE)
    assert f"AIOP  {osiris('runs', 'view', failed['run_id'], '--json').data['aiop'][0]}" in said


def test_without_an_id_the_last_run_is_meant(osiris, runs):
    assert osiris("runs", "view", "--json").data["run_id"] == runs[0]["run_id"]
    assert osiris("logs", "show", "--json").data["run_id"] == runs[0]["run_id"]
    assert osiris("logs", "aiop", "--json").data["run_id"] == runs[0]["run_id"]
    assert osiris("logs", "aiop", "--last", runs[1]["run_id"], "--json").data["run_id"] == runs[0]["run_id"]


def test_the_timeline_of_a_run_is_in_order(osiris, runs):
    events = osiris("logs", "show", runs[0]["run_id"], "--json").data["pipelines"][0]["events"]
    assert [event["ts"] for event in events] == sorted(event["ts"] for event in events)
    assert (events[0]["type"], events[-1]["type"], events[-1]["message"]) == ("run_start", "run_end", "failed")
    assert [event["step"] for event in events if event["type"] == "step_failed"] == ["cast"]
    said = osiris("logs", "show", runs[0]["run_id"]).out.splitlines()
    assert said[0] == "# failing"
    assert len(said) == len(events) + 1


def test_a_package_is_shown_in_both_forms_and_written_where_asked(osiris, here, runs, tmp_path):
    run_id = runs[1]["run_id"]
    told = osiris("logs", "aiop", run_id, "--json").data
    core = json.loads((here / told["packages"][0] / "core.jsonld").read_text("utf-8"))
    assert told["documents"] == [core]
    assert json.loads(osiris("logs", "aiop", "--session", run_id).out) == core
    card = osiris("logs", "aiop", run_id, "--format", "md").out
    assert card.startswith("# `shop` completed")
    result = osiris("logs", "aiop", run_id, "--format", "md", "--output", str(tmp_path / "deep" / "card.md"))
    assert result.out == f"written to {tmp_path / 'deep' / 'card.md'}\n"
    assert (tmp_path / "deep" / "card.md").read_text("utf-8").strip() == card.strip()


def test_a_package_that_is_gone_is_built_again_with_the_same_bytes(osiris, shop):
    told = osiris("run", "pipelines/shop.yaml", "--json").data
    folder = shop / told["aiop"][0]["folder"]
    before = written(folder)
    shutil.rmtree(folder)
    assert osiris("logs", "aiop", "--json").data["packages"] == [told["aiop"][0]["folder"]]
    assert written(folder) == before


def test_a_run_without_a_package_gets_one_when_asked(osiris, shop):
    run_id = osiris("run", "pipelines/shop.yaml", "--no-aiop", "--json").data["run_id"]
    assert not (shop / "aiop").exists()
    told = osiris("logs", "aiop", run_id, "--json").data
    assert (shop / told["packages"][0] / "core.jsonld").is_file()


@pytest.mark.usefixtures("unfinished")
def test_a_run_that_has_not_ended_shows_its_state(osiris):
    assert osiris("runs", "view", IDS[0]).out == f"run {IDS[0]}: started\n"
    assert osiris("runs", "view", IDS[1], "--json").data["state"] == "not_started"
    assert osiris("logs", "show", IDS[2]).out == f"run {IDS[2]} has not ended, or holds no pipeline of this project\n"
    for wanted in (IDS[2], "bbbb"):
        refused = osiris("logs", "aiop", wanted, "--json")
        assert (refused.code, refused.codes) == (2, ["RUN030"])
        assert refused.data["diagnostics"][0]["message"] == f"run {IDS[2]} has not ended"
    assert osiris("runs", "list", "--json").data["runs"][0]["duration_ms"] is None


def test_the_first_characters_name_a_run_when_they_are_enough(unfinished):
    with open_instance(Project(unfinished), {}) as instance:
        assert find_run(instance, "b").run_id == IDS[2]
        assert find_run(instance, "aaaa2").run_id == IDS[1]
        assert find_run(instance, IDS[0]).run_id == IDS[0]
        for wanted, found in (("aaaa", IDS[0]), ("c", "c"), ("%", "%")):
            with pytest.raises(RunNotFoundError) as caught:
                find_run(instance, wanted)
            assert caught.value.exit_code == 2
            assert found in caught.value.first.found
        with pytest.raises(RunNotFoundError) as caught:
            find_run(instance, "", ended=True)
        assert caught.value.first.message == "there is no run yet"


def test_a_run_of_something_else_has_no_package(osiris, shop):
    with open_instance(Project(shop), {}) as instance:
        instance.add_run(DagsterRun(job_name="other_job", run_id=IDS[0], status=DagsterRunStatus.SUCCESS))
    result = osiris("logs", "aiop", "--json")
    assert (result.code, result.codes) == (1, ["AIO020"])
