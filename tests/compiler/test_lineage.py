"""What columns are made of: single queries as data, and whole pipelines back to the tables outside."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from osiris_dagster.compiler.bind import _at_once, _in_full, bind
from osiris_dagster.compiler.lineage import ColumnLineage, back_to_datasets
from osiris_dagster.compiler.source_lineage import source_lineage
from osiris_dagster.sql.duckdb_reader import locked_database
from osiris_dagster.sql.sqlglot_reader import path_of, read_statement
from tests.compiler.compiling import compiled, lock_for
from tests.compiler.test_bind import CASES as BIND_CASES
from tests.compiler.test_bind import INPUTS

HERE = Path(__file__).parent
CASES = yaml.safe_load((HERE / "lineage_cases.yaml").read_text("utf-8"))
SOURCE_CASES = yaml.safe_load((HERE / "source_lineage_cases.yaml").read_text("utf-8"))
PIPELINE = """\
oml_version: "0.2.0"
name: p
steps:
  - id: orders
    component: duckdb.extractor
    mode: read
    config: {connection: "@duckdb.ops", query: "select o.id, o.amount * o.rate as value, o.day from sales.orders o"}
  - {id: people, component: filesystem.csv_extractor, mode: read, needs: [], config: {path: in/people.csv}}
  - id: joined
    component: duckdb.processor
    mode: transform
    needs: [orders, people]
    config: {query: "select * exclude (day), upper(name) as shown from df_orders join df_people using (id)"}
  - id: totals
    component: duckdb.processor
    mode: transform
    config: {query: "select shown as who, sum(value) as total, count(*) as n from df_joined group by all"}
  - {id: out, component: duckdb.writer, mode: write, config: {connection: "@duckdb.warehouse", table: totals}}
"""
LOCKED = {
    "orders": {"id": "int64", "value": "float64", "day": "date"},
    "people": {"id": "int64", "name": "string"},
}


def words(column: ColumnLineage) -> str:
    """Return the lineage of a column as the cases have it: `identity a.id b.id`."""
    sources = (f"{source.step or '/'.join(source.dataset)}.{source.column}" for source in column.sources)
    return " ".join([column.kind, *sources])


def shown(lineage: tuple[ColumnLineage, ...] | None) -> dict[str, str] | None:
    return None if lineage is None else {column.column: words(column) for column in lineage}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_query_of_a_step_says_what_its_columns_are_made_of(case):
    assert shown(bind(case["query"], INPUTS).lineage) == case["lineage"]


@pytest.mark.parametrize("case", SOURCE_CASES, ids=lambda case: case["name"])
def test_a_query_of_a_source_says_what_is_certain(case):
    dialect = case["dialect"]
    tree = read_statement(case["query"], dialect)
    found = source_lineage(tree, case.get("columns"), lambda t: path_of(t, dialect), dialect)
    assert shown(found) == (None if "unknown" in case else case["lineage"])


@pytest.mark.parametrize("case", [*CASES, *(c for c in BIND_CASES if "fault" not in c)], ids=lambda case: case["name"])
def test_columns_and_lineage_have_the_same_names_in_the_same_order(case):
    bound = bind(case["query"], INPUTS)
    assert bound.lineage is not None
    assert [column.column for column in bound.lineage] == [column.name for column in bound.columns]


def test_the_short_way_to_bind_says_what_the_full_one_does():
    plain = [(item, tuple(column for column in columns if "<" not in column.type)) for item, columns in INPUTS]
    queries = [case["query"] for case in [*CASES, *BIND_CASES] if "fault" not in case and "tags" not in case["query"]]
    differing, short = {}, 0
    for query in queries:
        at_once, in_full = _at_once(locked_database(), query, plain), _in_full(locked_database(), query, plain)
        short += at_once is not None
        if at_once is None:
            continue
        # An optimiser may find that an input need not be read at all; one more scan than there is does no harm.
        fewer = all(in_full.scans[step] <= scans <= 1 for step, scans in at_once.scans.items())
        if (at_once.columns, at_once.lineage, fewer) != (in_full.columns, in_full.lineage, True):
            differing[query] = (at_once, in_full)
    assert differing == {}
    assert short > len(queries) / 2


def test_the_columns_of_a_target_are_followed_to_the_tables_and_files_outside():
    manifest = compiled(PIPELINE, lock=lock_for(PIPELINE, LOCKED)).manifest
    whole = back_to_datasets({step.id: step.lineage for step in manifest.steps})
    orders = "duckdb/ops/sales/orders"
    assert shown(whole["out"]) == {
        "who": "transformation file/in/people.csv.name",
        "total": f"aggregation {orders}.amount {orders}.rate",
        "n": "aggregation",
    }
    assert shown(manifest.step("out").lineage) == {
        "who": "identity totals.who",
        "total": "identity totals.total",
        "n": "identity totals.n",
    }


def test_a_way_through_something_unknown_is_unknown():
    text = PIPELINE.replace(
        "select o.id, o.amount * o.rate as value, o.day from sales.orders o", "from a join b using (i)"
    )
    manifest = compiled(text, lock=lock_for(text, LOCKED)).manifest
    whole = back_to_datasets({step.id: step.lineage for step in manifest.steps})
    assert shown(manifest.step("orders").lineage) == dict.fromkeys(("id", "value", "day"), "unknown")
    assert shown(whole["out"]) == {
        "who": "transformation file/in/people.csv.name",
        "total": "unknown",
        "n": "aggregation",
    }


def test_without_the_columns_of_a_source_the_steps_behind_it_have_no_lineage_and_compile():
    manifest = compiled(PIPELINE).manifest
    assert shown(manifest.step("orders").lineage) == {
        "id": "identity duckdb/ops/sales/orders.id",
        "value": "transformation duckdb/ops/sales/orders.amount duckdb/ops/sales/orders.rate",
        "day": "identity duckdb/ops/sales/orders.day",
    }
    assert [manifest.step(step).lineage for step in ("people", "joined", "totals", "out")] == [None] * 4


def test_columns_that_are_picked_from_a_query_keep_their_own_lineage():
    text = PIPELINE.replace('o.day from sales.orders o"', 'o.day from sales.orders o", columns: [day, ID, more]')
    assert shown(compiled(text).manifest.step("orders").lineage) == {
        "day": "identity duckdb/ops/sales/orders.day",
        "ID": "identity duckdb/ops/sales/orders.id",
        "more": "unknown",
    }


def test_columns_of_a_table_are_those_that_the_step_names():
    text = PIPELINE.replace(
        'query: "select o.id, o.amount * o.rate as value, o.day from sales.orders o"',
        "table: orders, columns: [id, day]",
    )
    assert shown(compiled(text).manifest.step("orders").lineage) == {
        "id": "identity duckdb/ops/main/orders.id",
        "day": "identity duckdb/ops/main/orders.day",
    }


def test_a_query_that_duckdb_cannot_plan_as_data_compiles_without_lineage():
    query = "with recursive r(a, b) using key (a) as (select id, amount from df_a union select a, b from r where a > 3)"
    bound = bind(f"{query} select * from r", INPUTS)
    assert [column.name for column in bound.columns] == ["a", "b"]
    assert bound.lineage is None
    assert bind("select id from df_a", INPUTS).lineage is not None  # nothing is left behind
