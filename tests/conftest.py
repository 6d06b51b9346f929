"""Projects for tests: a folder with OML files, and real runs of them on an instance of their own."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance

from osiris_dagster.connections.project import load_connections
from osiris_dagster.project import Project
from osiris_dagster.redaction import PROCESS, Redactor
from osiris_dagster.runs.instance import open_instance
from tests.servers.places import in_memory

if (_memory := in_memory()) is not None:  # projects and instances of tests sync a lot of small files
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_memory))

# A shell that runs the tests in the background has them ignore Ctrl-C, and every process they start as well.
signal.signal(signal.SIGINT, signal.default_int_handler)

LONG = ("tests/live/", "tests/kills/", "tests/isolation/", "tests/test_demo.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long, so that no process is left with one of them when all others are done."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


SHOP = """\
oml_version: "0.2.0"
name: shop-daily
description: Orders of each customer.
owners: [data@example.com, team:sales]
tags: {domain: sales}
metadata: {intent: Tell sales who bought what.}
steps:
  - id: orders
    component: duckdb.extractor
    mode: read
    description: All orders.
    config: {connection: "@duckdb.ops", table: orders}
  - id: per customer
    component: duckdb.processor
    mode: transform
    config: {query: "select customer, sum(amount) as total from df_orders group by customer order by customer"}
  - id: totals
    component: duckdb.writer
    mode: write
    config: {connection: "@duckdb.warehouse", table: totals, write_mode: replace}
"""
REPORT = """\
oml_version: "0.2.0"
name: report
steps:
  - {id: totals, component: duckdb.extractor, mode: read, config: {connection: "@duckdb.warehouse", table: totals}}
  - id: best
    component: duckdb.processor
    mode: transform
    config: {query: "select max(total) as best from df_totals"}
  - {id: out, component: duckdb.writer, mode: write, config: {connection: "@duckdb.warehouse", table: best}}
"""
FAILING = """\
oml_version: "0.2.0"
name: failing
steps:
  - {id: rows, component: duckdb.processor, mode: transform, config: {query: "select 'NA' as t from range(3)"}}
  - {id: other, component: duckdb.processor, mode: transform, needs: [], config: {query: "select 1 as x"}}
  - id: cast
    component: duckdb.processor
    mode: transform
    needs: [rows]
    config: {query: "select t::int as n from df_rows"}
  - {id: after, component: duckdb.processor, mode: transform, needs: [cast], config: {query: "select * from df_cast"}}
"""
CONNECTIONS = """\
connections:
  duckdb:
    ops: {path: data/ops.duckdb, default: true, description: The shop}
    warehouse: {path: data/warehouse.duckdb}
"""


@pytest.fixture(autouse=True)
def _a_process_that_has_resolved_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test see the secrets of another one: tests share a process, runs of Osiris do not."""
    monkeypatch.setattr(PROCESS, "__dict__", dict(vars(Redactor())))


@pytest.fixture
def planted(tmp_path: Path) -> str:
    """Return a secret that no pattern knows, resolved in this process for a connection of somebody else."""
    secret, root = "quiet-harbour-seven", tmp_path / "other"
    root.mkdir()
    (root / "osiris_connections.yaml").write_text("connections: {mysql: {far: {host: h, password: '${FAR}'}}}")
    load_connections(Project(root), env={"FAR": secret}).resolve("@mysql.far")
    return secret


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return an empty project with a seeded database, named by OSIRIS_HOME."""
    import duckdb

    root = tmp_path / "project"
    (root / "pipelines").mkdir(parents=True)
    (root / "data").mkdir()
    (root / "osiris.yaml").touch()
    (root / "osiris_connections.yaml").write_text(CONNECTIONS)
    with duckdb.connect(root / "data" / "ops.duckdb") as ops:
        ops.execute(
            "create table orders as select * from (values (1, 'ann', 10.50), (2, 'bob', 4.00), (3, 'ann', 1.25))"
            " as t(id, customer, amount)"
        )
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv("OSIRIS_HOME", str(root))
    monkeypatch.chdir(root)
    return Project(root)


@pytest.fixture
def write(project: Project) -> Callable[[str, str], Path]:
    """Return a function that writes an OML file into the project."""

    def write_file(name: str, text: str) -> Path:
        path = project.pipelines / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def instance(project: Project) -> Iterator[DagsterInstance]:
    """Return the project's persistent instance."""
    with open_instance(project, {}) as opened:
        yield opened
