"""Data checks of an OML file as asset checks of real Dagster runs."""

import dagster as dg
import duckdb
import pytest

from osiris_dagster.definitions import defs
from osiris_dagster.runs.read import read_run

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
PIPELINE = """\
oml_version: "0.2.0"
name: checked
steps:
  - id: orders
    component: duckdb.extractor
    mode: read
    config: {connection: "@duckdb.ops", table: orders}
    checks:
      - {type: unique, column: id}
      - {type: row_count, max_change: 0.1}
      - {type: sql, name: "no big ones", query: "select * from this where amount > 5", severity: warn}
  - id: load
    component: duckdb.writer
    mode: write
    config: {connection: "@duckdb.warehouse", table: loaded, write_mode: replace}
    checks: [{type: row_count, max: MOST}]
"""


@pytest.fixture
def run(write, instance):
    def run_it(most):
        write("checked", PIPELINE.replace("MOST", str(most)))
        return (
            defs()
            .resolve_job_def("checked_job")
            .execute_in_process(instance=instance, run_config=QUIET, raise_on_error=False)
        )

    return run_it


def found(result):
    return {
        (e.asset_key.path[1], e.check_name.partition("_")[0]): (e.passed, e.severity.value)
        for e in result.get_asset_check_evaluations()
    }


def test_every_check_is_an_asset_check_with_its_result(run, instance, project):
    result = run(100)
    assert result.success
    assert found(result) == {
        ("orders", "unique"): (True, "ERROR"),
        ("orders", "row"): (True, "ERROR"),
        ("orders", "no"): (False, "WARN"),
        ("load", "row"): (True, "ERROR"),
    }
    (record,) = read_run(instance, project, result.run_id)
    orders = record.steps[0].checks
    assert [(check.name, check.passed) for check in orders] == [
        ("unique_id", True),
        ("row_count", True),
        ("no big ones", False),
    ]
    for evaluation in result.get_asset_check_evaluations():
        assert evaluation.target_materialization_data is not None


def test_a_failing_check_is_told_and_stops_the_write(run, instance, project):
    result = run(1)
    assert not result.success
    told = found(result)
    assert told["load", "row"] == (False, "ERROR")
    assert told["orders", "unique"] == (True, "ERROR")
    (record,) = read_run(instance, project, result.run_id)
    load = record.steps[1]
    assert (load.status, load.error.code, load.checks[0].passed) == ("failed", "RUN051", False)
    assert not instance.get_latest_materialization_event(dg.AssetKey(["duckdb", "warehouse", "main", "loaded"]))


def test_rows_are_compared_with_the_last_good_run_of_the_step(run, project):
    assert run(100).success
    with duckdb.connect(project.root / "data" / "ops.duckdb") as session:
        session.execute("insert into orders select * replace (id + 1000 as id) from orders")
    result = run(100)
    assert not result.success
    assert found(result)["orders", "row"] == (False, "ERROR")


def test_steps_can_be_selected_without_their_checks(write, instance):
    write("checked", PIPELINE.replace("MOST", "100"))
    definitions = defs()
    selection = dg.AssetSelection.assets(["checked", "orders"]).without_checks()
    job = dg.Definitions(
        assets=definitions.assets,
        resources=definitions.resources,
        jobs=[dg.define_asset_job("some", selection)],
        executor=dg.in_process_executor,
    ).resolve_job_def("some")
    result = job.execute_in_process(instance=instance, run_config=QUIET)
    assert result.success
    assert result.get_asset_check_evaluations() == []
