"""The product as its users meet it: a real `dagster dev`, driven over GraphQL, with its sensors at work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.command import environment
from tests.conftest import REPORT, SHOP
from tests.live.conftest import LOCATION, Dev, wait_for

GATED = """\
oml_version: "0.2.0"
name: gated
steps:
  - id: gate
    component: duckdb.extractor
    mode: read
    config: {{path: data/gate.duckdb, table: t, lock_timeout: 300}}
  - {{id: named, component: duckdb.processor, mode: transform, config: {{query: select n as {column} from df_gate}}}}
  - {{id: out, component: filesystem.csv_writer, mode: write, config: {{path: output/gated.csv}}}}
"""


def test_a_broken_file_is_seen_as_a_failed_check_and_the_others_load(dev: Dev) -> None:
    assert dev.asset("shop-daily", "orders")["groupName"] == "shop_daily"
    assert "broken.yaml" in dev.asset("osiris_broken", "pipelines", "broken.yaml")["description"]

    def failed() -> bool:
        checks = dev.asset("osiris_broken", "pipelines", "broken.yaml")["assetChecksOrError"]["checks"]
        latest = checks[0]["executionForLatestMaterialization"]
        return bool(latest) and latest["status"] == "FAILED"

    assert wait_for(failed)


@pytest.mark.parametrize(
    ("job", "status", "told"), [("shop_daily_job", "SUCCESS", "completed"), ("failing_job", "FAILURE", "failed")]
)
def test_a_run_from_the_ui_ends_with_a_package_on_its_asset(dev: Dev, job: str, status: str, told: str) -> None:
    run_id = dev.launch(job)
    wait_for(lambda: dev.status(run_id) in ("SUCCESS", "FAILURE"))
    assert dev.status(run_id) == status
    (core,) = wait_for(lambda: dev.packages(run_id))
    assert (core["run"]["status"], core["run"]["dagster_run_id"]) == (told, run_id)
    shown = dev.asset("aiop", core["pipeline"]["name"])["assetMaterializations"][0]["metadataEntries"]
    assert {"label": "valid", "boolValue": True} in shown
    assert any(entry.get("runId") == run_id for entry in shown)


def test_a_run_terminated_from_the_ui_is_canceled_and_says_so(dev: Dev) -> None:
    run_id = dev.launch("slow_job")
    assert wait_for(lambda: has_started_a_step(dev, run_id))
    dev.ask("mutation($r: String!) { terminateRun(runId: $r) { __typename } }", r=run_id)
    wait_for(lambda: dev.status(run_id) == "CANCELED")
    (core,) = wait_for(lambda: dev.packages(run_id))
    assert core["run"]["status"] == "canceled"
    assert {step["status"] for step in core["evidence"]["step_runs"]} <= {"canceled", "skipped"}


def test_a_run_of_the_command_line_is_exported_by_the_sensors_too(dev: Dev) -> None:
    command = [Path(sys.executable).with_name("osiris"), "run", "--no-aiop", "--json", "pipelines/shop.yaml"]
    env = {key: value for key, value in os.environ.items() if key != "DAGSTER_HOME"}
    done = subprocess.run(command, cwd=dev.root, env=env, capture_output=True, text=True, check=True)
    run_id = json.loads(done.stdout)["run_id"]
    (core,) = wait_for(lambda: dev.packages(run_id))
    assert core["run"]["origin"] == "cli"


def osiris(dev: Dev, *arguments: str) -> Any:
    """Call the command with --json in the project; it has to succeed."""
    command = [Path(sys.executable).with_name("osiris"), *arguments, "--url", f"http://127.0.0.1:{dev.port}", "--json"]
    done = subprocess.run(command, cwd=dev.root, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def manifest_of(dev: Dev, *path: str) -> str:
    """Return the hash of the manifest that the UI shows for a step."""
    query = (
        "query($k: AssetKeyInput!) { assetNodeOrError(assetKey: $k) { ... on AssetNode { metadataEntries { label"
        " ... on TextMetadataEntry { text } } } } }"
    )
    entries = dev.ask(query, k={"path": list(path)})["assetNodeOrError"]["metadataEntries"]
    return str(next(entry["text"] for entry in entries if entry["label"] == "osiris/manifest"))


def has_started_a_step(dev: Dev, run_id: str) -> bool:
    events = "query($r: ID!) { logsForRun(runId: $r) { ... on EventConnection { events { __typename } } } }"
    return "ExecutionStepStartEvent" in json.dumps(dev.ask(events, r=run_id))


def test_a_new_file_appears_after_a_reload(dev: Dev) -> None:
    (dev.root / "pipelines" / "later.yaml").write_text(REPORT.replace("name: report", "name: later"))
    assert osiris(dev, "reload")["location"] == LOCATION
    assert dev.asset("later", "best")["dependencyKeys"] == [{"path": ["later", "totals"]}]


def test_a_run_that_goes_on_keeps_its_manifest_while_its_file_changes(dev: Dev) -> None:
    gate, file, out = (dev.root / name for name in ("data/gate.duckdb", "pipelines/gated.yaml", "output/gated.csv"))
    with duckdb.connect(gate) as session:
        session.execute("create table t as select 1 as n")
    file.write_text(GATED.format(column="old"))
    osiris(dev, "reload")
    old = manifest_of(dev, "gated", "named")
    with duckdb.connect(gate):  # open for writing: the first step waits until it is closed
        run_id = dev.launch("gated_job")
        wait_for(lambda: has_started_a_step(dev, run_id))
        file.write_text(GATED.format(column="new"))
        osiris(dev, "reload")
        new = manifest_of(dev, "gated", "named")
        assert new != old
        assert dev.status(run_id) == "STARTED"
    wait_for(lambda: dev.status(run_id) in ("SUCCESS", "FAILURE"))
    assert (dev.status(run_id), out.read_text().splitlines()[0]) == ("SUCCESS", "old")
    (core,) = wait_for(lambda: dev.packages(run_id))
    assert core["pipeline"]["manifest_hash"] == old
    again = dev.launch("gated_job")
    wait_for(lambda: dev.status(again) in ("SUCCESS", "FAILURE"))
    assert (dev.status(again), out.read_text().splitlines()[0]) == ("SUCCESS", "new")
    (core,) = wait_for(lambda: dev.packages(again))
    assert core["pipeline"]["manifest_hash"] == new


def test_watching_brings_new_changed_and_broken_files_into_the_ui(dev: Dev) -> None:
    command = [Path(sys.executable).with_name("osiris"), "watch", "--url", f"http://127.0.0.1:{dev.port}"]
    log = dev.root / "watch.log"
    with log.open("w") as err, subprocess.Popen(command, cwd=dev.root, env=environment(), stderr=err) as watching:
        wait_for(lambda: "watching pipelines/" in log.read_text())
        file = dev.root / "pipelines" / "watched.yaml"
        file.write_text(SHOP.replace("name: shop-daily", "name: watched"))
        assert wait_for(lambda: dev.asset("watched", "orders").get("groupName")) == "watched"
        before = manifest_of(dev, "watched", "orders")
        file.write_text(file.read_text().replace("table: orders", "table: orders, limit: 2"))
        wait_for(lambda: manifest_of(dev, "watched", "orders") != before)
        file.write_text(file.read_text().replace("duckdb.extractor", "duckdb.extractr"))
        wait_for(lambda: dev.asset("osiris_broken", "pipelines", "watched.yaml").get("description"))
        said = log.read_text()
        watching.send_signal(signal.SIGINT)
        assert watching.wait(30) == 130
    assert said.count(f"reloaded {LOCATION}") == 3
    assert "pipelines/watched.yaml: valid" in said
    assert "did you mean `duckdb.extractor`?" in said
