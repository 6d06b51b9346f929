"""`run --retry` goes on where a run failed, `run --select` runs some steps; neither does more than it says."""

from __future__ import annotations

import pytest

from tests.command import rows

TWO_TARGETS = """\
oml_version: "0.2.0"
name: two-targets
params: {word: {default: first}, least: {default: 0}}
steps:
  - {id: orders, component: duckdb.extractor, mode: read, config: {connection: "@duckdb", table: orders}}
  - id: well
    component: duckdb.writer
    mode: write
    needs: [orders]
    config: {connection: "@duckdb.warehouse", table: well, write_mode: append}
  - id: cast
    component: duckdb.processor
    mode: transform
    needs: [orders]
    config: {query: "select customer::int as n, '${params.word}' as word from df_orders where id >= ${params.least}"}
  - id: badly
    component: duckdb.writer
    mode: write
    needs: [cast]
    config: {connection: "@duckdb.warehouse", table: badly, write_mode: append}
"""
FILE = "pipelines/two-targets.yaml"


@pytest.fixture
def failed(osiris, shop):
    """A run whose writer `well` committed and whose step `cast` failed; then the SQL was corrected."""
    path = shop / FILE
    path.write_text(TWO_TARGETS)
    run = osiris("run", FILE, "--no-aiop", "--param", "word=given", "--json")
    assert run.code == 4
    assert len(rows(shop, "well")) == 3
    path.write_text(TWO_TARGETS.replace("customer::int", "length(customer)"))
    return run.data["run_id"]


def statuses(result):
    return {step["id"]: step["status"] for step in result.data["steps"]}


@pytest.mark.parametrize("how", [["--retry", "last"], ["--retry", "last", FILE], ["--retry", "RUN"]])
def test_a_retry_runs_what_did_not_end_well_and_nothing_else(osiris, shop, failed, how):
    result = osiris("run", *(failed if word == "RUN" else word for word in how), "--json")
    assert result.code == 0
    assert statuses(result) == {"cast": "completed", "badly": "completed"}
    assert len(rows(shop, "well")) == 3
    assert rows(shop, "badly") == [(3, "given")] * 3, "the parameter of the run it goes on with"


def test_the_package_says_which_run_it_goes_on_with(osiris, shop, failed):
    osiris("run", "--retry", "last")
    assert f"It follows run {failed}" in osiris("logs", "aiop", "--last").out


def test_a_parameter_that_is_given_again_counts(osiris, shop, failed):
    assert osiris("run", "--retry", failed[:8], "--param", "word=other", "--no-aiop").code == 0
    assert rows(shop, "badly") == [(3, "other")] * 3


def test_a_step_that_was_added_since_runs_too(osiris, shop, failed):
    path = shop / FILE
    config = "{connection: '@duckdb.warehouse', table: more}"
    more = f"  - {{id: more, component: duckdb.writer, mode: write, needs: [cast], config: {config}}}\n"
    path.write_text(path.read_text() + more)
    assert statuses(osiris("run", "--retry", "last", "--no-aiop", "--json")).keys() == {"cast", "badly", "more"}


def test_a_retry_of_a_retry_goes_on_from_there(osiris, shop, failed):
    path = shop / FILE
    path.write_text(path.read_text().replace("length(customer)", "customer::int"))
    assert osiris("run", "--retry", "last", "--no-aiop").code == 4
    path.write_text(path.read_text().replace("customer::int", "length(customer)"))
    assert osiris("run", "--retry", "last", "--no-aiop").code == 0
    assert (len(rows(shop, "well")), len(rows(shop, "badly"))) == (3, 3)


def test_a_run_that_ended_well_is_not_retried(osiris, shop):
    osiris("run", "pipelines/shop.yaml", "--no-aiop")
    result = osiris("run", "--retry", "last", "--json")
    assert (result.code, result.codes) == (2, ["CLI002"])
    assert "osiris run pipelines/shop.yaml" in result.data["diagnostics"][0]["fix"]


@pytest.mark.parametrize("how", [["--retry", "nope"], ["--retry", "last"], ["--retry", "last", "pipelines/shop.yaml"]])
def test_without_such_a_run_there_is_nothing_to_retry(osiris, shop, how):
    result = osiris("run", *how, "--json")
    assert (result.code, result.codes) == (2, ["RUN030"])


@pytest.mark.parametrize("how", [[], ["--select", "out"], ["--retry", "last", "--select", "out"]])
def test_a_call_that_does_not_say_what_to_run_is_refused(osiris, shop, how):
    result = osiris("run", *how, "--json")
    assert (result.code, result.codes) == (2, ["CLI002"])


def test_only_the_selected_steps_are_recorded(osiris, shop):
    result = osiris("run", "pipelines/shop.yaml", "--select", "out", "--no-aiop", "--json")
    assert statuses(result) == {"out": "completed"}
    assert len(rows(shop, "totals")) == 2


def test_an_unknown_step_is_answered_with_the_nearest(osiris, shop):
    result = osiris("run", "pipelines/shop.yaml", "--select", "total", "--json")
    assert (result.code, result.codes) == (2, ["CLI002"])
    assert "totals" in result.data["diagnostics"][0]["fix"]
