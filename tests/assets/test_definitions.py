import dagster as dg
import pytest

from osiris_dagster.definitions import defs
from tests.conftest import FAILING, REPORT, SHOP


def load():
    return defs()


def graph(definitions):
    return definitions.resolve_asset_graph()


def key(*parts):
    return dg.AssetKey(list(parts))


def test_two_pipelines_are_one_graph_through_the_table_they_share(write):
    write("shop", SHOP)
    write("report", REPORT)
    assets = graph(load())
    totals = key("duckdb", "warehouse", "main", "totals")
    assert assets.get(totals).parent_keys == {key("shop-daily", "totals")}
    assert assets.get(key("report", "totals")).parent_keys == {totals, key("shop-daily", "totals")}
    assert assets.get(key("shop-daily", "orders")).parent_keys == {key("duckdb", "ops", "main", "orders")}
    assert key("report", "out") in assets.get(key("duckdb", "warehouse", "main", "best")).parent_keys


def test_a_step_shows_what_the_oml_says(write, project):
    path = write("shop", SHOP)
    node = graph(load()).get(key("shop-daily", "orders"))
    assert node.group_name == "shop_daily"
    assert node.kinds == {"duckdb"}
    assert set(node.owners) == {"data@example.com", "team:sales"}
    assert node.tags["domain"] == "sales"
    assert "All orders." in node.description
    reference = node.metadata["dagster/code_references"].code_references[0]
    assert (reference.file_path, reference.line_number) == (str(path), 8)


def test_a_step_whose_name_dagster_cannot_hold_gets_a_stable_key(write):
    write("shop", SHOP)
    keys = [k for k in graph(load()).get_all_asset_keys() if k.path[0] == "shop-daily"]
    assert sorted(k.path[1] for k in keys) == ["orders", "per_customer-f2042c26", "totals"]


def test_every_pipeline_has_a_job_and_an_asset_for_its_packages(write):
    write("shop", SHOP)
    write("failing", FAILING)
    definitions = load()
    assert definitions.resolve_job_def("shop_daily_job").executor_def.name == "in_process"
    assert definitions.resolve_job_def("failing_job").tags["osiris/pipeline"] == "failing"
    assert graph(definitions).get(key("aiop", "failing")).parent_keys == {
        key("failing", "after"),
        key("failing", "other"),
    }


def test_a_resource_shows_each_family_and_holds_no_secret(write):
    write("shop", SHOP)
    resources = load().resources
    assert resources["osiris_duckdb"].family == "duckdb"
    used = graph(load()).get(key("shop-daily", "orders")).assets_def.required_resource_keys
    assert used >= {"osiris_duckdb"}


def test_a_broken_file_shows_itself_and_leaves_the_others(write):
    write("shop", SHOP)
    write("broken", SHOP.replace("duckdb.extractor", "duckdb.extractr").replace("shop-daily", "other"))
    definitions = load()
    assets = graph(definitions)
    node = assets.get(key("osiris_broken", "pipelines", "broken.yaml"))
    assert "duckdb.extractr" in node.description
    assert "duckdb.extractor" in node.description
    assert assets.has(key("shop-daily", "orders"))
    assert not assets.has(key("other", "orders"))
    assert [c.name for c in assets.asset_check_keys] == ["compiles"]


def test_names_that_meet_in_dagster_are_refused_in_both_files(write):
    write("one", SHOP)
    write("two", SHOP.replace("name: shop-daily", "name: shop_daily"))
    broken = [k.path for k in graph(load()).get_all_asset_keys() if k.path[0] == "osiris_broken"]
    assert sorted(broken) == [["osiris_broken", "pipelines", f"{n}.yaml"] for n in ("one", "two")]


def test_a_table_read_and_written_by_one_pipeline_still_loads(write):
    write("self", SHOP.replace("@duckdb.warehouse", "@duckdb.ops").replace("table: totals", "table: orders"))
    assets = graph(load())
    node = assets.get(key("duckdb", "ops", "main", "orders"))
    assert node.parent_keys == set()
    assert node.metadata["osiris/also_written_by"] == "shop-daily/totals"


def test_an_empty_project_loads(project):
    assert [s.name for s in load().sensors] == [
        "osiris_on_success",
        "osiris_on_failure",
        "osiris_on_canceled",
        "osiris_reconcile",
        "osiris_export",
    ]


def test_a_run_worker_uses_the_manifests_that_the_code_server_saw(write, project):
    from dagster._core.definitions.definitions_load_context import DefinitionsLoadContext, DefinitionsLoadType

    from osiris_dagster import definitions as location

    path = write("shop", SHOP)
    context = DefinitionsLoadContext(DefinitionsLoadType.INITIALIZATION)
    with DefinitionsLoadContext.scoped(context):
        before = graph(load()).get(key("shop-daily", "orders")).metadata["osiris/manifest"]
    path.write_text("no: longer\nvalid: [", encoding="utf-8")

    class Saved:
        reconstruction_metadata = context.get_pending_reconstruction_metadata()
        defs_state_info = None
        code_location_name = "here"

    location._initialized.clear()  # a run worker is another process
    again = DefinitionsLoadContext(DefinitionsLoadType.RECONSTRUCTION, Saved())
    with DefinitionsLoadContext.scoped(again):
        after = graph(load())
    assert after.get(key("shop-daily", "orders")).metadata["osiris/manifest"] == before
    assert not [k for k in after.get_all_asset_keys() if k.path[0] == "osiris_broken"]


@pytest.mark.parametrize("fixed", [False, True])
def test_the_check_of_a_broken_file_compiles_it_as_it_is_now(write, instance, fixed):
    path = write("broken", SHOP.replace("duckdb.extractor", "duckdb.extractr"))
    definitions = load()
    if fixed:
        path.write_text(SHOP, encoding="utf-8")
    selection = dg.AssetSelection.all_asset_checks()
    job = dg.Definitions(
        assets=definitions.assets,
        asset_checks=definitions.asset_checks,
        resources=definitions.resources,
        jobs=[dg.define_asset_job("check", selection=selection, executor_def=dg.in_process_executor)],
    ).resolve_job_def("check")
    result = job.execute_in_process(instance=instance, raise_on_error=False)
    assert [e.passed for e in result.get_asset_check_evaluations()] == [fixed]
