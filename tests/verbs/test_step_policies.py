"""`retry` and `timeout` as a user meets them: through `osiris run`, Dagster's log and the package of the run."""

import json

import duckdb
import pytest

from tests.command import rows

PIPELINE = """\
oml_version: "0.2.0"
name: late
steps:
  - {id: feed, component: duckdb.extractor, mode: read, config: {connection: "@duckdb", table: orders}}
  - id: sums
    component: duckdb.processor
    mode: transform
    POLICY
    config: {query: "QUERY"}
  - id: load
    component: duckdb.writer
    mode: write
    config: {connection: "@duckdb.warehouse", table: sums, write_mode: append}
"""
FAILS = "select cast('NA' as int) + count(*) as n from df_feed"
ENDLESS = "select count(*) as n from df_feed, range(100000000) a, range(100000000) b where a.range * b.range = 3"


@pytest.fixture
def late(osiris, shop):
    def run(policy, query):
        text = PIPELINE.replace("POLICY", policy).replace("QUERY", query)
        (shop / "pipelines" / "late.yaml").write_text(text)
        return osiris("run", "pipelines/late.yaml", "--json")

    return run


def package(shop):
    return max((shop / "aiop" / "late").glob("*/core.jsonld"), key=lambda path: path.stat().st_mtime_ns)


def timeline(shop):
    return json.loads(package(shop).read_text())["evidence"]["timeline"]


def test_every_failed_attempt_is_in_the_package_and_on_the_run_card(late, shop):
    result = late("retry: {attempts: 2, delay: 0, on: [permanent]}", FAILS)
    assert result.code == 4
    retries = [event for event in timeline(shop) if event["type"] == "step_retry"]
    assert [event["log_message"].partition(" failed")[0] for event in retries] == ["attempt 1", "attempt 2"]
    assert {event["verifies"] for event in retries} == {"r:step/sums"}
    card = (package(shop).parent / "run-card.md").read_text()
    assert "at attempt 3" in card
    assert "attempt 1 failed" in card
    warehouse = shop / "data" / "warehouse.duckdb"
    with duckdb.connect(warehouse) as session:
        assert session.sql("select 1 from duckdb_tables() where table_name = 'sums'").fetchall() == []


def test_a_query_that_never_ends_is_ended_by_its_timeout(late, shop):
    result = late("timeout: 0.5", ENDLESS)
    assert result.code == 4
    issue = json.loads(package(shop).read_text())["evidence"]["issues"][0]
    assert (issue["code"], issue["retryable"]) == ("RUN050", "transient")


CHECKED = PIPELINE.replace("    POLICY\n", "    checks: CHECKS\n").replace("QUERY", "select id, amount from df_feed")


def test_a_failed_check_leaves_the_target_as_it_was_and_a_warning_is_told(osiris, shop):
    path = shop / "pipelines" / "late.yaml"
    path.write_text(CHECKED.replace("CHECKS", "[{type: range, column: amount, max: 5, severity: warn}]"))
    good = osiris("run", "pipelines/late.yaml")
    assert good.code == 0
    assert "warning: sums, range_amount: 1 of 3 rows has a `amount` outside the range" in good.out + good.err
    path.write_text(CHECKED.replace("CHECKS", "[{type: range, column: amount, max: 5}]"))
    bad = osiris("run", "pipelines/late.yaml", "--json")
    assert bad.code == 4
    sums = next(step for step in bad.data["steps"] if step["id"] == "sums")
    assert [(check["name"], check["failing"]) for check in sums["checks"]] == [("range_amount", 1)]
    assert len(rows(shop, "sums")) == 3
    node = next(s for s in json.loads(package(shop).read_text())["evidence"]["step_runs"] if s["step_id"] == "sums")
    assert [(check["check_name"], check["passed"]) for check in node["checks"]] == [("range_amount", False)]
    assert "`sums` `range_amount`" in (package(shop).parent / "run-card.md").read_text()


def test_steps_that_are_selected_bring_their_checks(osiris, shop):
    (shop / "pipelines" / "late.yaml").write_text(CHECKED.replace("CHECKS", "[{type: unique, column: id}]"))
    result = osiris("run", "pipelines/late.yaml", "--select", "sums", "--json")
    assert result.code == 0
    assert [check["passed"] for step in result.data["steps"] for check in step["checks"]] == [True]
