"""Records of real runs: what happened is read from Dagster's events and nothing else."""

import dagster as dg
import pytest

from osiris_dagster.definitions import defs
from osiris_dagster.runs.read import read_run
from tests.conftest import FAILING, REPORT, SHOP

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def run(instance, job, *, keys=None, tags=None):
    definitions = defs()
    selected = [dg.AssetKey(k) for k in keys] if keys else None
    result = definitions.resolve_job_def(job).execute_in_process(
        instance=instance, run_config=QUIET, raise_on_error=False, asset_selection=selected, tags=tags
    )
    return result.run_id


def steps(record):
    return {step.step_id: step for step in record.steps}


def test_a_good_run_has_times_rows_and_what_it_wrote(project, write, instance):
    write("shop", SHOP)
    (record,) = read_run(instance, project, run(instance, "shop_daily_job"))
    assert (record.pipeline, record.status, record.error) == ("shop-daily", "completed", None)
    assert {s: (r.rows_in, r.rows_out) for s, r in steps(record).items()} == {
        "orders": (0, 3),
        "per customer": (3, 2),
        "totals": (2, 2),
    }
    assert all(record.start_ms <= r.start_ms <= r.end_ms <= record.end_ms for r in record.steps)
    assert steps(record)["totals"].writes == (("duckdb", "warehouse", "main", "totals"),)
    assert [c.name for c in steps(record)["per customer"].columns] == ["customer", "total"]
    assert [e.type for e in record.events if not e.step_id] == ["run_start", "run_end"]
    assert record.versions["dagster"] == dg.__version__


def test_a_failed_run_names_the_step_the_error_and_what_did_not_run(project, write, instance):
    write("failing", FAILING)
    (record,) = read_run(instance, project, run(instance, "failing_job"))
    assert record.status == "failed"
    told = {s: r.status for s, r in steps(record).items()}
    # The cast may fail before the step behind it opens, or when that one pulls its first rows.
    assert told.pop("after") in ("skipped", "aborted")
    assert told == {"rows": "aborted", "other": "completed", "cast": "failed"}
    error = steps(record)["cast"].error
    assert "'NA'" in error.message
    assert error.fix
    assert any(frame.in_project for link in error.chain for frame in link.frames)
    assert not any(str(project.root) in frame.file for link in error.chain for frame in link.frames)
    assert record.error is None


def test_a_run_of_some_steps_has_records_of_those_only(project, write, instance):
    write("failing", FAILING)
    (record,) = read_run(instance, project, run(instance, "failing_job", keys=[["failing", "other"]]))
    assert record.status == "completed"
    assert list(steps(record)) == ["other"]


def test_a_run_over_several_pipelines_gives_a_record_for_each(project, write, instance):
    write("shop", SHOP)
    write("report", REPORT)
    definitions = defs()
    job = dg.Definitions(
        assets=definitions.assets,
        resources=definitions.resources,
        jobs=[dg.define_asset_job("all", dg.AssetSelection.groups("shop_daily", "report"))],
        executor=dg.in_process_executor,
    ).resolve_job_def("all")
    run_id = job.execute_in_process(instance=instance, run_config=QUIET).run_id
    records = read_run(instance, project, run_id)
    assert [(r.pipeline, r.siblings) for r in records] == [("report", ("shop-daily",)), ("shop-daily", ("report",))]
    assert all(step.status == "completed" for r in records for step in r.steps)


def test_a_failure_before_the_first_step_is_an_error_of_the_run(project, write, instance):
    write("shop", SHOP.replace("@duckdb.ops", "@duckdb.gone"))
    (project.root / "osiris_connections.yaml").write_text(
        "connections: {duckdb: {gone: {path: '${NOT_SET_HERE}'}, warehouse: {path: data/w.duckdb}}}"
    )
    (record,) = read_run(instance, project, run(instance, "shop_daily_job"))
    assert record.status == "failed"
    found = [e for e in (record.error, *(s.error for s in record.steps)) if e]
    assert "NOT_SET_HERE" in found[0].message
    assert found[0].code == "CFG025"


def test_the_origin_of_a_run_is_told_by_its_tags(project, write, instance):
    write("failing", FAILING)
    tags = {"dagster/schedule_name": "nightly"}
    run_id = run(instance, "failing_job", keys=[["failing", "other"]], tags=tags)
    assert read_run(instance, project, run_id)[0].origin == "schedule"


@pytest.mark.parametrize("run_id", ["", "00000000-0000-0000-0000-000000000000"])
def test_an_unknown_run_gives_no_record(project, instance, run_id):
    assert read_run(instance, project, run_id) == ()


def test_a_run_without_osiris_assets_gives_no_record(project, instance):
    @dg.asset
    def theirs() -> None: ...

    result = dg.materialize([theirs], instance=instance, run_config=QUIET)
    assert read_run(instance, project, result.run_id) == ()


def test_a_planned_run_whose_process_was_killed_lists_its_steps(project, write, instance):
    write("shop", SHOP)
    job = defs().resolve_job_def("shop_daily_job")
    created = instance.create_run_for_job(job)
    instance.report_run_failed(created, "gone")
    (record,) = read_run(instance, project, created.run_id)
    assert record.status == "failed"
    assert {r.status for r in record.steps} == {"skipped"}
    assert record.error.message == "gone"
