"""Files as targets: what the report says of them, what happens when the disk refuses, and Parquet's own options."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from osiris_dagster.errors import ConfigError, DriverError
from osiris_dagster.testing.workbench import Workbench
from tests.drivers.full_disk import full_disk

CSV, PARQUET = "filesystem.csv_writer", "filesystem.parquet_writer"
READ_PARQUET = "filesystem.parquet_extractor"
ROWS = pa.table({"id": [1, 2, 3], "name": ["a", None, "c"]})


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return Workbench(tmp_path)


def names(bench: Workbench) -> list[str]:
    return sorted(path.name for path in bench.root.iterdir() if path.name != ".osiris")


@pytest.mark.parametrize(
    ("component", "path", "mime"),
    [
        (CSV, "out/r.csv", "text/csv"),
        (CSV, "out/r.csv.gz", "application/gzip"),
        (CSV, "out/r.zip", "application/zip"),
        (PARQUET, "out/r.parquet", "application/vnd.apache.parquet"),
    ],
)
def test_the_report_names_the_file_with_size_and_digest(bench: Workbench, component: str, path: str, mime: str) -> None:
    report = bench.write(component, {"path": path}, ROWS)
    (made,) = report.artifacts
    data = (bench.root / path).read_bytes()
    assert (made.path, made.size_bytes, made.mime_type) == (path, len(data), mime)
    assert made.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("component", "name"), [(CSV, "r.csv"), (CSV, "r.csv.gz"), (CSV, "r.zip"), (PARQUET, "r.parquet")]
)
def test_a_full_disk_leaves_the_old_file_and_names_path_and_room(bench: Workbench, component: str, name: str) -> None:
    bench.write(component, {"path": name}, ROWS)
    before = (bench.root / name).read_bytes()
    noise = pa.table({"id": range(200_000), "name": [os.urandom(8).hex() for _ in range(200_000)]})
    with full_disk(200_000), pytest.raises(DriverError, match=rf"{name} cannot be written: .* MB are free") as caught:
        bench.write(component, {"path": name}, noise)
    assert (caught.value.first.code, caught.value.retryable) == ("DRV042", "transient")
    assert (bench.root / name).read_bytes() == before
    assert names(bench) == [name]


@pytest.mark.parametrize(("component", "name"), [(CSV, "r.csv"), (PARQUET, "r.parquet")])
def test_a_folder_that_cannot_be_made_is_named(bench: Workbench, component: str, name: str) -> None:
    (bench.root / "file").write_text("in the way")
    with pytest.raises(DriverError, match=f"file/{name} cannot be written") as caught:
        bench.write(component, {"path": f"file/{name}"}, ROWS)
    assert caught.value.retryable == "permanent"


@pytest.mark.parametrize(("component", "name"), [(CSV, "r.csv"), (PARQUET, "r.parquet")])
def test_create_dirs_decides_about_the_folder(bench: Workbench, component: str, name: str) -> None:
    with pytest.raises(DriverError, match=f"the folder of new/{name} does not exist"):
        bench.write(component, {"path": f"new/{name}", "create_dirs": False}, ROWS)
    assert names(bench) == []
    bench.write(component, {"path": f"new/{name}"}, ROWS)
    bench.write(component, {"path": f"new/{name}", "create_dirs": False}, ROWS)
    with pytest.raises(DriverError, match="is a folder"):
        bench.write(component, {"path": "new"}, ROWS)


def test_temporary_files_of_dead_runs_are_removed_and_young_ones_kept(bench: Workbench) -> None:
    for name in (".r[1].csv.old.tmp", ".r[1].csv.new.tmp", ".other.csv.old.tmp"):
        (bench.root / name).write_text("rest")
        age = time.time() - (0 if "new" in name else 86_400)
        os.utime(bench.root / name, (age, age))
    bench.write(CSV, {"path": "r[1].csv"}, ROWS)
    assert names(bench) == [".other.csv.old.tmp", ".r[1].csv.new.tmp", "r[1].csv"]


def test_a_link_inside_of_the_project_is_written_through(bench: Workbench) -> None:
    (bench.root / "real.csv").write_text("a\n1\n")
    (bench.root / "link.csv").symlink_to("real.csv")
    report = bench.write(CSV, {"path": "link.csv"}, ROWS)
    assert report.artifacts[0].path == "real.csv"
    assert (bench.root / "link.csv").is_symlink()
    assert (bench.root / "real.csv").read_text().startswith("id,name")


# -- Parquet ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("codec", "expected"), [("zstd", "ZSTD"), ("snappy", "SNAPPY"), ("none", "UNCOMPRESSED")])
def test_compression_is_the_one_asked_for(bench: Workbench, codec: str, expected: str) -> None:
    bench.write(PARQUET, {"path": "r.parquet", "compression": codec}, ROWS)
    assert pq.ParquetFile(bench.root / "r.parquet").metadata.row_group(0).column(0).compression == expected


def test_row_groups_are_bounded_in_rows_and_in_bytes(bench: Workbench) -> None:
    rows = pa.table({"n": range(1000), "t": ["x" * 500] * 1000})
    batches = pa.RecordBatchReader.from_batches(rows.schema, iter(rows.to_batches(max_chunksize=50)))
    bench.write(PARQUET, {"path": "r.parquet", "row_group_rows": 300}, batches)
    meta = pq.ParquetFile(bench.root / "r.parquet").metadata
    assert [meta.row_group(index).num_rows for index in range(meta.num_row_groups)] == [300, 300, 300, 100]
    batches = pa.RecordBatchReader.from_batches(rows.schema, iter(rows.to_batches(max_chunksize=50)))
    bench.write(PARQUET, {"path": "r.parquet", "row_group_bytes": 65_536}, batches)
    assert pq.ParquetFile(bench.root / "r.parquet").metadata.num_row_groups == 7


def test_only_replace_makes_sense(bench: Workbench) -> None:
    with pytest.raises(DriverError, match="only be replaced"):
        bench.write(PARQUET, {"path": "r.parquet", "write_mode": "append"}, ROWS)


def parts(bench: Workbench, **tables: pa.Table) -> None:
    (bench.root / "parts").mkdir()
    for name, table in tables.items():
        pq.write_table(table, bench.root / "parts" / f"{name}.parquet")


def test_files_that_match_a_pattern_are_read_in_the_order_of_their_names(bench: Workbench) -> None:
    parts(bench, b=ROWS.slice(1), a=ROWS.slice(0, 1))
    for path in ("parts/*.parquet", "parts/[ab].parquet", "**/*.parquet"):
        assert bench.read(READ_PARQUET, {"path": path}).equals(ROWS)
    assert bench.read(READ_PARQUET, {"path": "parts/*.parquet", "limit": 2, "columns": ["name"]}).equals(
        ROWS.select(["name"]).slice(0, 2)
    )


def test_columns_in_another_order_are_matched_by_name(bench: Workbench) -> None:
    parts(bench, a=ROWS, b=ROWS.select(["name", "id"]))
    assert bench.read(READ_PARQUET, {"path": "parts/*.parquet"}).equals(pa.concat_tables([ROWS, ROWS]))


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (ROWS.select(["id"]), "'name' is missing"),
        (pa.table({"id": ["1"], "name": ["a"]}), "'id' is string instead of int64"),
    ],
)
def test_files_of_several_shapes_are_refused_by_file_and_column(bench: Workbench, other: pa.Table, reason: str) -> None:
    parts(bench, a=ROWS, b=other)
    with pytest.raises(DriverError, match=rf"b\.parquet has not the columns of the first file: {reason}"):
        bench.read(READ_PARQUET, {"path": "parts/*.parquet"})


def test_a_pattern_without_a_match_is_an_error(bench: Workbench) -> None:
    with pytest.raises(DriverError, match="no file parts/"):
        bench.read(READ_PARQUET, {"path": "parts/*.parquet"})


@pytest.mark.parametrize("path", ["../*.parquet", "link/*.parquet", "a/../../*.parquet"])
def test_a_pattern_cannot_leave_the_project(
    bench: Workbench, tmp_path_factory: pytest.TempPathFactory, path: str
) -> None:
    outside = tmp_path_factory.mktemp("elsewhere")
    pq.write_table(ROWS, outside / "x.parquet")
    (bench.root / "link").symlink_to(outside)
    with pytest.raises(ConfigError):
        bench.read(READ_PARQUET, {"path": path})


@pytest.mark.parametrize("damage", ["cut", "junk", "empty"])
def test_a_damaged_file_is_named(bench: Workbench, damage: str) -> None:
    bench.write(PARQUET, {"path": "r.parquet"}, ROWS)
    file = bench.root / "r.parquet"
    file.write_bytes({"cut": file.read_bytes()[:-20], "junk": b"junk" * 100, "empty": b""}[damage])
    with pytest.raises(DriverError, match=r"r\.parquet cannot be read") as caught:
        bench.read(READ_PARQUET, {"path": "r.parquet"})
    assert caught.value.first.code == "DRV043"


def test_layouts_of_other_writers_are_read_as_plain_types(bench: Workbench) -> None:
    columns: dict[str, Any] = {
        "text": pa.array(["a", "b", "a"], pa.large_string()),
        "coded": pa.array(["a", "b", "a"]).dictionary_encode(),
        "day": pa.array([0, 86_400_000, None], pa.date64()),
        "zone": pa.array([0, 1, None], pa.timestamp("us", "Europe/Prague")),
    }
    pq.write_table(pa.table(columns), bench.root / "r.parquet")
    found = bench.read(READ_PARQUET, {"path": "r.parquet"})
    assert [str(kind) for kind in found.schema.types] == ["string", "string", "date32[day]", "timestamp[us, tz=UTC]"]
    assert found["text"].to_pylist() == found["coded"].to_pylist() == ["a", "b", "a"]


@pytest.mark.parametrize(
    ("component", "method"),
    [(CSV, "read"), (CSV, "schema"), (CSV, "transform"), (READ_PARQUET, "write"), (READ_PARQUET, "transform")],
)
def test_a_component_refuses_what_its_mode_does_not_say(bench: Workbench, component: str, method: str) -> None:
    arguments = {"write": [ROWS.to_reader()], "transform": [()]}.get(method, [])
    with bench.opened(component, {"path": "x"}) as driver, pytest.raises(DriverError, match=f"cannot {method}"):
        getattr(driver, method)(*arguments)
