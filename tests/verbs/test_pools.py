"""`concurrency`: one run of a pool at a time, for `osiris run` and for runs that Dagster starts."""

from __future__ import annotations

import subprocess
import threading
import time
import uuid
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from osiris_dagster.definitions import defs
from osiris_dagster.project import Project
from osiris_dagster.runs.instance import open_instance
from osiris_dagster.runs.pools import claim, free_ended, holders_of, limit_pools
from tests.command import COMMAND, FAILING, SHOP, environment

POOLED = SHOP.replace("params:", "concurrency: warehouse\nparams:", 1)
SLOW = """\
oml_version: "0.2.0"
name: slow
concurrency: warehouse
steps:
  - id: rows
    component: duckdb.processor
    mode: transform
    config: {query: "select range as id from range(1000000000000)"}
  - {id: n, component: duckdb.processor, mode: transform, config: {query: "select sum(hash(id)) as n from df_rows"}}
"""


@pytest.fixture
def pooled(shop, monkeypatch):
    """Return an instance of a project whose pipelines `shop` and `failing` share a pool."""
    monkeypatch.setenv("OSIRIS_HOME", str(shop))
    (shop / "pipelines/shop.yaml").write_text(POOLED)
    (shop / "pipelines/failing.yaml").write_text(FAILING.replace("steps:", "concurrency: warehouse\nsteps:", 1))
    with open_instance(Project(shop), {}) as instance:
        yield instance


def wait_until(happened):
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def taken(instance):
    """Let a run that goes on in another process hold the pool; return it."""
    run = dg.DagsterRun(job_name="other_job", run_id=str(uuid.uuid4()), status=dg.DagsterRunStatus.STARTED)
    instance.add_run(run)
    limit_pools(instance, ["warehouse"])
    assert claim(instance, "warehouse", run.run_id, "other")
    return run


def test_a_run_refuses_when_another_one_of_its_pool_goes_on(pooled, osiris, shop):
    other = taken(pooled)
    result = osiris("run", "--wait", "1", "--json", "pipelines/shop.yaml")
    assert (result.code, result.codes) == (4, ["CMP102"])
    assert other.run_id in result.data["diagnostics"][0]["found"]
    assert "waiting for another run of the pool warehouse" in osiris("run", "--wait", "1", "pipelines/shop.yaml").err
    assert pooled.get_runs_count() == 1
    assert not (shop / "data/warehouse.duckdb").exists()
    assert holders_of(pooled, "warehouse") == (other.run_id,)


def test_a_run_goes_ahead_when_the_other_one_ended(pooled, osiris):
    pooled.report_run_failed(taken(pooled))
    assert osiris("run", "--no-aiop", "--wait", "0", "pipelines/shop.yaml").code == 0
    assert holders_of(pooled, "warehouse") == ()


def test_a_run_that_fails_leaves_the_pool_free(pooled, osiris):
    assert osiris("run", "--no-aiop", "pipelines/failing.yaml").code == 4
    assert osiris("run", "--no-aiop", "--wait", "0", "pipelines/shop.yaml").code == 0


def test_a_run_whose_process_was_killed_does_not_keep_the_pool(pooled, osiris, shop):
    (shop / "pipelines/slow.yaml").write_text(SLOW)
    with subprocess.Popen([COMMAND, "run", "pipelines/slow.yaml"], cwd=shop, env=environment()) as slow:
        wait_until(lambda: pooled.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])))
        assert osiris("run", "--wait", "0", "--json", "pipelines/shop.yaml").codes == ["CMP102"]
        slow.kill()
    assert osiris("run", "--no-aiop", "--wait", "30", "pipelines/shop.yaml").code == 0


def test_a_pipeline_without_a_pool_waits_for_nobody(pooled, osiris, shop):
    taken(pooled)
    (shop / "pipelines/shop.yaml").write_text(SHOP)
    assert osiris("run", "--no-aiop", "--wait", "0", "pipelines/shop.yaml").code == 0


def test_a_run_that_dagster_executes_waits_for_the_pool_too(pooled, shop):
    other, run_id = taken(pooled), str(uuid.uuid4())
    job = defs().resolve_job_def("shop_job")

    def execute():
        with open_instance(Project(shop), {}) as own:
            job.execute_in_process(instance=own, run_id=run_id)

    worker = threading.Thread(target=execute)
    worker.start()
    wait_until(lambda: any("blocked by" in entry.message for entry in pooled.all_logs(run_id)))
    assert pooled.get_run_by_id(run_id).run_op_concurrency.all_pools == {"warehouse"}
    assert not (shop / "data/warehouse.duckdb").exists()
    pooled.report_run_failed(other)
    assert free_ended(pooled) == 1
    worker.join(60)
    assert pooled.get_run_by_id(run_id).status is dg.DagsterRunStatus.SUCCESS


def test_a_run_of_isolated_steps_holds_the_pool_from_its_first_step_to_its_end(pooled, shop):
    (shop / "pipelines/shop.yaml").write_text(POOLED.replace("steps:", "execution: {isolation: step}\nsteps:", 1))
    other, run_id = taken(pooled), str(uuid.uuid4())
    job = defs().resolve_job_def("shop_job")

    def execute():
        with open_instance(Project(shop), {}) as own:
            job.execute_in_process(instance=own, run_id=run_id)

    worker = threading.Thread(target=execute)
    worker.start()
    wait_until(lambda: any("waiting for another run of the pool" in e.message for e in pooled.all_logs(run_id)))
    assert not (shop / "data/warehouse.duckdb").exists()
    pooled.report_run_failed(other)
    assert free_ended(pooled) == 1
    worker.join(60)
    assert pooled.get_run_by_id(run_id).status is dg.DagsterRunStatus.SUCCESS
    assert holders_of(pooled, "warehouse") == (run_id,)
    assert free_ended(pooled) == 1
    assert holders_of(pooled, "warehouse") == ()


def test_an_instance_with_other_settings_gets_the_limit_and_keeps_those_it_has(pooled):
    pooled.event_log_storage.set_concurrency_slots("wide", 3)
    assert limit_pools(pooled, ["wide", "narrow"]) == 1
    limits = {limit.name: limit.limit for limit in pooled.event_log_storage.get_pool_limits()}
    assert limits == {"wide": 3, "narrow": 1}


def test_the_reconciling_sensor_limits_pools_and_frees_what_ended_runs_held(pooled):
    (sensor,) = [sensor for sensor in defs().sensors if sensor.name == "osiris_reconcile"]
    sensor(dg.build_sensor_context(pooled))
    assert [limit.name for limit in pooled.event_log_storage.get_pool_limits()] == ["warehouse"]
    other = taken(pooled)
    sensor(dg.build_sensor_context(pooled))
    assert holders_of(pooled, "warehouse") == (other.run_id,)
    pooled.report_run_failed(other)
    sensor(dg.build_sensor_context(pooled))
    assert holders_of(pooled, "warehouse") == ()


def test_a_claim_whose_run_never_came_is_freed_after_a_while(pooled):
    limit_pools(pooled, ["warehouse"])
    assert claim(pooled, "warehouse", "never-recorded", "op")
    assert free_ended(pooled) == 0
    assert free_ended(pooled, now=datetime.now(UTC) + timedelta(minutes=3)) == 1
    assert holders_of(pooled, "warehouse") == ()
