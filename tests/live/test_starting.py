"""Pipelines that start by themselves, and pools, with the daemon of a real `dagster dev` at work."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from tests.command import COMMAND, environment
from tests.live.conftest import Dev, wait_for

RUNS = (
    "query($f: RunsFilter!) { runsOrError(filter: $f) { ... on Runs { results { runId status"
    " assetSelection { path } tags { key value } } } } }"
)
SHOWN = (
    "query($k: AssetKeyInput!) { assetNodeOrError(assetKey: $k) { ... on AssetNode {"
    " automationCondition { label expandedLabel } internalFreshnessPolicy { __typename }"
    " metadataEntries { __typename label"
    " ... on TableColumnLineageMetadataEntry { lineage { columnName columnDeps { assetKey { path } columnName } } }"
    " ... on TableSchemaMetadataEntry { schema { columns { name description } } }"
    " ... on AssetMetadataEntry { assetKey { path } }"
    " ... on CodeReferencesMetadataEntry { codeReferences { ... on LocalFileCodeReference { filePath lineNumber } } }"
    " } } } }"
)


def runs(dev: Dev, **tags: str) -> list[dict[str, Any]]:
    """Return the runs that carry these tags; `__` in a name stands for a slash."""
    wanted = [{"key": name.replace("__", "/"), "value": value} for name, value in tags.items()]
    found: list[dict[str, Any]] = dev.ask(RUNS, f={"tags": wanted})["runsOrError"]["results"]
    return found


def test_a_schedule_starts_its_pipeline_without_anybody(dev: Dev) -> None:
    found = wait_for(lambda: [run for run in runs(dev, dagster__schedule_name="ticking_schedule") if ended(run)])
    assert {run["status"] for run in found} == {"SUCCESS"}
    assert {"key": "osiris/pipeline", "value": "ticking"} in found[-1]["tags"]
    (core,) = wait_for(lambda: dev.packages(found[-1]["runId"]))
    assert core["pipeline"]["name"] == "ticking"


def ended(run: dict[str, Any]) -> bool:
    return run["status"] in ("SUCCESS", "FAILURE", "CANCELED")


def test_an_update_starts_the_pipeline_that_waits_for_it_as_one_run_of_all_its_steps(dev: Dev) -> None:
    before = len(runs(dev, dagster__from_automation_condition="true"))
    run_id = dev.launch("shop_daily_job")
    wait_for(lambda: dev.status(run_id) == "SUCCESS")

    def started() -> list[dict[str, Any]]:
        return [run for run in runs(dev, dagster__from_automation_condition="true")[before:] if ended(run)]

    started_run = wait_for(lambda: started() or None)[0]
    assert started_run["status"] == "SUCCESS"
    assert {tuple(key["path"]) for key in started_run["assetSelection"]} == {
        ("follower", "totals"),
        ("follower", "out"),
    }
    (core,) = wait_for(lambda: dev.packages(started_run["runId"]))
    assert core["pipeline"]["name"] == "follower"
    assert (dev.root / "output/followed.csv").read_text().splitlines() == ["customer,total", "ann,10.50"]


def test_a_run_waits_in_the_queue_while_another_one_of_its_pool_goes_on(dev: Dev) -> None:
    slow = dev.launch("slow_job")
    wait_for(lambda: dev.status(slow) == "STARTED")
    waiting = dev.launch("narrow_job")
    command = [COMMAND, "run", "--wait", "3", "--json", "pipelines/narrow.yaml"]
    done = subprocess.run(command, cwd=dev.root, env=environment(), capture_output=True, text=True, check=False)
    assert [found["code"] for found in json.loads(done.stdout)["diagnostics"]] == ["CMP102"]
    assert slow in done.stdout
    assert dev.status(waiting) == "QUEUED"
    dev.ask("mutation($r: String!) { terminateRun(runId: $r) { __typename } }", r=slow)
    wait_for(lambda: dev.status(waiting) == "SUCCESS")


def test_the_asset_page_has_columns_with_their_lineage_the_oml_line_and_the_promise(dev: Dev) -> None:
    command = [COMMAND, "compile", "--online", "pipelines/follower.yaml"]
    subprocess.run(command, cwd=dev.root, env=environment(), check=True, capture_output=True)
    subprocess.run(
        [COMMAND, "reload", "--url", f"http://127.0.0.1:{dev.port}"], cwd=dev.root, env=environment(), check=True
    )
    node = dev.ask(SHOWN, k={"path": ["follower", "out"]})["assetNodeOrError"]
    entries = {entry["label"]: entry for entry in node["metadataEntries"]}
    assert entries["dagster/column_lineage"]["lineage"][0] == {
        "columnName": "customer",
        "columnDeps": [{"assetKey": {"path": ["follower", "totals"]}, "columnName": "customer"}],
    }
    columns = entries["dagster/column_schema"]["schema"]["columns"]
    assert columns[0] == {"name": "customer", "description": "duckdb/warehouse/main/totals.customer"}
    assert entries["osiris/packages"]["assetKey"] == {"path": ["aiop", "follower"]}
    (reference,) = entries["dagster/code_references"]["codeReferences"]
    assert reference == {"filePath": str(dev.root / "pipelines/follower.yaml"), "lineNumber": 7}
    assert node["internalFreshnessPolicy"]["__typename"] == "TimeWindowFreshnessPolicy"
    assert "updated since the last start" in json.dumps(node["automationCondition"])
