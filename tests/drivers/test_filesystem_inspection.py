"""What the filesystem family says about its connections."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from osiris_dagster.drivers.filesystem import inspect
from osiris_dagster.drivers.filesystem.inspect import FilesystemInspector
from osiris_dagster.drivers.inspection import ConnectionCall, FoundTable
from osiris_dagster.project import Project
from osiris_dagster.testing.inspection import InspectionConformance, Source

BROKEN: Any = {"configuration": {"base_dir": "../elsewhere"}, "not_found": {"base_dir": "nowhere"}}


class TestCsvInspection(InspectionConformance):
    source = Source(
        "filesystem.csv_extractor",
        "filesystem.csv_writer",
        connection={"base_dir": "data"},
        place=lambda name: {"path": f"{name}.csv"},
        shown=lambda name: ("", f"{name}.csv"),
        broken=BROKEN,
        has_server=False,
    )


class TestParquetInspection(InspectionConformance):
    source = Source(
        "filesystem.parquet_extractor",
        "filesystem.parquet_writer",
        connection={"base_dir": "data"},
        place=lambda name: {"path": f"{name}.parquet"},
        shown=lambda name: ("", f"{name}.parquet"),
        broken=BROKEN,
        has_server=False,
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "data" / "deep").mkdir(parents=True)
    return tmp_path


def found(root: Path, pattern: str = "", **fields: str) -> dict[str, FoundTable]:
    asked = FilesystemInspector(ConnectionCall("@filesystem.files", fields, Project(root)))
    return {table.name: table for table in asked.tables(pattern)}


def test_files_at_any_depth_are_found_but_not_what_is_hidden_or_the_products_own(root: Path, tmp_path: Path) -> None:
    outside = tmp_path.with_name(f"{tmp_path.name}-outside.csv")
    outside.write_text("secret\n1\n")
    for name in ("data/a.csv", "data/deep/b.CSV", "build/x.csv", "aiop/x.csv", ".osiris/x.csv", "data/.c.csv"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("n\n1\n")
    (root / "data/notes.txt").write_text("n\n")
    (root / "data/link.csv").symlink_to(outside)
    (root / "data/gone.csv").symlink_to("nothing")
    with gzip.open(root / "data/c.csv.gz", "wt") as packed:
        packed.write("n\n1\n")
    assert found(root).keys() == {"data/a.csv", "data/c.csv.gz", "data/deep/b.CSV"}
    assert found(root, base_dir="data/deep").keys() == {"b.CSV"}
    assert found(root, "*.gz")["data/c.csv.gz"].columns[0].type == "int64"


def test_parquet_tells_its_rows_and_which_columns_may_be_null(root: Path) -> None:
    schema = pa.schema([pa.field("id", pa.int32(), nullable=False), pa.field("tags", pa.list_(pa.string()))])
    pq.write_table(pa.table({"id": [1, 2], "tags": [["a"], None]}, schema=schema), root / "data/t.parquet")
    table = found(root)["data/t.parquet"]
    assert (table.rows, table.kind) == (2, "file")
    assert [(c.name, c.type, c.nullable) for c in table.columns] == [
        ("id", "int32", False),
        ("tags", "list<string>", True),
    ]


def test_a_file_that_cannot_be_read_says_why_and_leaves_the_others(root: Path) -> None:
    (root / "data/broken.parquet").write_bytes(b"PAR1 no more")
    (root / "data/empty.csv").touch()
    (root / "data/latin.csv").write_bytes("m\xe1sto\n1\n".encode("latin-1"))
    (root / "data/semicolons.csv").write_text("a;b\n1;2\n")
    (root / "data/good.csv").write_text("n\n1\n")
    tables = found(root)
    assert tables["data/good.csv"].problem == ""
    assert "delimiter" in tables["data/semicolons.csv"].problem
    assert "encoding" in tables["data/latin.csv"].problem
    assert all(tables[f"data/{name}"].problem for name in ("broken.parquet", "empty.csv"))


def test_a_large_csv_file_is_read_for_its_types_when_it_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "data/large.csv").write_text("n,t\n" + "1,x\n" * 1000)
    monkeypatch.setattr(inspect, "_QUICK", 1000)
    assert [(c.name, c.type) for c in found(root)["data/large.csv"].columns] == [("n", ""), ("t", "")]
    assert "when the pattern names the file" in found(root)["data/large.csv"].problem
    assert [c.type for c in found(root, "*large*")["data/large.csv"].columns] == ["int64", "string"]
