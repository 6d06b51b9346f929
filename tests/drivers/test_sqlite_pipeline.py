"""SQLite in whole pipelines: incremental, partitioned, discovered, and asked by the doctor."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.command import Osiris, _clean_environment, osiris

__all__ = ["_clean_environment", "osiris"]

CONNECTIONS = "connections: {sqlite: {shop: {path: shop.sqlite}, copy: {path: copy.sqlite}}}\n"
COPY = """\
oml_version: "0.2.0"
name: copy
steps:
  - id: orders
    component: sqlite.extractor
    mode: read
    incremental: {cursor: seen}
    config:
      connection: "@sqlite.shop"
      query: "select id, amount, seen from orders"
      types: {amount: "decimal(9,2)", seen: timestamp}
  - id: kept
    component: duckdb.processor
    mode: transform
    needs: [orders]
    config: {query: select * from df_orders where amount > 0}
  - id: load
    component: sqlite.writer
    mode: write
    needs: [kept]
    config: {connection: "@sqlite.copy", table: orders}
"""
DAYS = """\
oml_version: "0.2.0"
name: days
partitions: {type: daily, start: "2025-01-01", column: seen}
steps:
  - id: orders
    component: sqlite.extractor
    mode: read
    config:
      connection: "@sqlite.shop"
      table: orders
      filter: seen >= ${partition.start} and seen < ${partition.end}
      types: {seen: timestamp}
  - id: load
    component: sqlite.writer
    mode: write
    needs: [orders]
    config: {connection: "@sqlite.copy", table: days, write_mode: replace}
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "osiris.yaml").touch()
    (tmp_path / "osiris_connections.yaml").write_text(CONNECTIONS)
    for name, text in (("copy", COPY), ("days", DAYS)):
        (tmp_path / f"{name}.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    inside("shop.sqlite", "create table orders (id integer primary key, amount text, seen text)")
    for number in range(1, 4):
        add(number)
    return tmp_path


def add(number: int) -> None:
    values = f"({number}, '{number}.50', '2025-01-0{number} 10:00:00')"
    inside("shop.sqlite", f"insert into orders values {values}")


def inside(file: str, statement: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(file, isolation_level=None)) as session:
        return session.execute(statement).fetchall()


def test_only_new_rows_are_read_and_the_position_is_committed_with_them(shop: Path, osiris: Osiris) -> None:
    for _ in range(2):
        result = osiris("run", "--no-aiop", "copy.yaml")
        assert result.code == 0, result.out
    add(4)
    assert osiris("run", "--no-aiop", "copy.yaml").code == 0
    assert inside("copy.sqlite", "select id, amount from orders") == [(n, f"{n}.50") for n in range(1, 5)]
    position = inside("copy.sqlite", "select value from _osiris_positions")
    assert position[0][0].startswith("2025-01-04 10:00:00")


def test_a_partition_is_read_and_replaced_by_its_window(shop: Path, osiris: Osiris) -> None:
    for day in ("2025-01-01", "2025-01-03", "2025-01-03"):
        result = osiris("run", "--no-aiop", "days.yaml", "--partition", day)
        assert result.code == 0, result.out
    assert inside("copy.sqlite", "select id, seen from days order by id") == [
        (1, "2025-01-01 10:00:00.000000"),
        (3, "2025-01-03 10:00:00.000000"),
    ]


def test_the_doctor_and_discovery_know_the_file(shop: Path, osiris: Osiris) -> None:
    assert osiris("run", "--no-aiop", "copy.yaml").code == 0
    checked = osiris("connections", "doctor", "--json")
    assert [found["category"] for found in checked.data["connections"]] == ["ok", "ok"]
    found = osiris("discover", "@sqlite.copy", "--json")
    columns = found.data["tables"][0]["columns"]
    assert [(column["name"], column["type"]) for column in columns] == [
        ("id", "int64"), ("amount", "decimal(9,2)"), ("seen", "timestamp"),
    ]  # fmt: skip


def test_sql_that_acts_is_refused_before_a_run(shop: Path, osiris: Osiris) -> None:
    text = COPY.replace("select id, amount, seen from orders", "select load_extension('x') as id")
    (shop / "copy.yaml").write_text(text)
    result = osiris("compile", "copy.yaml", "--json")
    assert result.code != 0
    assert "CMP071" in json.dumps(result.data)


def test_a_missing_file_ends_the_run_with_one_sentence(shop: Path, osiris: Osiris) -> None:
    Path("shop.sqlite").unlink()
    result = osiris("run", "--no-aiop", "copy.yaml")
    assert result.code == 4
    assert "the database file shop.sqlite does not exist" in result.out
