"""SQL over the rows of earlier steps: what it computes, what it cannot reach, and how it ends."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from osiris_dagster.drivers.base import TransformInput
from osiris_dagster.errors import DriverError
from osiris_dagster.testing.processing import ROWS, Processor, ProcessorConformance, large
from osiris_dagster.testing.workbench import Workbench


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return Workbench(tmp_path)


def rows(table: pa.Table = ROWS, *names: str, scans: int = 0) -> TransformInput:
    return TransformInput(names or ("df_rows",), table.to_reader(), scans)


class TestDuckDBProcessor(ProcessorConformance):
    processor = Processor(
        "duckdb.processor",
        passing={"query": "select * from df_rows"},
        endless={"query": "select count(*) as n from range(100000000000) a(i) where hash(i) % 7 = 3", "threads": 1},
    )


@pytest.mark.parametrize("scans", [0, 1, 2])
def test_a_query_reads_an_input_under_any_of_its_names(bench: Workbench, scans: int) -> None:
    for name in ("df_raw_rows", '"raw-rows"'):
        source = rows(ROWS, "df_raw_rows", "raw-rows", scans=scans)
        assert bench.transform(f"select count(*)::int as n from {name}", source).to_pylist() == [{"n": 3}]


@pytest.mark.parametrize("scans", [0, 2])
def test_an_input_may_be_scanned_several_times(bench: Workbench, scans: int) -> None:
    query = 'select a.id, b.name from df_rows a join "rows" b using (id) where a.id in (select max(id) from df_rows)'
    assert bench.transform(query, rows(ROWS, "df_rows", "rows", scans=scans)).to_pylist() == [{"id": 3, "name": "c"}]


def test_several_inputs_are_joined(bench: Workbench) -> None:
    other = pa.table({"id": [3, 1], "amount": [30, 10]})
    found = bench.transform(
        "select r.id, amount from df_rows r join df_other using (id) order by r.id",
        rows(scans=1),
        rows(other, "df_other", scans=1),
    )
    assert found.to_pylist() == [{"id": 1, "amount": 10}, {"id": 3, "amount": 30}]


def test_a_query_may_do_without_an_input(bench: Workbench) -> None:
    assert bench.transform("select 1 as n").to_pylist() == [{"n": 1}]


@pytest.mark.parametrize(
    "query",
    [
        "select * from read_csv('{file}')",
        "select * from '{file}'",
        "select * from read_text('{file}')",
        "select * from read_blob('{file}')",
        "select * from read_json('{file}')",
        "select * from read_parquet('{file}')",
        "select * from glob('{folder}/*')",
        "select * from sniff_csv('{file}')",
        "select * from 'https://example.com/rows.csv'",
        "select * from read_csv('https://example.com/rows.csv')",
        "select * from rows_of_the_caller",
        "attach '{folder}/other.duckdb'",
        "copy (select 1) to '{folder}/out.csv'",
        "export database '{folder}/all'",
        "install httpfs",
        "load httpfs",
        "set memory_limit = '64GB'",
        "set enable_external_access = true",
        "pragma database_list",
        "call pragma_version()",
        "create table t as select 1",
        "insert into df_rows values (1, 'x')",
        "delete from df_rows",
        "drop view df_rows",
        "select 1; select 2",
        "begin; select 1",
        "-- nothing",
        "",
    ],
)
def test_sql_reaches_nothing_but_its_inputs(bench: Workbench, query: str) -> None:
    file = bench.root / "secret.csv"
    file.write_text("secret\nonly-in-the-file\n")
    rows_of_the_caller = ROWS
    with pytest.raises(DriverError) as caught:
        bench.transform(query.format(file=file, folder=bench.root), rows(rows_of_the_caller))
    assert "only-in-the-file" not in str(caught.value)
    assert {path.name for path in bench.root.iterdir()} == {".osiris", "secret.csv"}


def test_a_trailing_semicolon_and_comment_are_no_second_statement(bench: Workbench) -> None:
    assert bench.transform("select 1 as n; -- ; done").to_pylist() == [{"n": 1}]


def test_an_unknown_column_is_named_with_the_candidates(bench: Workbench) -> None:
    with pytest.raises(DriverError, match='"nme" not found') as caught:
        bench.transform("select nme from df_rows", rows())
    assert caught.value.first.code == "DRV024"
    assert '"name"' in caught.value.first.fix


@pytest.mark.parametrize("scans", [0, 1])
def test_a_cast_over_a_dirty_column_keeps_the_words_of_duckdb(bench: Workbench, scans: int) -> None:
    with pytest.raises(DriverError, match="Could not convert string 'a' to INT32") as caught:
        bench.transform("select cast(name as integer) as n from df_rows", rows(scans=scans))
    assert caught.value.first.code == "DRV025"
    assert "try_cast" in caught.value.first.fix


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ("cast('101' as bit)", "b"),
        ("cast('10:00:00+02' as timetz)", "b"),
        ("cast(1 as uhugeint)", "b"),
        ("union_value(k := 1)", "b"),
        ("[cast('1' as bit)]", "b"),
        ("cast('infinity' as date)", "b"),
        ("cast('-infinity' as timestamp)", "b"),
        ("cast(170141183460469231731687303715884105727 as hugeint)", "b"),
    ],
)
def test_a_result_that_would_change_on_its_way_out_is_refused_by_column(
    bench: Workbench, column: str, name: str
) -> None:
    with pytest.raises(DriverError, match=f"'{name}'") as caught:
        bench.transform(f"select 1 as a, {column} as {name}")
    assert caught.value.first.code == "DRV010"


def test_an_input_that_duckdb_cannot_hold_is_refused_by_column(bench: Workbench) -> None:
    awkward = pa.table({"n": pa.array([None], pa.decimal256(50, 2))})
    with pytest.raises(DriverError, match="'n'"):
        bench.transform("select * from df_rows", rows(awkward))
    spans = pa.table({"span": pa.array([(0, 0, 1)], pa.month_day_nano_interval())})
    with pytest.raises(DriverError, match="'span'"):
        bench.transform("select * from df_rows", rows(spans))


def test_more_rows_than_memory_spill_into_the_scratch_folder(bench: Workbench) -> None:
    query = "select text || n::varchar as k, count(*)::int as n from df_rows group by all order by k desc limit 1"
    source = TransformInput(("df_rows",), large(), 0)
    assert bench.transform(query, source, memory_limit="100MB", threads=1)["n"].to_pylist() == [20]


def test_too_little_memory_is_an_error_that_says_what_to_raise(bench: Workbench) -> None:
    query = "select list(text) as t from df_rows, range(50)"
    with pytest.raises(DriverError) as caught:
        bench.transform(query, TransformInput(("df_rows",), large(), 0), memory_limit="60MB", threads=1)
    assert caught.value.first.code == "DRV026"
    assert "memory_limit" in caught.value.first.fix
