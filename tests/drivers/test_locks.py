"""What a write holds while its rows are still coming: nothing that keeps others from the target."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pyarrow as pa
import pytest

from osiris_dagster.testing.workbench import Workbench

ROWS = pa.table({"id": [1, 2, 3], "name": ["a", None, "c"]})
MODES = ["append", "replace", "upsert"]


def while_rows_stream(bench: Workbench, family: str, look: Callable[[], None], **config: Any) -> None:
    """Write twice what is there, and look in the middle."""
    place = {"table": "t", **config}
    bench.write(f"{family}.writer", {**place, "write_mode": "replace"}, ROWS)
    looked = []

    def rows() -> Iterator[pa.RecordBatch]:
        yield from ROWS.to_batches()
        look()
        looked.append(True)
        yield from ROWS.slice(0, 0).to_batches()

    place["primary_key"] = "id"
    report = bench.write(f"{family}.writer", place, pa.RecordBatchReader.from_batches(ROWS.schema, rows()), run_id="r")
    assert looked
    assert report.rows_written == 3


@pytest.mark.parametrize("mode", MODES)
def test_postgresql_has_neither_the_lease_nor_a_lock_on_the_table(tmp_path, postgres_database, mode):
    def look() -> None:
        held = (
            "select l.locktype, l.mode from pg_locks l join pg_stat_activity a on a.pid = l.pid where l.granted and "
            "a.application_name like 'osiris/%' and (l.locktype = 'advisory' or l.relation = 't'::regclass)"
        )
        assert postgres_database.execute(held) == []
        with closing(psycopg2.connect(**postgres_database.connection)) as other, other.cursor() as cursor:
            cursor.execute("lock table t in access exclusive mode nowait")

    while_rows_stream(Workbench(tmp_path, postgres_database.connection), "postgres", look, write_mode=mode)


@pytest.mark.parametrize("mode", MODES)
def test_mysql_has_the_lease_of_runs_and_no_lock_on_the_table(tmp_path, mysql_database, mode):
    def look() -> None:
        with mysql_database.server.connect(database=mysql_database.name) as other, other.cursor() as cursor:
            cursor.execute("set session lock_wait_timeout = 1")
            cursor.execute("lock tables t write")
            cursor.execute("unlock tables")

    while_rows_stream(Workbench(tmp_path, mysql_database.connection), "mysql", look, write_mode=mode)


@pytest.mark.parametrize("mode", MODES)
def test_two_runs_do_not_stage_for_one_table_of_mysql_at_once(tmp_path, mysql_database, mode):
    bench = Workbench(tmp_path, mysql_database.connection)

    def look() -> None:
        with pytest.raises(Exception, match="another run has been writing the table"):
            bench.write("mysql.writer", {"table": "t", "write_mode": "append", "lock_timeout": 0}, ROWS)

    while_rows_stream(bench, "mysql", look, write_mode=mode)


@pytest.mark.parametrize("mode", MODES)
def test_duckdb_lets_others_of_its_process_change_any_table_and_the_catalogue(tmp_path: Path, mode: str) -> None:
    bench = Workbench(tmp_path)

    def look() -> None:
        other = threading.Thread(target=write_another_table, args=(bench,), daemon=True)
        other.start()
        other.join(30)
        assert not other.is_alive()
        with duckdb.connect(tmp_path / "d.duckdb", config={"memory_limit": "1GB"}) as session:
            session.execute("delete from t where id = 2")
            session.execute("alter table t add column later integer")

    while_rows_stream(bench, "duckdb", look, path="d.duckdb", write_mode=mode)


def write_another_table(bench: Workbench) -> None:
    bench.write("duckdb.writer", {"table": "other", "path": "d.duckdb", "write_mode": "replace"}, ROWS, run_id="o")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_sqlite_lets_others_read_and_write_the_file(tmp_path: Path, mode: str, journal: str) -> None:
    def look() -> None:
        with closing(sqlite3.connect(tmp_path / "d.sqlite", 0, isolation_level=None)) as other:
            other.execute("begin exclusive")
            other.execute("delete from t where id = 2")
            other.execute("commit")

    with closing(sqlite3.connect(tmp_path / "d.sqlite")) as first:
        first.execute(f"pragma journal_mode = {journal}")
    while_rows_stream(Workbench(tmp_path), "sqlite", look, path="d.sqlite", write_mode=mode)
