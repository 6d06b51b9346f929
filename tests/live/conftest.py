"""A real `dagster dev` over a project of several pipelines, asked over GraphQL; one for all tests of this folder."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from osiris_dagster.runs.instance import CONFIG
from tests.conftest import CONNECTIONS, FAILING, REPORT, SHOP

LOCATION = "osiris_dagster.definitions"
PATIENCE = 120  # seconds for anything to happen on a busy machine
SLOW = """\
oml_version: "0.2.0"
name: slow
concurrency: narrow
steps:
  - id: rows
    component: duckdb.processor
    mode: transform
    config: {query: "select range as id from range(1000000000000)"}
  - id: hashed
    component: duckdb.processor
    mode: transform
    config: {query: "select sum(hash(id)) as n from df_rows"}
"""

TICKING = """\
oml_version: "0.2.0"
name: ticking
schedule: "* * * * *"
steps:
  - {id: one, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}
"""
NARROW = TICKING.replace("name: ticking", "name: narrow").replace('schedule: "* * * * *"', "concurrency: narrow")
FOLLOWER = """\
oml_version: "0.2.0"
name: follower
schedule: {on: update}
freshness: {max_lag: 1h}
steps:
  - {id: totals, component: duckdb.extractor, mode: read, config: {connection: "@duckdb.warehouse", table: totals}}
  - {id: out, component: filesystem.csv_writer, mode: write, config: {path: output/followed.csv}}
"""
DAYS = """\
oml_version: "0.2.0"
name: days
partitions: {type: daily, start: "2026-01-01", end: "2026-02-10", column: day}
steps:
  - id: sales
    component: duckdb.extractor
    mode: read
    config:
      connection: "@duckdb.ops"
      query: select * from sales where day >= ${partition.start} and day < ${partition.end}
  - id: out
    component: duckdb.writer
    mode: write
    config: {connection: "@duckdb.warehouse", table: days, write_mode: replace}
"""
PIPELINES = {
    "days": DAYS,
    "shop": SHOP,
    "report": REPORT,
    "failing": FAILING,
    "slow": SLOW,
    "ticking": TICKING,
    "narrow": NARROW,
    "follower": FOLLOWER,
    "broken": "name: [\n",
}


@dataclass(frozen=True)
class Dev:
    """A running `dagster dev` and its project."""

    root: Path
    port: int
    process: int  # leads a group of all of its processes

    def ask(self, query: str, **variables: Any) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql", body, {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            found = json.load(answer)
        assert "errors" not in found, found
        return found["data"]

    def launch(self, job: str, tags: Mapping[str, str] | None = None, *, assets: Iterable[tuple[str, ...]] = ()) -> str:
        """Launch a job, or only some assets of it; return the run."""
        selector: dict[str, Any] = {"repositoryLocationName": LOCATION, "repositoryName": "__repository__"}
        paths = [{"path": list(path)} for path in assets]
        chosen = {"assetSelection": paths} if paths else {}
        params = {
            "selector": {**selector, "jobName": job, **chosen},
            "mode": "default",
            "runConfigData": {},
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in (tags or {}).items()]},
        }
        data = self.ask(
            "mutation($p: ExecutionParams!) { launchPipelineExecution(executionParams: $p)"
            " { ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }",
            p=params,
        )
        run_id: str = data["launchPipelineExecution"]["run"]["runId"]
        return run_id

    def status(self, run_id: str) -> str:
        data = self.ask("query($r: ID!) { runOrError(runId: $r) { ... on Run { status } } }", r=run_id)
        return str(data["runOrError"]["status"])

    def asset(self, *path: str) -> Any:
        return self.ask(
            "query($k: AssetKeyInput!) { assetNodeOrError(assetKey: $k) { __typename ... on AssetNode { description"
            " groupName dependencyKeys { path } assetMaterializations(limit: 5) { runId metadataEntries { label"
            " ... on BoolMetadataEntry { boolValue } ... on TextMetadataEntry { text }"
            " ... on PipelineRunMetadataEntry { runId } } }"
            " assetChecksOrError { ... on AssetChecks { checks { executionForLatestMaterialization { status } } } }"
            " } } }",
            k={"path": list(path)},
        )["assetNodeOrError"]

    def packages(self, run_id: str) -> list[dict[str, Any]]:
        """Return the core documents of a run that the sensors exported."""
        done = self.root / ".osiris" / "exports" / "done" / f"{run_id}.json"
        folders = json.loads(done.read_text())["packages"] if done.is_file() else []
        return [json.loads((self.root / folder / "core.jsonld").read_text()) for folder in folders]


def wait_for(what: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.5)
    raise AssertionError(f"did not happen within {PATIENCE} s")


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    with running_dev(tmp_path_factory.mktemp("live"), PIPELINES) as running:
        yield running


@contextmanager
def running_dev(root: Path, pipelines: Mapping[str, str]) -> Iterator[Dev]:
    """Make a project with these pipelines and start `dagster dev` over it."""
    for folder in ("pipelines", "data", ".osiris/dagster_home"):
        (root / folder).mkdir(parents=True)
    (root / "osiris.yaml").touch()
    (root / "osiris_connections.yaml").write_text(CONNECTIONS)
    (root / "workspace.yaml").write_text(f"load_from: [{{python_module: {LOCATION}}}]\n")
    (root / ".osiris/dagster_home/dagster.yaml").write_text(CONFIG)
    with duckdb.connect(root / "data/ops.duckdb") as ops:
        ops.execute("create table sales as select date '2026-01-01' + i::int as day, 1 as n from range(40) t(i)")
        ops.execute("create table orders as select 'ann' as customer, 10.5::decimal(8,2) as amount")
    for name, text in pipelines.items():
        (root / "pipelines" / f"{name}.yaml").write_text(text)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {**os.environ, "OSIRIS_HOME": str(root), "DAGSTER_HOME": str(root / ".osiris/dagster_home")}
    command = [Path(sys.executable).with_name("dagster"), "dev", "-w", "workspace.yaml", "-h", "127.0.0.1"]
    log = (root / "dev.log").open("w")
    command += ["-p", str(port)]
    process = subprocess.Popen(command, cwd=root, env=env, stdout=log, stderr=log, start_new_session=True)
    running = Dev(root, port, process.pid)
    try:
        wait_for(lambda: is_loaded(running))
        yield running
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        finally:
            process.kill()
            log.close()


def is_loaded(dev: Dev) -> bool:
    try:
        entries = dev.ask(
            "{ workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError { __typename"
            " ... on PythonError { message } } } } } }"
        )["workspaceOrError"]["locationEntries"]
    except OSError:
        return False
    found = [entry["locationOrLoadError"] for entry in entries if entry["locationOrLoadError"]]
    assert all(entry["__typename"] == "RepositoryLocation" for entry in found), found
    return bool(found)
