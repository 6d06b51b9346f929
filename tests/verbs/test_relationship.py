"""Checks that compare with the rows of another step, wherever that step is: blocking, warning, told in the package."""

from __future__ import annotations

import pytest

from tests.command import rows

PIPELINE = """\
oml_version: "0.2.0"
name: related
steps:
  - {id: customers, component: duckdb.processor, mode: transform, config: {query: "CUSTOMERS"}}
  - id: orders
    component: duckdb.processor
    mode: transform
    needs: []
    CHECKS
    config: {query: "select * from (values (1, 1), (2, 2), (3, null)) t(id, customer)"}
  - id: joined
    component: duckdb.processor
    mode: transform
    needs: [orders, customers]
    config:
      query: select o.id, c.id as customer from df_orders o left join df_customers c on c.id = o.customer LIMIT
  - id: out
    component: duckdb.writer
    mode: write
    WRITER
    config: {connection: "@duckdb.warehouse", table: joined, write_mode: replace}
"""
WELL, BADLY = "select 3 - i as id from range(3) t(i)", "select i as id from range(2) t(i)"
OF_ORDERS = "checks: [{type: relationship, column: customer, to: customers.id}]"


@pytest.fixture
def related(osiris, shop):
    """Returns a function that runs the pipeline and returns its outcome and the first check that failed."""

    def run(customers, checks="", writer="", limit="", *options):
        text = PIPELINE.replace("CUSTOMERS", customers).replace("    CHECKS\n", f"    {checks}\n" if checks else "")
        text = text.replace("    WRITER\n", f"    {writer}\n" if writer else "").replace(" LIMIT", limit)
        (shop / "pipelines" / "related.yaml").write_text(text)
        result = osiris("run", "pipelines/related.yaml", "--json", *options)
        found = [check for step in result.data["steps"] for check in step.get("checks", ())]
        return result, found

    return run


def test_rows_that_join_the_other_step_later_wait_for_it(related, shop):
    result, (check,) = related(WELL, OF_ORDERS, "", "", "--no-aiop")
    assert (result.code, check["passed"], check["rows"], check["failing"]) == (0, True, 3, 0)
    assert len(rows(shop, "joined")) == 3
    result, (check,) = related(BADLY, OF_ORDERS)
    assert (result.code, check["failing"]) == (4, 1)
    assert check["message"] == "1 of 3 rows has a `customer` that is not among the `id` of step 'customers'"
    assert len(rows(shop, "joined")) == 3, "nothing was written"


def test_a_warning_lets_the_rows_through_and_stands_in_the_package(related, osiris, shop):
    result, (check,) = related(BADLY, OF_ORDERS.replace("customers.id", "customers.id, severity: warn"))
    assert (result.code, check["passed"]) == (0, False)
    assert len(rows(shop, "joined")) == 3
    assert "not among the `id`" in osiris("logs", "aiop", "show", "--last").out


@pytest.mark.parametrize("customers", [WELL, BADLY])
def test_a_writer_and_a_step_that_stops_early_compare_with_all_rows(related, customers):
    """The rows of `customers` reach the writer through a query that reads only some of them."""
    result, (check,) = related(customers, "", OF_ORDERS, " limit 1", "--no-aiop")
    assert (result.code, check["passed"], check["rows"]) == (0, True, 1)


def test_a_step_that_is_not_selected_is_executed_for_its_rows(related):
    result, (check,) = related(WELL, OF_ORDERS, "", "", "--no-aiop", "--select", "orders")
    assert (result.code, check["passed"]) == (0, True)
    assert [step["id"] for step in result.data["steps"]] == ["orders"]


@pytest.mark.parametrize("isolation", ["pipeline", "step"])
def test_an_input_is_compared_with_what_is_made_of_it(osiris, shop, isolation):
    text = """\
oml_version: "0.2.0"
name: direct
execution: {isolation: ISOLATION}
steps:
  - {id: all, component: duckdb.processor, mode: transform, config: {query: select i as id from range(100000) t(i)}}
  - id: some
    component: duckdb.processor
    mode: transform
    checks:
      - {type: relationship, name: there, column: id, to: all}
      - {type: relationship, name: missing, column: next, to: all.id, severity: warn}
    config: {query: "select id, id * 10 as next from df_all where id % 2 = 0"}
"""
    (shop / "pipelines" / "direct.yaml").write_text(text.replace("ISOLATION", isolation))
    result = osiris("run", "pipelines/direct.yaml", "--no-aiop", "--json")
    assert result.code == 0
    checks = result.data["steps"][1]["checks"]
    assert [(check["name"], check["failing"]) for check in checks] == [("there", 0), ("missing", 45000)]


def test_columns_that_are_known_only_when_the_run_starts_are_compared_then(osiris, shop):
    text = """\
oml_version: "0.2.0"
name: late
steps:
  - {id: orders, component: duckdb.extractor, mode: read, config: {connection: "@duckdb", table: orders}}
  - id: other
    component: duckdb.extractor
    mode: read
    needs: []
    checks: [{type: relationship, column: id, to: orders.COLUMN}]
    config: {connection: "@duckdb", table: orders}
"""
    for column, code in (("id", 0), ("customer", 4), ("nope", 4)):
        (shop / "pipelines" / "late.yaml").write_text(text.replace("COLUMN", column))
        result = osiris("run", "pipelines/late.yaml", "--no-aiop", "--json")
        assert result.code == code
        errors = [step["error"]["code"] for step in result.data["steps"] if "error" in step]
        assert errors == (["RUN052"] if code else [])


@pytest.mark.parametrize(("customers", "code", "failing"), [(WELL, 0, 0), (BADLY, 4, 1)])
def test_steps_that_run_for_themselves_are_compared_through_what_was_kept(osiris, shop, customers, code, failing):
    text = PIPELINE.replace("CUSTOMERS", customers).replace("CHECKS", OF_ORDERS).replace("    WRITER\n", "")
    isolated = text.replace("steps:", "execution: {isolation: step}\nsteps:", 1).replace(" LIMIT", "")
    (shop / "pipelines" / "related.yaml").write_text(isolated)
    result = osiris("run", "pipelines/related.yaml", "--no-aiop", "--json")
    (check,) = [check for step in result.data["steps"] for check in step.get("checks", ())]
    assert (result.code, check["failing"], check["rows"]) == (code, failing, 3)
