"""Pipelines that start by themselves: schedules, updates of others, freshness. Events are real ones on an instance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import dagster as dg
import pytest
from dagster._utils.schedules import is_valid_cron_schedule

from osiris_dagster.definitions import defs
from osiris_dagster.oml.times import cron_fault
from tests.conftest import REPORT, SHOP

COPY = """\
oml_version: "0.2.0"
name: {name}
{schedule}
steps:
{steps}
"""
READ = (
    "  - {{id: in_{0}, component: duckdb.extractor, mode: read, needs: [],"
    ' config: {{connection: "@duckdb.warehouse", table: {0}}}}}'
)
WRITE = (
    "  - {{id: out_{0}, component: duckdb.writer, mode: write, needs: [in_{1}],"
    ' config: {{connection: "@duckdb.warehouse", table: {0}}}}}'
)
UPDATE = "schedule: {on: update}"


def pipeline(name, *moves, schedule=UPDATE):
    """Return a pipeline that copies tables: `a>b` reads a and writes b; all tables are in one database."""
    steps = []
    for move in moves:
        source, target = move.split(">")
        steps += [READ.format(source), WRITE.format(target, source)]
    return COPY.format(name=name, schedule=schedule, steps="\n".join(steps))


class Location:
    """The project's location with the state that its automation sensor would keep."""

    def __init__(self, instance):
        self.instance, self.cursor, self.definitions = instance, None, defs()
        self.tick()

    def tick(self):
        """Return the assets that the sensor asks to materialize now."""
        result = dg.evaluate_automation_conditions(self.definitions, self.instance, cursor=self.cursor)
        self.cursor = result.cursor
        graph = self.definitions.resolve_asset_graph()
        return {key.to_user_string() for key in graph.materializable_asset_keys if result.get_num_requested(key)}

    def wrote(self, step, table):
        """Record what a run of a pipeline leaves when it has written a table."""
        for key in (step.split("/"), ["duckdb", "warehouse", "main", table]):
            self.instance.report_runless_asset_event(dg.AssetMaterialization(key))


@pytest.fixture
def located(write, instance):
    def build(**texts):
        for name, text in texts.items():
            write(name, text)
        return Location(instance)

    return build


@pytest.mark.parametrize(
    ("said", "cron", "zone"),
    [
        ('"15 3 * * *"', "15 3 * * *", "UTC"),
        ('{cron: "0 6 * * mon-fri", timezone: Europe/Prague}', "0 6 * * mon-fri", "Europe/Prague"),
    ],
)
def test_a_cron_string_is_a_running_schedule_of_the_pipelines_job(write, instance, said, cron, zone):
    write("shop", SHOP.replace("owners:", f"schedule: {said}\nowners:"))
    schedule = defs().resolve_schedule_def("shop_daily_schedule")
    assert (schedule.cron_schedule, schedule.execution_timezone, schedule.job_name) == (cron, zone, "shop_daily_job")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    context = dg.build_schedule_context(instance, datetime(2026, 1, 5, 6, tzinfo=UTC))
    (request,) = schedule.evaluate_tick(context).run_requests
    assert request.asset_selection is None


def test_dagster_takes_every_cron_string_that_the_validator_takes():
    fields = (
        "* 0 */5 */90 5/10 1-5/2 0,30 1,2-4,*/7 00".split(),
        "* 0 23 */6 8-18/2".split(),
        "* 1 31 */2 1-15 29".split(),
        "* 1 JAN-mar 2 */3 feb,apr".split(),
        "* 0 7 mon-fri sun-sat sat-sun 5-7 MON,wed */2".split(),
    )
    strings = [" ".join(parts) for parts in product(*fields)][::7]
    taken = [text for text in strings if not cron_fault(text)]
    assert [text for text in taken if not is_valid_cron_schedule(text)] == []
    assert len(strings) > len(taken) > len(strings) / 2


def test_a_schedule_of_an_old_document_starts_nothing(write):
    text = SHOP.replace('"0.2.0"', '"0.1.0"').replace("owners: [data@example.com, team:sales]\n", "")
    write("shop", text.replace("tags: {domain: sales}\n", 'schedule: "0 * * * *"\n'))
    definitions = defs()
    assert not definitions.schedules
    assert not [s for s in definitions.sensors if isinstance(s, dg.AutomationConditionSensorDefinition)]


def test_an_update_by_another_pipeline_starts_all_steps_once(located):
    location = located(shop=SHOP, report=REPORT.replace("name: report", f"name: report\n{UPDATE}"))
    assert location.tick() == set()
    definitions = location.definitions
    job = definitions.resolve_job_def("shop_daily_job")
    assert job.execute_in_process(instance=location.instance).success
    assert location.tick() == {"report/totals", "report/best", "report/out"}
    assert location.tick() == set()


def test_one_running_sensor_evaluates_what_waits_and_nothing_else(located):
    location = located(shop=SHOP, report=REPORT.replace("name: report", f"name: report\n{UPDATE}"))
    found = [s for s in location.definitions.sensors if isinstance(s, dg.AutomationConditionSensorDefinition)]
    (sensor,) = found
    assert (sensor.name, sensor.default_status) == ("osiris_on_update", dg.DefaultSensorStatus.RUNNING)
    graph = location.definitions.resolve_asset_graph()
    assert {key.path[0] for key in sensor.asset_selection.resolve(graph)} == {"report"}


def test_an_update_from_outside_of_osiris_counts_too(located):
    location = located(p=pipeline("p", "a>b"))
    location.instance.report_runless_asset_event(dg.AssetMaterialization(["duckdb", "warehouse", "main", "a"]))
    assert location.tick() == {"p/in_a", "p/out_b"}


def test_a_table_that_a_pipeline_updates_itself_does_not_start_it(located):
    location = located(p=pipeline("p", "t>t"), q=pipeline("q", "a>t", schedule=""), r=pipeline("r", "t>z"))
    location.wrote("p/out_t", "t")
    assert location.tick() == {"r/in_t", "r/out_z"}
    location.wrote("q/out_t", "t")
    assert location.tick() == {"p/in_t", "p/out_t", "r/in_t", "r/out_z"}


def test_a_sync_in_both_directions_comes_to_rest(located):
    location = located(there=pipeline("there", "a>b"), back=pipeline("back", "b>a"))
    location.wrote("there/out_b", "b")
    rounds = []
    while started := location.tick():
        rounds.append(started)
        assert len(rounds) < 5
        for name, step, table in (("there", "out_b", "b"), ("back", "out_a", "a")):
            if f"{name}/{step}" in started:
                location.wrote(f"{name}/{step}", table)
    assert "osiris/updates_left_out" in location.definitions.metadata


def test_a_schedule_in_a_circle_breaks_it_so_that_every_update_counts(located):
    location = located(there=pipeline("there", "a>b", schedule='schedule: "0 3 * * *"'), back=pipeline("back", "b>a"))
    assert "osiris/updates_left_out" not in (location.definitions.metadata or {})
    location.wrote("there/out_b", "b")
    assert location.tick() == {"back/in_b", "back/out_a"}


def test_an_update_while_the_pipeline_runs_is_followed_by_another_run(located):
    location = located(p=pipeline("p", "a>b"))
    instance, definitions = location.instance, location.definitions
    source = ["duckdb", "warehouse", "main", "a"]
    run = instance.create_run_for_job(
        definitions.resolve_job_def("p_job"), status=dg.DagsterRunStatus.STARTED, asset_selection=None
    )
    for step in ("in_a", "out_b"):
        instance.report_dagster_event(planned(["p", step]), run.run_id)
    instance.report_runless_asset_event(dg.AssetMaterialization(source))
    assert location.tick() == set()
    instance.report_run_failed(run)
    assert location.tick() == {"p/in_a", "p/out_b"}


def planned(path):
    from dagster._core.events import AssetMaterializationPlannedData, DagsterEvent

    return DagsterEvent.build_asset_materialization_planned_event(
        "p_job", "p", AssetMaterializationPlannedData(dg.AssetKey(path))
    )


def test_the_last_steps_of_a_pipeline_promise_its_freshness(write):
    write("shop", SHOP.replace("owners:", "freshness: {max_lag: 1d2h}\nowners:"))
    graph = defs().resolve_asset_graph()
    policies = {key.path[1]: graph.get(key).freshness_policy for key in graph.materializable_asset_keys}
    assert policies.pop("totals").fail_window.to_timedelta() == timedelta(hours=26)
    assert set(policies.values()) == {None}
