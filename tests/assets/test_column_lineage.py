"""Column lineage as Dagster has it: from the last column of one pipeline to the source columns of another."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import duckdb
import pytest
import yaml

from osiris_dagster.definitions import defs
from tests.command import exit_code
from tests.conftest import SHOP

CASES = yaml.safe_load(Path(__file__).with_name("lineage_cases.yaml").read_text("utf-8"))
LINEAGE = "dagster/column_lineage"
FIRST = """\
oml_version: "0.2.0"
name: first
steps:
  - {{id: orders, component: duckdb.extractor, mode: read, config: {{connection: "@duckdb.ops", table: orders}}}}
  - id: people
    component: duckdb.extractor
    mode: read
    needs: []
    config: {{connection: "@duckdb.ops", query: "select id as id, name as name from people"}}
  - id: q
    component: duckdb.processor
    mode: transform
    needs: [orders, people]
    config: {{query: {query}}}
  - {{id: out, component: duckdb.writer, mode: write, config: {{connection: "@duckdb.warehouse", table: t}}}}
"""
SECOND = """\
oml_version: "0.2.0"
name: second
steps:
  - {id: again, component: duckdb.extractor, mode: read, config: {connection: "@duckdb.warehouse", table: t}}
  - {id: out, component: filesystem.csv_writer, mode: write, config: {path: output/t.csv}}
"""


@pytest.fixture
def sources(project):
    with duckdb.connect(project.root / "data/ops.duckdb") as ops:
        ops.execute("create or replace table orders (id int, customer int, amount decimal(8,2), day date)")
        ops.execute("create table people (id int, name varchar)")
    return project


def lineage_graph():
    """Return every (asset, column) with the columns before it, as Dagster's metadata has them."""
    graph = defs().resolve_asset_graph()
    return {
        (key.to_user_string(), column): [(dep.asset_key.to_user_string(), dep.column_name) for dep in deps]
        for key in graph.get_all_asset_keys()
        if (found := graph.get(key).metadata.get(LINEAGE))
        for column, deps in found.deps_by_column.items()
    }


def sources_of(node, lineage):
    if node[0].startswith("duckdb/ops/"):
        return {f"{node[0].rpartition('/')[2]}.{node[1]}"}
    return {source for dep in lineage[node] for source in sources_of(dep, lineage)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_columns_are_followed_from_pipeline_to_pipeline(case, sources, write):
    write("first", FIRST.format(query=yaml.safe_dump(case["query"], default_style='"', width=9999).strip()))
    write("second", SECOND)
    with duckdb.connect(sources.root / "data/warehouse.duckdb") as warehouse:
        warehouse.execute(f"create table t ({', '.join(f'{name} int' for name in case['reaches'])})")
    assert exit_code("compile", "--online", "pipelines") == 0
    lineage = lineage_graph()
    columns = sorted(column for asset, column in lineage if asset == "second/again")
    assert {column: sorted(sources_of(("second/again", column), lineage)) for column in columns} == {
        column: sorted(reached) for column, reached in case["reaches"].items()
    }


def test_each_column_of_a_step_and_a_table_says_in_words_where_it_comes_from(write):
    write("shop", SHOP)
    assert exit_code("compile", "--online", "pipelines") == 0
    graph = defs().resolve_asset_graph()
    for path in (["shop-daily", "totals"], ["duckdb", "warehouse", "main", "totals"]):
        columns = graph.get(dg.AssetKey(path)).metadata["dagster/column_schema"].columns
        assert {column.name: column.description for column in columns} == {
            "customer": "duckdb/ops/main/orders.customer",
            "total": "aggregation of duckdb/ops/main/orders.amount",
        }


def test_steps_of_unknown_columns_have_no_lineage_and_load(write):
    write("shop", SHOP)
    assert lineage_graph() == {}


def test_a_run_leaves_the_lineage_with_its_steps_and_its_target(write, instance):
    write("shop", SHOP)
    assert exit_code("compile", "--online", "pipelines") == 0
    assert exit_code("run", "--no-aiop", "pipelines/shop.yaml") == 0
    found = {}
    for path in (["shop-daily", "orders"], ["duckdb", "warehouse", "main", "totals"]):
        event = instance.get_latest_materialization_event(dg.AssetKey(path))
        deps = event.asset_materialization.metadata[LINEAGE].column_lineage.deps_by_column
        found[path[-1]] = {name: [(d.asset_key.path[-2:], d.column_name) for d in of] for name, of in deps.items()}
    assert found["orders"]["amount"] == [(["main", "orders"], "amount")]
    assert found["totals"]["total"] == [(["shop-daily", "totals"], "total")]
