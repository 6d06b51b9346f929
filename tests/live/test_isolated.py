"""Steps in processes of their own, retries and kills, as the UI sees them: a `dagster dev` that the last test kills."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from dagster import DagsterRunStatus

from osiris_dagster.project import Project
from osiris_dagster.runs.instance import open_instance
from tests.command import COMMAND, environment
from tests.conftest import SHOP
from tests.live.conftest import LOCATION, SLOW, Dev, running_dev, wait_for

ISOLATED = SHOP.replace("name: shop-daily", "name: isolated").replace(
    "steps:", "execution: {isolation: step}\nsteps:", 1
)
RETRIED = """\
oml_version: "0.2.0"
name: retried
tags: {dagster/max_retries: "1"}
steps:
  - {id: orders, component: duckdb.extractor, mode: read, config: {connection: "@duckdb.ops", table: orders}}
  - {id: cast, component: duckdb.processor, mode: transform, config: {query: "select customer::int n from df_orders"}}
  - {id: out, component: filesystem.csv_writer, mode: write, config: {path: output/retried.csv}}
  - id: other
    component: duckdb.processor
    mode: transform
    needs: [orders]
    config: {query: "select amount from df_orders"}
"""
RUN = (
    "query($r: ID!) { runOrError(runId: $r) { ... on Run { status tags { key value } assetSelection { path }"
    " assetMaterializations { assetKey { path } metadataEntries { label ... on TextMetadataEntry { text } } } } } }"
)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    pipelines = {"isolated": ISOLATED, "retried": RETRIED, "slow": SLOW}
    with running_dev(tmp_path_factory.mktemp("isolated"), pipelines) as running:
        yield running


def ended(dev: Dev, run_id: str) -> Any:
    """Wait for the end of a run and return it."""
    wait_for(lambda: dev.status(run_id) in ("SUCCESS", "FAILURE", "CANCELED"))
    return dev.ask(RUN, r=run_id)["runOrError"]


def notes(run: Any) -> dict[str, str]:
    """Return step -> what the run says about it, for each step that ended well."""
    made = [event for event in run["assetMaterializations"] if event["assetKey"]["path"][0] in ("isolated", "retried")]
    texts = {e["assetKey"]["path"][-1]: {m["label"]: m.get("text") for m in e["metadataEntries"]} for e in made}
    return {step: found.get("notes") or "" for step, found in texts.items()}


def test_a_job_and_assets_outside_of_it_run_step_by_step(own: Dev) -> None:
    whole = ended(own, own.launch("isolated_job"))
    assert (whole["status"], set(notes(whole).values())) == ("SUCCESS", {""})
    assert len(notes(whole)) == 3
    place = own.root / ".osiris/checkpoints"
    wait_for(lambda: not list(place.rglob("*.json")))
    alone = ended(own, own.launch("__ASSET_JOB", assets=[("isolated", "totals")]))
    assert alone["status"] == "SUCCESS"
    (said,) = notes(alone).values()
    assert said == "executed 'orders', 'per customer' again for their rows, without recording: not selected"


def test_a_run_that_fails_is_retried_from_what_failed_and_again_by_hand_once_it_is_mended(own: Dev) -> None:
    first = own.launch("retried_job")
    assert ended(own, first)["status"] == "FAILURE"
    asked = "query($f: RunsFilter!) { runsOrError(filter: $f) { ... on Runs { results { runId } } } }"
    chain = {"tags": [{"key": "dagster/root_run_id", "value": first}]}
    retries = wait_for(lambda: own.ask(asked, f=chain)["runsOrError"]["results"])
    second = retries[0]["runId"]
    again = ended(own, second)
    assert again["status"] == "FAILURE"
    assert {"key": "dagster/retry_number", "value": "1"} in again["tags"]
    assert {tuple(key["path"]) for key in again["assetSelection"]} == {("retried", "cast"), ("retried", "out")}
    with duckdb.connect(own.root / "data/ops.duckdb") as session:
        session.execute("insert into orders values ('later', 1)")
    (own.root / "pipelines/retried.yaml").write_text(RETRIED.replace("customer::int", "length(customer)"))
    command = [COMMAND, "reload", "--url", f"http://127.0.0.1:{own.port}"]
    subprocess.run(command, cwd=own.root, env=environment(), check=True)
    mutation = (
        "mutation($p: ReexecutionParams!) { launchRunReexecution(reexecutionParams: $p)"
        " { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"
    )
    launched = own.ask(mutation, p={"parentRunId": second, "strategy": "FROM_ASSET_FAILURE"})["launchRunReexecution"]
    mended = ended(own, launched["run"]["runId"])
    assert mended["status"] == "SUCCESS"
    assert notes(mended)["cast"].startswith(f"read the rows of 'orders' that run {first} kept")
    assert (own.root / "output/retried.csv").read_text() == "n\n3\n"


def test_a_run_whose_process_is_killed_has_failed_and_has_its_package(own: Dev) -> None:
    run_id = own.launch("slow_job")
    os.kill(process_of(own, run_id), signal.SIGKILL)
    assert ended(own, run_id)["status"] == "FAILURE"
    (core,) = wait_for(lambda: own.packages(run_id))
    assert core["run"]["status"] == "failed"


def process_of(dev: Dev, run_id: str) -> int:
    def told() -> int:
        tags = dev.ask(RUN, r=run_id)["runOrError"]["tags"]
        return int(next((tag["value"] for tag in tags if tag["key"] == "osiris/pid"), "0"))

    pid: int = wait_for(told)
    return pid


def test_a_run_that_went_down_with_the_whole_of_dagster_has_failed_and_can_be_retried(own: Dev) -> None:
    run_id = own.launch("slow_job")
    worker = process_of(own, run_id)
    os.killpg(own.process, signal.SIGKILL)
    os.kill(worker, signal.SIGKILL)
    (own.root / "pipelines/slow.yaml").write_text(SLOW.replace("1000000000000", "10"))
    command = [COMMAND, "run", "--retry", "last", "--json", "pipelines/slow.yaml"]
    done = subprocess.run(command, cwd=own.root, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {step["id"]: step["status"] for step in json.loads(done.stdout)["steps"]} == {
        "rows": "completed",
        "hashed": "completed",
    }
    with open_instance(Project(own.root), {}) as instance:
        killed = instance.get_run_by_id(run_id)
    assert killed is not None
    assert killed.status is DagsterRunStatus.FAILURE
    assert LOCATION in json.dumps(killed.tags)
    command = [COMMAND, "logs", "aiop", "export", run_id, "--json"]
    done = subprocess.run(command, cwd=own.root, env=environment(), capture_output=True, text=True, check=False)
    (package,) = json.loads(done.stdout)["packages"]
    assert package["valid"], package["reasons"]
    core = json.loads((own.root / package["folder"] / "core.jsonld").read_text())
    assert core["run"]["status"] == "failed"
