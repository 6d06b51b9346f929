"""One manifest for all partitions: placeholders stay in it, inside quotes, with types and lineage known."""

from __future__ import annotations

import pytest

from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.oml.partition import Partition, first_partition
from osiris_dagster.oml.placeholders import as_sql, filled
from tests.compiler.compiling import compiled, lock_for

TEXT = """\
oml_version: "0.2.0"
name: p
partitions: {type: TYPE, column: day}
steps:
  - id: rows
    component: duckdb.extractor
    mode: read
    config: {connection: "@duckdb.ops", query: "select day, amount from orders where day >= ${partition.start}"}
  - id: sums
    component: duckdb.processor
    mode: transform
    config:
      query: "select ${partition.start} as day, sum(amount) as total from df_rows where day < '${partition.end}'"
  - id: out
    component: duckdb.writer
    mode: write
    config: {connection: "@duckdb.warehouse", table: sums, write_mode: replace}
  - {id: file, component: filesystem.csv_writer, mode: write, needs: [sums], config: {path: "out/${partition.key}.csv"}}
"""
DAILY = TEXT.replace("TYPE", 'daily, start: "2025-01-01"')
HOURLY = TEXT.replace("TYPE", 'hourly, start: "2025-01-01T05:00"')
SCHEMA = {"rows": {"day": "date", "amount": "int64"}}


@pytest.mark.parametrize(("text", "kind"), [(DAILY, "date"), (HOURLY, "timestamp")])
def test_a_manifest_is_one_for_all_partitions_and_knows_its_columns(text, kind):
    manifest = compiled(text, lock=lock_for(text, SCHEMA)).manifest
    sums = manifest.step("sums")
    assert sums.config["query"].startswith(f"select {kind} '${{partition.start}}' as day")
    assert [(column.name, column.type) for column in sums.columns] == [("day", kind), ("total", "decimal(38,0)")]
    assert [source.column for source in sums.lineage[1].sources] == ["amount"]
    assert manifest.step("rows").reads[0].key == ("duckdb", "ops", "main", "orders")
    assert manifest.step("file").writes[0].key == ("file", "out", "${partition.key}.csv")
    assert manifest.step("out").config["partition_column"] == "day"
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_without_partitions_nothing_changes():
    plain = DAILY.replace('partitions: {type: daily, start: "2025-01-01", column: day}\n', "")
    plain = (
        plain.replace("${partition.start}", "date '2025-01-01'").replace("${partition.", "x.").replace("}.csv", ".csv")
    )
    assert "partition_column" not in compiled(plain).manifest.step("out").config


@pytest.mark.parametrize(
    ("dialect", "sql", "quoted"),
    [
        ("duckdb", "a = ${partition.key}", "a = '${partition.key}'"),
        ("duckdb", "a = 'x''${partition.key}'", "a = 'x''${partition.key}'"),
        ("duckdb", r"a = '\' and b = ${partition.key}", r"a = '\' and b = '${partition.key}'"),
        ("mysql", r"a = '\' ${partition.key}'", r"a = '\' ${partition.key}'"),
        ("mysql", "select 1 # it's\n, ${partition.end}", "select 1 # it's\n, date '${partition.end}'"),
        ("postgres", 'from "t_${partition.key}"', 'from "t_${partition.key}"'),
        ("mysql", "from `t_${partition.key}`", "from `t_${partition.key}`"),
        ("postgres", "-- it's\n${partition.start}", "-- it's\ndate '${partition.start}'"),
        ("postgres", "/* ' */ ${partition.start}", "/* ' */ date '${partition.start}'"),
    ],
)
def test_a_placeholder_stands_inside_quotes_in_every_dialect(dialect, sql, quoted):
    assert as_sql(sql, dialect, hourly=False) == quoted


def test_a_range_has_a_window_and_no_key():
    first = first_partition(compiled(DAILY).manifest.partitions)
    assert filled("${partition.key} ${partition.start} ${partition.end}", first) == "2025-01-01 2025-01-01 2025-01-02"
    days = Partition(("2025-01-01", "2025-01-02"), first.start, first.end)
    assert filled({"a": ["${partition.key}", 1]}, days) == {"a": ["${partition.key}", 1]}
