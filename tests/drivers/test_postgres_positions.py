"""Incremental steps on PostgreSQL: only new rows are read, and a position is committed with its rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from osiris_dagster.drivers.positions import Advance, KeepsPositions, Position, Since
from osiris_dagster.errors import DriverError
from osiris_dagster.testing.workbench import Workbench
from tests.servers.postgres import Database

ROWS = pa.table({"id": [1, 2, 3], "name": ["a", None, "c"]})
FIRST, SECOND = Position("id", "int64", "3"), Position("id", "int64", "9")


@pytest.fixture
def bench(tmp_path: Path, postgres_database: Database) -> Workbench:
    return Workbench(tmp_path, postgres_database.connection)


def write(
    bench: Workbench, before: Position | None, after: Position | None, rows: pa.Table = ROWS, **options: Any
) -> Any:
    """Each write is a run of its own."""
    advances = (Advance("read", before, lambda: after),)
    run = f"run-{bench.steps}"
    return bench.write("postgres.writer", {"table": "t", **options}, rows, advances=advances, run_id=run)


def position(bench: Workbench, table: str = "t") -> Position | None:
    with bench.opened("postgres.writer", {"table": table}) as driver:
        assert isinstance(driver, KeepsPositions)
        return driver.position("read")


def test_a_position_is_kept_with_the_rows_and_moves_with_them(bench: Workbench) -> None:
    assert position(bench) is None
    write(bench, None, FIRST)
    assert position(bench) == FIRST
    write(bench, FIRST, SECOND)
    assert position(bench) == SECOND
    assert position(bench, "another") is None


def test_a_position_that_another_run_moved_ends_the_write_without_rows(bench: Workbench) -> None:
    write(bench, None, FIRST)
    with pytest.raises(DriverError) as caught:
        write(bench, None, SECOND, write_mode="replace")
    assert caught.value.first.code == "DRV050"
    assert position(bench) == FIRST
    assert bench.read("postgres.extractor", {"table": "t"}).num_rows == 3


def test_a_position_of_a_table_that_is_gone_does_not_count(bench: Workbench, postgres_database: Database) -> None:
    write(bench, None, FIRST)
    postgres_database.execute("drop table t")
    assert position(bench) is None
    write(bench, None, SECOND)
    assert position(bench) == SECOND


def test_a_write_that_fails_moves_no_position(bench: Workbench) -> None:
    write(bench, None, FIRST)
    with pytest.raises(DriverError):
        write(bench, FIRST, SECOND, pa.table({"id": ["x"]}))
    assert position(bench) == FIRST


@pytest.mark.parametrize(("inclusive", "found"), [(True, [2, 3]), (False, [3])])
@pytest.mark.parametrize("source", [{"table": "t"}, {"query": "select * from t"}])
def test_only_new_rows_and_wanted_columns_are_read(
    bench: Workbench, source: dict[str, str], inclusive: bool, found: list[int]
) -> None:
    bench.write("postgres.writer", {"table": "t"}, ROWS)
    since = Since("id", "int64", "2", inclusive=inclusive)
    rows = bench.read("postgres.extractor", {**source, "filter": "id > 0"}, since=since, wanted=("id",))
    assert rows.to_pydict() == {"id": found}


@pytest.mark.parametrize(
    ("kind", "value", "name"),
    [
        ("timestamp", "2026-01-01 00:00:00.000002", "timestamp"),
        ("timestamptz", "2026-01-01 00:00:00.000002Z", "timestamptz"),
        ("date", "2026-01-02", "date"),
        ("text", "b'c", "string"),
        ("numeric(12,2)", "1.50", "decimal(12,2)"),
    ],
)
def test_a_position_of_any_type_of_cursor_is_compared_exactly(
    bench: Workbench, postgres_database: Database, kind: str, value: str, name: str
) -> None:
    text = value.replace("'", "''")
    postgres_database.execute(f"create table c as select '{text}'::{kind} as at", "grant select on c to public")
    for inclusive, count in ((True, 1), (False, 0)):
        since = Since("at", name, value, inclusive=inclusive)
        assert bench.read("postgres.extractor", {"table": "c"}, since=since).num_rows == count
