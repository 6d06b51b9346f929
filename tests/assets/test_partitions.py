"""Partitions in Dagster: the same keys and windows as in OML, mappings between pipelines, schedules, updates."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg
import duckdb
import pytest

from osiris_dagster.assets.partitions import definition_of, partition_between
from osiris_dagster.definitions import defs
from osiris_dagster.oml.model import Partitions
from osiris_dagster.oml.partition import first_partition
from osiris_dagster.runs.read import read_run
from osiris_dagster.runs.tags import RANGE_END, RANGE_START

DAYS = """\
oml_version: "0.2.0"
name: days
SCHEDULE
partitions: {type: daily, start: "2026-01-01", end: "2026-03-01", column: day}
steps:
  - id: rows
    component: duckdb.processor
    mode: transform
    config: {query: "select ${partition.start} as day, 1 as n"}
  - id: out
    component: duckdb.writer
    mode: write
    config: {connection: "@duckdb.warehouse", table: days, write_mode: replace}
"""
READER = """\
oml_version: "0.2.0"
name: reader
schedule: {on: update}
PARTITIONS
steps:
  - id: days
    component: duckdb.extractor
    mode: read
    config: {connection: "@duckdb.warehouse", query: "select * from days where n < 5 or 'x' = 'PLACEHOLDER'"}
  - {id: kept, component: duckdb.processor, mode: transform, config: {query: "select count(*) as n from df_days"}}
"""
TABLE = dg.AssetKey(["duckdb", "warehouse", "main", "days"])
KINDS = [
    (Partitions("hourly", "2026-01-01T05:00", timezone="Asia/Kolkata"), "2026-01-01-05:00", 3600),
    (Partitions("daily", "2026-03-28", timezone="Europe/Prague"), "2026-03-28", 86400),
    (Partitions("weekly", "2026-01-07"), "2026-01-07", 7 * 86400),
    (Partitions("monthly", "2026-02-01", timezone="America/New_York"), "2026-02-01", 28 * 86400),
]


def reader(partitions):
    block, word = (f"partitions: {partitions}", "${partition.key}") if partitions else ("", "x")
    return READER.replace("PARTITIONS", block).replace("PLACEHOLDER", word)


@pytest.mark.parametrize(("partitions", "key", "seconds"), KINDS, ids=[kind.type for kind, _, _ in KINDS])
def test_the_first_partition_is_the_one_that_dagster_has(partitions, key, seconds):
    first, own = first_partition(partitions), partition_between(partitions, key, key)
    assert first.keys == (definition_of(partitions).get_first_partition_key(),) == (key,)
    assert first.values == own.values
    assert (own.end - own.start).total_seconds() == seconds
    assert own.end.timestamp() - own.start.timestamp() == seconds


def test_a_day_has_the_hours_that_its_clock_gives_it():
    prague = Partitions("daily", "2026-03-28", timezone="Europe/Prague")
    spring = partition_between(prague, "2026-03-29", "2026-03-29")
    assert spring.end.timestamp() - spring.start.timestamp() == 23 * 3600
    assert spring.values == {"key": "2026-03-29", "start": "2026-03-29", "end": "2026-03-30"}


def test_a_run_over_a_range_is_recorded_for_each_partition(write, instance, project):
    write("days", DAYS.replace("SCHEDULE\n", ""))
    definitions = defs()
    tags = {RANGE_START: "2026-01-03", RANGE_END: "2026-01-05"}
    result = definitions.resolve_job_def("days_job").execute_in_process(instance=instance, tags=tags)
    assert result.success
    days = ["2026-01-03", "2026-01-04", "2026-01-05"]
    for key in (dg.AssetKey(["days", "out"]), TABLE):
        assert sorted(instance.get_materialized_partitions(key)) == days
    (record,) = read_run(instance, project, result.run_id)
    assert record.partition == "2026-01-03...2026-01-05"
    with duckdb.connect(project.root / "data/warehouse.duckdb") as session:
        assert session.sql("select day::text from days").fetchall() == [("2026-01-03",)]


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({}, "the run has no partition"),
        ({RANGE_START: "2026-01-03", RANGE_END: "2026-01-05"}, "works on one partition at a time"),
    ],
)
def test_a_run_that_cannot_work_says_what_to_do(write, instance, tags, said):
    write("days", DAYS.replace("SCHEDULE\n", "").replace("table: days", 'table: "days_${partition.key}"'))
    job = defs().resolve_job_def("days_job")
    result = job.execute_in_process(instance=instance, raise_on_error=False, tags=tags)
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    assert said in failed.step_failure_data.error.message
    assert "run with --" in failed.step_failure_data.error.message


def ticked(instance, at):
    """What the schedule of `days` asks for at a time."""
    definitions = defs()
    context = dg.build_schedule_context(
        instance, datetime.fromisoformat(at).replace(tzinfo=UTC), repository_def=definitions.get_repository_def()
    )
    return definitions.resolve_schedule_def("days_schedule").evaluate_tick(context)


def test_a_schedule_runs_the_last_partition_that_is_complete(write, instance):
    write("days", DAYS.replace("SCHEDULE", 'schedule: "0 3 * * *"'))
    for at, key in (("02", "2026-01-01"), ("15", "2026-01-14")):
        (request,) = ticked(instance, f"2026-01-{at}T03:00").run_requests
        assert request.partition_key == key
    (last,) = ticked(instance, "2026-03-01T03:00").run_requests
    assert last.tags["dagster/partition"] == "2026-02-28"
    assert "No partition is complete yet" in ticked(instance, "2026-01-01T03:00").skip_message
    assert "end at 2026-03-01" in ticked(instance, "2026-03-02T03:00").skip_message


def test_a_schedule_runs_every_static_partition(write, instance):
    text = DAYS.replace("SCHEDULE", 'schedule: "0 3 * * *"').replace("${partition.start}", "${partition.key}")
    write("days", text.replace('daily, start: "2026-01-01", end: "2026-03-01"', "static, keys: [cz, de]"))
    requests = ticked(instance, "2026-01-01T03:00").run_requests
    assert [request.partition_key for request in requests] == ["cz", "de"]
    assert len({request.run_key for request in requests}) == 2


MIXES = {
    "none": (None, {None}),
    "the same": ('{type: daily, start: "2026-01-01", end: "2026-03-01"}', {"2026-01-03"}),
    "months": ('{type: monthly, start: "2026-01-01"}', {"2026-01-01"}),
    "days of another start": ('{type: daily, start: "2025-12-01"}', {"2026-01-03"}),
    "another zone": ('{type: daily, start: "2026-01-01", timezone: Europe/Prague}', {"the last"}),
    "static": ("{type: static, keys: [cz, de]}", {"cz", "de"}),
}


@pytest.mark.parametrize("mix", MIXES)
def test_pipelines_of_other_partitions_load_start_and_run(write, instance, mix):
    """An update starts the partitions that were updated, or the last one where days are not days of the other."""
    partitions, _ = MIXES[mix]
    write("days", DAYS.replace("SCHEDULE\n", ""))
    write("reader", reader(partitions))
    definitions = defs()
    cursor = dg.evaluate_automation_conditions(definitions, instance).cursor
    job = definitions.resolve_job_def("days_job")
    assert job.execute_in_process(instance=instance, partition_key="2026-01-03").success
    result = dg.evaluate_automation_conditions(definitions, instance, cursor=cursor)
    asked = {
        key: result.get_requested_partitions(key) for key in map(dg.AssetKey, (["reader", "days"], ["reader", "kept"]))
    }
    first, second = asked.values()
    assert first == second
    expected = MIXES[mix][1]
    if partitions is None:
        assert result.total_requested == 2
    elif expected == {"the last"}:
        definition = definitions.resolve_asset_graph().get(dg.AssetKey(["reader", "days"])).partitions_def
        assert first == {definition.get_last_partition_key()}
    else:
        assert first == expected
    key = None if partitions is None else min(first)
    assert definitions.resolve_job_def("reader_job").execute_in_process(instance=instance, partition_key=key).success


def test_a_table_that_pipelines_of_other_partitions_write_has_none(write):
    write("days", DAYS.replace("SCHEDULE\n", ""))
    graph = defs().resolve_asset_graph()
    assert graph.get(TABLE).partitions_def == graph.get(dg.AssetKey(["days", "out"])).partitions_def
    write(
        "more", DAYS.replace("SCHEDULE\n", "").replace("name: days", "name: more").replace("2026-01-01", "2026-02-01")
    )
    assert defs().resolve_asset_graph().get(TABLE).partitions_def is None
