"""The `osiris` command for tests: in this process with its output captured, or as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from osiris_dagster.cli.main import main

COMMAND = Path(sys.executable).with_name("osiris")
CONNECTIONS = """\
connections:
  duckdb:
    ops: {path: data/ops.duckdb, default: true, description: The shop}
    warehouse: {path: data/warehouse.duckdb, identity: wh}
    secret: {path: "data/${SECRET_NAME}.duckdb", token: "${SECRET_TOKEN}"}
"""
SHOP = """\
oml_version: "0.2.0"
name: shop
description: Orders of each customer.
params: {least: {default: 0}}
profiles: {rich: {params: {least: 5}}}
steps:
  - {id: orders, component: duckdb.extractor, mode: read, config: {connection: "@duckdb", table: orders}}
  - id: totals
    component: duckdb.processor
    mode: transform
    config:
      query: |
        select customer, sum(amount) as total from df_orders where amount >= ${params.least} group by customer
  - id: out
    component: duckdb.writer
    mode: write
    config: {connection: "@duckdb.warehouse", table: totals, write_mode: replace}
"""
FAILING = """\
oml_version: "0.2.0"
name: failing
steps:
  - {id: orders, component: duckdb.extractor, mode: read, config: {connection: "@duckdb", table: orders}}
  - {id: cast, component: duckdb.processor, mode: transform, config: {query: select customer::int as n from df_orders}}
  - {id: out, component: duckdb.writer, mode: write, config: {connection: "@duckdb.warehouse", table: numbers}}
"""


@dataclass(frozen=True)
class Result:
    """What one call of the command left."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The one JSON value on standard output."""
        return json.loads(self.out)

    @property
    def codes(self) -> list[str]:
        """Codes of the diagnostics of a call with --json."""
        return [found["code"] for found in self.data["diagnostics"]]


Osiris = Callable[..., Result]


def make_project(root: Path) -> Path:
    """Make a project with a seeded database and two pipelines: `shop`, and `failing` at its second step."""
    (root / "pipelines").mkdir(parents=True)
    (root / "data").mkdir()
    (root / "osiris.yaml").touch()
    (root / "osiris_connections.yaml").write_text(CONNECTIONS)
    (root / "pipelines" / "shop.yaml").write_text(SHOP)
    (root / "pipelines" / "failing.yaml").write_text(FAILING)
    with duckdb.connect(root / "data" / "ops.duckdb") as ops:
        ops.execute(
            "create table orders as select * from (values (1, 'ann', 10.50), (2, 'bob', 4.00), (3, 'ann', 1.25))"
            " as t(id, customer, amount)"
        )
    return root


def written(root: Path) -> dict[str, bytes]:
    """Return every file below a folder with its content."""
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def rows(root: Path, table: str, database: str = "warehouse") -> list[tuple[Any, ...]]:
    """Return the rows of a table of a project's database, sorted."""
    with duckdb.connect(root / "data" / f"{database}.duckdb", read_only=True) as session:
        return sorted(session.table(table).fetchall())


def exit_code(*arguments: str) -> int:
    """Call the command in this process; return its exit code."""
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    assert isinstance(left.value.code, int)
    return left.value.code


def process(*arguments: str, cwd: Path, env: dict[str, str] | None = None, **options: Any) -> Result:
    """Call the command as a process of its own, with nothing of Osiris or Dagster in its environment."""
    done = subprocess.run(
        [COMMAND, *arguments],
        cwd=cwd,
        env=environment() | (env or {}),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        **options,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def environment() -> dict[str, str]:
    """Return this process's environment without what would change how a project is read."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("OSIRIS", "DAGSTER"))}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ.keys() - environment().keys():
        monkeypatch.delenv(name)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a fresh project; it is the working directory."""
    root = make_project(tmp_path / "shop")
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def osiris(capfd: pytest.CaptureFixture[str]) -> Osiris:
    """Return a function that calls the command in this process."""

    def call(*arguments: str) -> Result:
        capfd.readouterr()
        code = exit_code(*arguments)
        captured = capfd.readouterr()
        assert "Traceback" not in captured.out + captured.err
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project in which `shop` and then `failing` ran, with their packages; tests only look at it."""
    root = make_project(tmp_path_factory.mktemp("ran") / "shop")
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ.keys() - environment().keys():
            patch.delenv(name)
        patch.chdir(root)
        assert exit_code("run", "pipelines/shop.yaml") == 0
        assert exit_code("run", "pipelines/failing.yaml") == 4
    return root
