"""From ended runs to packages, through the functions that the sensors call."""

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import dagster as dg
import psutil
import pytest

from osiris_dagster.assets.keys import aiop_key
from osiris_dagster.connections.project import load_connections
from osiris_dagster.definitions import defs
from osiris_dagster.exports import ended as ended_runs
from osiris_dagster.exports.broken import show_broken
from osiris_dagster.exports.ended import queue_ended
from osiris_dagster.exports.export import export_run
from osiris_dagster.exports.queue import export_queue
from osiris_dagster.exports.work_off import work_off
from osiris_dagster.loading import load_folder
from osiris_dagster.project import Project
from osiris_dagster.redaction import PROCESS
from osiris_dagster.runs.instance import open_instance
from osiris_dagster.runs.lost import end_lost_runs
from osiris_dagster.runs.tags import HOST, ORIGIN, PID, PROCESS_OF, STARTED
from osiris_dagster.settings import Settings
from tests.conftest import FAILING, SHOP
from tests.runs.test_read import run

WEEK_AGO = datetime.now(UTC) - timedelta(days=7)


@pytest.mark.parametrize(
    ("text", "job", "status"), [(SHOP, "shop_daily_job", "completed"), (FAILING, "failing_job", "failed")]
)
def test_an_ended_run_becomes_a_valid_package_on_its_asset(project, write, instance, text, job, status):
    write("p", text)
    run_id = run(instance, job)
    (package,) = export_run(instance, project, run_id)
    assert package.valid, package.reasons
    core = json.loads((project.root / package.folder / "core.jsonld").read_text())
    assert core["run"]["status"] == status
    assert core["run"]["dagster_run_id"] == run_id
    event = instance.get_latest_materialization_event(aiop_key(package.pipeline)).asset_materialization
    assert event.metadata["run"].value == run_id
    assert "## Steps" in event.metadata["run card"].value


def test_a_second_export_changes_nothing(project, write, instance):
    write("p", SHOP)
    run_id = run(instance, "shop_daily_job")
    (first,) = export_run(instance, project, run_id)
    core = project.root / first.folder / "core.jsonld"
    before = core.read_bytes()
    core.unlink()
    (again,) = export_run(instance, project, run_id)
    assert again == first
    assert core.read_bytes() == before
    records = instance.fetch_materializations(aiop_key(first.pipeline), limit=10).records
    assert len(records) == 1


def bytes_of(project: Project, package) -> dict[str, bytes]:
    folder = project.root / package.folder
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_package_has_the_same_bytes_whatever_else_the_process_has_resolved(project, write, instance, tmp_path):
    write("p", SHOP)
    run_id = run(instance, "shop_daily_job")
    (first,) = export_run(instance, project, run_id)
    before = bytes_of(project, first)
    unrelated = tmp_path / "unrelated"
    unrelated.mkdir()
    aliases = "shop: {host: '${HOST}', password: orders-2025-unrelated}"
    (unrelated / "osiris_connections.yaml").write_text(f"connections: {{mysql: {{{aliases}}}}}")
    known = load_connections(Project(unrelated), env={"HOST": "orders"})
    known.resolve("@mysql.shop")
    assert PROCESS.holds("orders"), "a name that stands all over the package is masked elsewhere"
    shutil.rmtree(project.root / first.folder)
    (again,) = export_run(instance, project, run_id)
    assert again == first
    assert bytes_of(project, again) == before


def test_a_package_is_masked_by_the_secrets_of_its_own_connections(project, write, instance, monkeypatch):
    (project.root / "osiris_connections.yaml").write_text(
        "connections:\n  duckdb:\n    ops: {path: data/ops.duckdb, default: true}\n"
        "    warehouse: {path: 'data/${PLACE}.duckdb'}\n    other: {path: 'data/${OTHER}.duckdb'}\n"
    )
    monkeypatch.setenv("PLACE", "warehouse-of-ann")
    monkeypatch.setenv("OTHER", "per customer")
    write("p", SHOP.replace("Orders of each customer", "Rows go to warehouse-of-ann, per customer"))
    (package,) = export_run(instance, project, run(instance, "shop_daily_job"))
    core = (project.root / package.folder / "core.jsonld").read_text()
    assert package.valid, package.reasons
    assert "warehouse-of-ann" not in core
    assert "Rows go to [REDACTED], per customer" in core


def test_reconciling_finds_the_runs_that_no_status_sensor_saw(project, write, instance):
    write("p", SHOP)
    run_id = run(instance, "shop_daily_job")
    queued, seen_to = queue_ended(instance, project, WEEK_AGO)
    assert [(item.run_id, item.status) for item in queued] == [(run_id, "completed")]
    assert queue_ended(instance, project, seen_to)[0] == ()
    assert work_off(instance, project) == (1, [])
    assert export_queue(project).packages(run_id)
    assert work_off(instance, project) == (0, [])


def test_more_runs_than_a_tick_queues_that_ended_together_are_all_queued(project, write, instance, monkeypatch):
    monkeypatch.setattr(ended_runs, "BATCH", 2)
    write("p", SHOP)
    ended = {run(instance, "shop_daily_job") for _ in range(5)}
    counts, since = [], WEEK_AGO
    for _ in range(4):
        queued, since = queue_ended(instance, project, since)
        counts.append(len(queued))
    assert counts == [2, 2, 1, 0]
    assert {item.run_id for item in export_queue(project).pending()} == ended


def test_an_export_that_fails_is_tried_again_and_told(project, write, instance):
    write("p", SHOP)
    run_id = run(instance, "shop_daily_job")
    export_queue(project).add(run_id)
    for manifest in project.build.rglob("manifest.json"):
        manifest.rename(manifest.with_suffix(".kept"))
    exported, failed = work_off(instance, project)
    assert exported == 0
    assert "CMP050" in failed[0]
    for manifest in project.build.rglob("manifest.kept"):
        manifest.rename(manifest.with_suffix(".json"))
    assert work_off(instance, project) == (1, [])


def test_whatever_goes_wrong_in_an_export_is_kept_with_its_run_and_the_next_one_has_its_turn(project, write, instance):
    write("p", SHOP)
    bad, good = run(instance, "shop_daily_job"), run(instance, "shop_daily_job")
    (log,) = (project.root / ".osiris").rglob(f"{bad}.db")
    with sqlite3.connect(log) as events:
        events.execute("update event_logs set event = replace(event, 'step_id', 'step_no')")
    for run_id in (bad, good):
        export_queue(project).add(run_id)
    exported, failed = work_off(instance, project)
    assert exported == 1
    assert "AIO034" in failed[0]
    assert str(project.root) not in failed[0]
    assert [(item.run_id, item.attempts) for item in export_queue(project).pending()] == [(bad, 1)]


def test_two_exports_of_one_run_at_once_show_one_package(project, write, instance):
    write("p", SHOP)
    run_id = run(instance, "shop_daily_job")
    code = "from tests.exports.test_export import export_here; export_here()"
    env = {**os.environ, "RUN": run_id}
    root = Path(__file__).parents[2]
    both = [subprocess.Popen([sys.executable, "-c", code], cwd=root, env=env) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert len(instance.fetch_materializations(aiop_key("shop-daily"), limit=10).records) == 1


def export_here():
    """In a process of its own: export the run that the environment names."""
    project = Project(Path(os.environ["OSIRIS_HOME"]))
    with open_instance(project, {}) as instance:
        assert export_run(instance, project, os.environ["RUN"])


def test_a_disk_that_is_full_loses_no_run(project, write, instance, monkeypatch):
    write("p", SHOP)
    run_id = run(instance, "shop_daily_job")
    export_queue(project).add(run_id)

    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assert work_off(instance, project)[0] == 0
    assert [item.run_id for item in export_queue(project).pending()] == [run_id]
    assert work_off(instance, project) == (1, [])


def test_packages_that_are_switched_off_wait(project, write, instance):
    write("p", SHOP)
    export_queue(project).add(run(instance, "shop_daily_job"))
    (project.root / "osiris.yaml").write_text("aiop: {enabled: false}")
    assert work_off(instance, project) == (0, [])
    (project.root / "osiris.yaml").write_text("")
    assert work_off(instance, project) == (1, [])


def test_a_budget_that_is_used_up_leaves_the_rest_for_the_next_tick(project, instance):
    export_queue(project).add("r")
    assert work_off(instance, project, budget=0) == (0, [])
    assert [item.run_id for item in export_queue(project).pending()] == ["r"]


def started_run(instance, pid, started, process_of=None):
    run_id = str(uuid4())
    tags = {ORIGIN: "cli", HOST: socket.gethostname(), PID: str(pid), STARTED: str(started)}
    tags |= {PROCESS_OF: process_of or run_id}
    created = instance.create_run_for_job(defs().resolve_job_def("shop_daily_job"), run_id=run_id, tags=tags)
    instance.report_dagster_event(
        dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, created.job_name, message="started"), created.run_id
    )
    return created.run_id


def test_a_run_whose_process_is_gone_ends_as_failed_and_has_a_package(project, write, instance):
    write("p", SHOP)
    lost = started_run(instance, os.getpid(), 1.0)  # the pid is in use again, by a process that began later
    alive = started_run(instance, os.getpid(), psutil.Process().create_time())
    again = started_run(instance, os.getpid(), 1.0, process_of=lost)  # a re-execution that took over the tags
    assert end_lost_runs(instance) == 1
    assert instance.get_run_by_id(again).status == dg.DagsterRunStatus.STARTED
    assert instance.get_run_by_id(lost).status == dg.DagsterRunStatus.FAILURE
    assert instance.get_run_by_id(alive).status == dg.DagsterRunStatus.STARTED
    (package,) = export_run(instance, project, lost)
    assert package.valid, package.reasons
    assert "process" in (project.root / package.folder / "run-card.md").read_text()


def test_a_process_that_ended_and_that_nobody_asked_for_is_gone(project, write, instance):
    write("p", SHOP)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        process = psutil.Process(child.pid)
        run_id = started_run(instance, child.pid, process.create_time())
        assert end_lost_runs(instance) == 0
        child.kill()
        while process.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        assert end_lost_runs(instance) == 1
    assert instance.get_run_by_id(run_id).status == dg.DagsterRunStatus.FAILURE


def test_a_broken_file_is_reported_once_for_each_state_it_is_in(project, write, instance):
    path = write("bad", SHOP.replace("duckdb.extractor", "nothing.here"))
    broken = load_folder(project, Settings()).broken
    assert show_broken(instance, broken) == broken
    assert show_broken(instance, broken) == ()
    path.write_text("name: [", encoding="utf-8")
    (other,) = load_folder(project, Settings()).broken
    assert other.fingerprint != broken[0].fingerprint
    assert show_broken(instance, [other]) == (other,)


def test_the_status_sensors_queue_and_the_plain_ones_tell_what_they_did(project, write, instance):
    write("p", SHOP)
    definitions = defs()
    run_id = run(instance, "shop_daily_job")
    sensors = {s.name: s for s in definitions.sensors}
    repository = definitions.get_repository_def()
    for name, expected in (("osiris_reconcile", "1 runs queued"), ("osiris_export", "1 runs exported")):
        context = dg.build_sensor_context(instance, repository_def=repository, sensor_name=name)
        assert expected in sensors[name].evaluate_tick(context).skip_message
    assert export_queue(project).packages(run_id)
    context = dg.build_run_status_sensor_context(
        sensor_name="osiris_on_success",
        dagster_instance=instance,
        dagster_run=instance.get_run_by_id(run_id),
        dagster_event=dg.DagsterEvent(dg.DagsterEventType.RUN_SUCCESS.value, "shop_daily_job"),
    )
    assert sensors["osiris_on_success"](context) is None
