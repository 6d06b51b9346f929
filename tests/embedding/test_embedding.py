"""Osiris inside of a location that has other things in it: what may be changed, and what is refused."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest
from dagster._core.definitions.definitions_load_context import DefinitionsLoadContext, DefinitionsLoadType
from dagster_shared.libraries import DagsterLibraryRegistry

import osiris_dagster
from osiris_dagster import (
    DagsterOsirisTranslator,
    OsirisDriver,
    osiris_assets,
    osiris_definitions,
    osiris_pipeline,
    osiris_resources,
    osiris_sensors,
)
from osiris_dagster.errors import ConfigError
from osiris_dagster.runs.read import read_run
from tests.conftest import REPORT, SHOP

SYNC = """\
oml_version: "0.2.0"
name: {name}
schedule: {{on: update}}
steps:
  - {{id: a, component: duckdb.extractor, mode: read, config: {{connection: "@duckdb", table: {source}}}}}
  - {{id: b, component: duckdb.writer, mode: write, config: {{connection: "@duckdb", table: {target}}}}}
"""
ORDERS = dg.AssetKey(["duckdb", "ops", "main", "orders"])
PUBLIC = [name for name in osiris_dagster.__all__ if name != "__version__"]


class Channel(dg.ConfigurableResource):
    file: str

    def say(self, text: str) -> None:
        with Path(self.file).open("a") as out:
            out.write(text + "\n")


def located(definitions, name, instance, **options):
    return definitions.resolve_job_def(name).execute_in_process(instance=instance, **options)


def test_a_location_merges_with_hand_written_assets_that_stand_for_tables(write, project):
    @dg.asset(key=ORDERS, group_name="till")
    def orders():
        """Fill the table that the pipeline reads."""

    @dg.asset(deps=[dg.AssetKey(["duckdb", "warehouse", "main", "totals"])])
    def letter():
        """Read the table that the pipeline writes."""

    write("shop", SHOP)
    own = dg.Definitions(assets=[orders, letter])
    graph = dg.Definitions.merge(own, osiris_definitions(provided=[ORDERS])).resolve_asset_graph()
    assert graph.get(ORDERS).group_name == "till"
    assert graph.get(dg.AssetKey(["shop-daily", "orders"])).parent_keys == {ORDERS}
    ancestors = graph.get_ancestor_asset_keys(dg.AssetKey("letter"))
    assert dg.AssetKey(["shop-daily", "totals"]) in ancestors


def test_cycles_of_tables_leave_the_automation_of_others_alone(write, instance):
    @dg.asset(
        deps=[dg.AssetKey(["duckdb", "ops", "main", "totals"])],
        automation_condition=dg.AutomationCondition.any_deps_updated(),
    )
    def letter():
        """Wait for a table that nobody updates in a circle."""

    for name, source, target in (("self", "t", "t"), ("there", "x", "y"), ("back", "y", "x"), ("sum", "u", "totals")):
        write(name, SYNC.format(name=name, source=source, target=target))
    merged = dg.Definitions.merge(dg.Definitions(assets=[letter]), osiris_definitions())

    def asked(cursor):
        result = dg.evaluate_automation_conditions(merged, instance, cursor=cursor)
        keys = [dg.AssetKey("letter"), *(dg.AssetKey([p, s]) for p in ("self", "there", "back", "sum") for s in "ab")]
        return result.cursor, {key.to_user_string() for key in keys if result.get_num_requested(key)}

    cursor, _ = asked(None)
    for table, started in (("u", {"sum/a", "sum/b"}), ("totals", {"letter"})):
        instance.report_runless_asset_event(dg.AssetMaterialization(["duckdb", "ops", "main", table]))
        cursor, found = asked(cursor)
        assert found == started
    assert asked(cursor)[1] == set()


def test_a_decorated_function_runs_a_pipeline_with_resources_of_its_own(write, project, instance):
    write("shop", SHOP)
    shop = osiris_pipeline("pipelines/shop.yaml")

    @osiris_assets(shop)
    def shop_assets(context: dg.AssetExecutionContext, channel: Channel):
        channel.say("begins")
        for result in shop.run(context):
            channel.say(result.asset_key.path[-1])
            yield result

    resources = {**osiris_resources(), "channel": Channel(file=str(project.root / "said"))}
    definitions = dg.Definitions(
        assets=[shop_assets],
        jobs=[dg.define_asset_job("all", executor_def=dg.in_process_executor)],
        sensors=osiris_sensors(shop),
        resources=resources,
    )
    ended = located(definitions, "all", instance)
    assert ended.success
    assert (project.root / "said").read_text().split() == ["begins", "orders", "per_customer-f2042c26", "totals"]
    (record,) = read_run(instance, project, ended.run_id)
    assert (record.pipeline, [step.status for step in record.steps]) == ("shop-daily", ["completed"] * 3)
    assert {sensor.name for sensor in definitions.sensors} >= {"osiris_export", "osiris_reconcile"}


def test_steps_that_run_for_themselves_are_ops_of_a_location_but_no_decorated_function(write, project, instance):
    write("shop", SHOP.replace("steps:", "execution: {isolation: step}\nsteps:", 1))
    with pytest.raises(ConfigError, match="one function cannot be all of them") as told:
        osiris_assets(osiris_pipeline("pipelines/shop.yaml"))
    assert told.value.diagnostics[0].code == "RUN094"
    definitions = osiris_definitions()
    assert len(definitions.resolve_job_def("shop_daily_job").nodes) == 3
    assert located(definitions, "shop_daily_job", instance).success


def test_a_part_of_a_decorated_pipeline_can_be_selected(write, project, instance):
    write("shop", SHOP)
    shop = osiris_pipeline("pipelines/shop.yaml")

    @osiris_assets(shop)
    def shop_assets(context: dg.AssetExecutionContext):
        yield from shop.run(context)

    job = dg.define_asset_job("one", selection=[dg.AssetKey(["shop-daily", "orders"])])
    ended = located(dg.Definitions(assets=[shop_assets], jobs=[job], resources=osiris_resources()), "one", instance)
    assert [e.asset_key.path for e in ended.get_asset_materialization_events()] == [["shop-daily", "orders"]]


def test_a_worker_gets_the_decorated_pipeline_that_the_code_server_saw(write, project):
    path = write("shop", SHOP)
    context = DefinitionsLoadContext(DefinitionsLoadType.INITIALIZATION)
    with DefinitionsLoadContext.scoped(context):
        before = osiris_pipeline("pipelines/shop.yaml").manifest.hash
    path.write_text("half: [edited")
    saved = SimpleNamespace(reconstruction_metadata=context.get_pending_reconstruction_metadata(), defs_state_info=None)
    with DefinitionsLoadContext.scoped(DefinitionsLoadContext(DefinitionsLoadType.RECONSTRUCTION, saved)):
        assert osiris_pipeline("pipelines/shop.yaml").manifest.hash == before


def test_a_decorated_pipeline_that_does_not_compile_says_why(write):
    write("shop", SHOP.replace("duckdb.extractor", "duckdb.extractr"))
    with pytest.raises(dg.DagsterInvalidDefinitionError, match=r"did you mean `duckdb\.extractor`") as caught:
        osiris_pipeline("pipelines/shop.yaml")
    assert "pipelines/shop.yaml:9:16" in str(caught.value)


class Renaming(DagsterOsirisTranslator):
    def get_asset_spec(self, data):
        return super().get_asset_spec(data).replace_attributes(key=["mine", data.step.id])


def test_a_translator_that_changes_a_key_is_refused(write):
    write("report", REPORT)
    with pytest.raises(ConfigError) as caught:
        osiris_definitions(translator=Renaming())
    first = caught.value.first
    assert (first.code, first.found, first.expected) == ("CFG069", "mine/totals", "report/totals")


def test_a_driver_resource_that_there_is_not_is_refused(write):
    write("report", REPORT)
    with pytest.raises(ConfigError, match="CFG069 there is no driver resource 'osiris_duckbd'"):
        osiris_definitions(resources={"osiris_duckbd": OsirisDriver(family="duckdb")})


def test_public_names_load_when_they_are_asked_for():
    said = "import osiris_dagster, sys; assert 'dagster' not in sys.modules; print(*dir(osiris_dagster))"
    names = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True).stdout.split()
    assert set(PUBLIC) <= set(names)
    assert all(getattr(osiris_dagster, name).__name__ == name for name in PUBLIC)
    stub = Path(osiris_dagster.__file__).with_suffix(".pyi").read_text()
    assert sorted(re.findall(r" as (\w+)", stub)) == sorted(PUBLIC)
    with pytest.raises(AttributeError, match="osiris_asset"):
        osiris_dagster.osiris_asset  # noqa: B018 - asking is the test


def test_dagster_knows_the_version_of_the_library():
    assert DagsterLibraryRegistry.get()["osiris-dagster"] == osiris_dagster.__version__
