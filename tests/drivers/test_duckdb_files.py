"""A DuckDB file as source and target: who may open it when, what its tables refuse, and what a dead run leaves."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from osiris_dagster.drivers.duckdb import DuckDBDriver, connect_file
from osiris_dagster.drivers.tables.loads import stage_name
from osiris_dagster.errors import ConfigError, DriverError
from osiris_dagster.testing.workbench import Workbench
from tests.drivers.full_disk import full_disk

ROWS = pa.table({"id": [1, 2, 3], "name": ["a", None, "c"]})
FILE = {"path": "shop.duckdb", "table": "t"}
HOLD = """
import duckdb, sys
with duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "read") as session:
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return Workbench(tmp_path)


def write(bench: Workbench, rows: Any = ROWS, **options: Any) -> Any:
    parts = {key: options.pop(key) for key in ("run_id", "step_id") if key in options}
    return bench.write("duckdb.writer", {**FILE, **options}, rows, **parts)


def read(bench: Workbench, **options: Any) -> pa.Table:
    return bench.read("duckdb.extractor", {**FILE, **options})


def inside(bench: Workbench, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(bench.root / FILE["path"]) as session:
        return session.sql(query).fetchall() if query.startswith("select") else session.execute(query).fetchall()


def tables(bench: Workbench) -> list[str]:
    found = inside(bench, "select schema_name || '.' || table_name as name from duckdb_tables() order by name")
    return [name for (name,) in found]


# -- reading ---------------------------------------------------------------------------------------------------------


def test_a_query_is_read_with_columns_filter_and_limit_around_it(bench: Workbench) -> None:
    write(bench)
    query = "with x as (select id, upper(name) as name from t order by id desc) select * from x; -- all"
    found = read(bench, table=None, query=query, columns=["name"], filter="id > 1 -- not the first", limit=1)
    assert found.to_pylist() == [{"name": "C"}]
    rest = read(bench, table=None, query="from t order by id", offset=2)
    assert rest["id"].to_pylist() == [3]


@pytest.mark.parametrize(
    "query",
    [
        "with gone as (delete from t returning *) select * from gone",
        "insert into t values (9, 'x') returning *",
        "select * from t; drop table t",
        "create table u as select 1",
        "select nextval('s')",
        "attach 'other.duckdb'",
        "select * from read_csv('secret.csv')",
        "select * from 'secret.csv'",
        "copy t to 'out.csv'",
        "checkpoint",
        "pragma database_list",
    ],
)
def test_a_query_neither_changes_the_file_nor_reads_others(bench: Workbench, query: str) -> None:
    write(bench)
    inside(bench, "create sequence s")
    (bench.root / "secret.csv").write_text("a\n1\n")
    with pytest.raises(DriverError):
        read(bench, table=None, query=query, store_written=True)
    assert read(bench).equals(ROWS)


def test_a_filter_cannot_leave_its_brackets(bench: Workbench) -> None:
    write(bench)
    with pytest.raises(DriverError):
        read(bench, filter="1 = 1) union all select 9, 'x' --")


@pytest.mark.parametrize("options", [{"table": None}, {"query": "select 1 as n"}])
def test_either_a_table_or_a_query_is_read(bench: Workbench, options: dict[str, Any]) -> None:
    write(bench)
    with pytest.raises(DriverError, match="either `table` or `query`"):
        read(bench, **options)


def test_a_missing_table_is_named_with_the_nearest(bench: Workbench) -> None:
    write(bench, table="orders")
    with pytest.raises(DriverError, match=r"no table main\.ordres") as caught:
        read(bench, table="ordres")
    assert "orders" in caught.value.first.fix


@pytest.mark.parametrize("schema", ["store", "shop"])
def test_other_schemas_are_written_and_read_also_one_named_like_the_file(bench: Workbench, schema: str) -> None:
    write(bench, schema=schema, run_id="run")
    write(bench, schema=schema, run_id="other", write_mode="upsert", primary_key="id")
    assert read(bench, schema=schema).equals(ROWS)


def test_a_view_is_read(bench: Workbench) -> None:
    write(bench)
    inside(bench, "create view seen as select id from t where id > 2")
    assert read(bench, table="seen").to_pylist() == [{"id": 3}]


def test_a_missing_file_is_not_made_by_reading_it(bench: Workbench) -> None:
    with pytest.raises(DriverError, match=r"shop\.duckdb does not exist"):
        read(bench)
    assert not (bench.root / FILE["path"]).exists()


def test_a_file_that_is_no_database_is_named(bench: Workbench) -> None:
    (bench.root / FILE["path"]).write_text("no database" * 1000)
    with pytest.raises(DriverError, match="not a valid DuckDB database"):
        read(bench)


@pytest.mark.parametrize("component", ["duckdb.extractor", "duckdb.writer"])
def test_a_step_without_a_file_says_how_to_name_one(bench: Workbench, component: str) -> None:
    with bench.opened(component, {"table": "t"}) as driver, pytest.raises(ConfigError) as caught:
        driver.write(ROWS.to_reader()) if component == "duckdb.writer" else driver.read()
    assert caught.value.exit_code == 5


def test_the_path_comes_from_the_connection_if_there_is_one(bench: Workbench) -> None:
    bench.connection = {"path": "from-connection.duckdb"}
    bench.write("duckdb.writer", {"table": "t"}, ROWS)
    assert bench.read("duckdb.extractor", {"table": "t"}).equals(ROWS)
    with pytest.raises(DriverError) as caught:
        write(bench, ROWS)
    assert caught.value.first.code == "SPC013"
    assert [file.name for file in bench.root.glob("**/*.duckdb")] == ["from-connection.duckdb"]


@pytest.mark.parametrize("path", ["../out.duckdb", "/tmp/out.duckdb", "link/out.duckdb"])
def test_a_database_outside_of_the_project_is_refused(bench: Workbench, tmp_path_factory: Any, path: str) -> None:
    (bench.root / "link").symlink_to(tmp_path_factory.mktemp("elsewhere"))
    with pytest.raises(ConfigError) as caught:
        write(bench, path=path)
    assert caught.value.first.code == "CFG010"


# -- sharing ---------------------------------------------------------------------------------------------------------


def hold(bench: Workbench, how: str) -> subprocess.Popen[str]:
    held = subprocess.Popen(
        [sys.executable, "-c", HOLD, bench.root / FILE["path"], how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert held.stdout is not None
    assert held.stdout.readline() == "held\n"
    return held


def release(held: subprocess.Popen[str]) -> None:
    held.communicate("\n", timeout=30)


def test_a_file_that_another_process_writes_is_named_with_its_process(bench: Workbench) -> None:
    write(bench)
    held = hold(bench, "write")
    try:
        for use in (read, write):
            with pytest.raises(DriverError, match=rf"shop\.duckdb is held by process {held.pid}") as caught:
                use(bench, lock_timeout=0.2)
            assert caught.value.first.code == "DRV021"
            assert caught.value.retryable == "transient"
            assert str(bench.root) not in str(caught.value)
    finally:
        release(held)


def test_a_step_waits_for_a_process_that_lets_go_in_time(bench: Workbench) -> None:
    write(bench)
    held = hold(bench, "write")
    timer = threading.Timer(0.3, release, [held])
    timer.start()
    assert read(bench, lock_timeout=30).equals(ROWS)
    timer.join()


def test_waiting_ends_when_the_step_is_canceled(bench: Workbench) -> None:
    write(bench)
    held = hold(bench, "write")
    try:
        with bench.opened("duckdb.extractor", {**FILE, "lock_timeout": 60}) as driver:
            timer = threading.Timer(0.2, driver.cancel)
            timer.start()
            with pytest.raises(DriverError) as caught:
                driver.read()
            timer.join()
        assert caught.value.first.code == "DRV028"
    finally:
        release(held)


def test_readers_of_two_processes_share_the_file(bench: Workbench) -> None:
    write(bench)
    held = hold(bench, "read")
    try:
        assert read(bench, lock_timeout=0).equals(ROWS)
    finally:
        release(held)


def test_nothing_is_held_after_a_step(bench: Workbench) -> None:
    write(bench)
    read(bench)
    release(hold(bench, "write"))


def test_a_chain_may_read_and_write_one_file_when_it_says_so(bench: Workbench) -> None:
    write(bench)
    with bench.opened("duckdb.extractor", FILE, store_written=True) as source:
        rows = source.read()
        write(bench, rows, table="copy", lock_timeout=0)
    assert read(bench, table="copy").equals(ROWS)


def test_a_chain_that_does_not_say_so_reads_first_and_writes_then(bench: Workbench) -> None:
    write(bench)
    with bench.opened("duckdb.extractor", FILE) as source:
        write(bench, source.read(), table="copy", lock_timeout=0)
    assert read(bench, table="copy").equals(ROWS)


def test_a_writer_waits_for_readers_with_a_limit(bench: Workbench) -> None:
    write(bench, pa.table({"n": range(500_000)}))
    with bench.opened("duckdb.extractor", FILE) as source:
        rows = source.read()
        rows.read_next_batch()
        with pytest.raises(DriverError, match="held by readers of this run"):
            write(bench, lock_timeout=0.1, table="other")
    write(bench, lock_timeout=0, table="other")


def test_two_writers_of_one_process_write_at_the_same_time(bench: Workbench) -> None:
    errors: list[DriverError] = []
    both = threading.Barrier(2)

    def one(number: int) -> None:
        def rows() -> Iterator[pa.RecordBatch]:
            both.wait(30)
            for _ in range(20):
                yield from ROWS.to_batches()

        try:
            reader = pa.RecordBatchReader.from_batches(ROWS.schema, rows())
            write(bench, reader, table=f"t{number}", step_id=f"s{number}", run_id="run")
        except DriverError as error:
            errors.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [read(bench, table=f"t{number}").num_rows for number in range(2)] == [60, 60]


@pytest.mark.parametrize("mode", ["append", "replace", "upsert"])
def test_rows_are_read_whole_while_the_file_stays_open_after_their_commit(bench: Workbench, mode: str) -> None:
    """Without the checkpoint of a closing file, scans rely on the statistics of what was just inserted."""
    many = pa.table({"id": range(300_000), "name": ["x"] * 300_000})
    write(bench, ROWS, table="other")
    with bench.opened("duckdb.extractor", {**FILE, "table": "other"}, store_written=True) as holder:
        holder.read()
        for _ in range(2):
            write(bench, many, write_mode=mode, primary_key="id")
        query = "select count(id)::bigint as n, sum(id)::bigint as s, min(id) as a, max(id) as b from t"
        times = 2 if mode == "append" else 1
        expected = {"n": 300_000 * times, "s": sum(range(300_000)) * times, "a": 0, "b": 299_999}
        assert read(bench, table=None, query=query).to_pylist() == [expected]


def test_readers_see_the_old_rows_or_the_new_ones_during_a_replace(bench: Workbench) -> None:
    write(bench)
    seen: list[int] = []
    with bench.opened("duckdb.extractor", FILE, store_written=True) as holder:
        holder.read()

        def rows() -> Iterator[pa.RecordBatch]:
            for _ in range(5):
                seen.append(bench.read("duckdb.extractor", FILE).num_rows)
                yield from ROWS.to_batches()

        write(bench, pa.RecordBatchReader.from_batches(ROWS.schema, rows()), write_mode="replace")
    assert seen == [3] * 5
    assert read(bench).num_rows == 15


def test_who_opens_the_file_can_be_exchanged(bench: Workbench) -> None:
    opened: list[tuple[str, bool]] = []

    def connect(path: Path, write: bool) -> duckdb.DuckDBPyConnection:
        opened.append((path.name, write))
        return connect_file(path, write)

    for component in ("duckdb.writer", "duckdb.extractor"):
        driver = DuckDBDriver(bench.call(component, FILE), connect=connect)
        driver.write(ROWS.to_reader()) if component == "duckdb.writer" else driver.read().read_all()
        driver.close()
    assert opened == [("shop.duckdb", True), ("shop.duckdb", False)]


# -- writing ---------------------------------------------------------------------------------------------------------


def test_staging_of_dead_runs_is_dropped_by_the_next_write(bench: Workbench) -> None:
    write(bench)
    inside(bench, f"create table _osiris.{stage_name(bench.call('duckdb.writer', FILE))} as select 1 as n")
    inside(bench, "create table _osiris.mine as select 1 as n")
    write(bench)
    assert tables(bench) == ["_osiris.mine", "main.t"]


def test_a_full_disk_leaves_the_old_rows(bench: Workbench) -> None:
    write(bench)
    noise = pa.table({"id": range(300_000), "name": [os.urandom(12).hex() for _ in range(300_000)]})
    with full_disk(2_000_000), pytest.raises(DriverError, match=r"shop\.duckdb") as caught:
        write(bench, noise, write_mode="replace")
    assert caught.value.first.code == "DRV019"
    assert read(bench).equals(ROWS)
    assert tables(bench) == ["main.t"]


def test_a_killed_writer_leaves_the_old_rows_and_the_next_write_cleans_up(bench: Workbench) -> None:
    write(bench)
    script = f"""
import os, pathlib, signal
import pyarrow as pa
from tests.drivers.full_disk import full_disk
from osiris_dagster.testing.workbench import Workbench
batch = pa.record_batch({{"id": list(range(100000)), "name": ["x" * 50] * 100000}})
def rows():
    for number in range(10):
        if number == 8:
            os.kill(os.getpid(), signal.SIGKILL)
        yield batch
Workbench(pathlib.Path({str(bench.root)!r}) / "sub", {{}}).root.mkdir()
bench = Workbench(pathlib.Path({str(bench.root)!r}))
bench.steps = 1000
bench.write("duckdb.writer", {FILE!r}, pa.RecordBatchReader.from_batches(batch.schema, rows()))
"""
    killed = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], check=False)
    assert killed.returncode == -9
    assert read(bench).equals(ROWS)
    write(bench, write_mode="append")
    assert read(bench).num_rows == 6
    assert tables(bench) == ["main.t"]


def test_the_record_of_loads_forgets_after_thirty_days(bench: Workbench) -> None:
    write(bench, run_id="old")
    inside(bench, "update _osiris.loads set committed_at = committed_at - interval 31 days")
    write(bench, run_id="new")
    assert inside(bench, "select run_id from _osiris.loads") == [("new",)]


@pytest.mark.parametrize("mode", ["replace", "upsert"])
def test_a_retry_after_the_commit_changes_nothing_in_any_mode(bench: Workbench, mode: str) -> None:
    write(bench, run_id="root", write_mode=mode, primary_key="id")
    inside(bench, "update t set name = 'changed since'")
    again = write(bench, run_id="root", write_mode=mode, primary_key="id")
    assert again.rows_written == 3
    assert read(bench)["name"].to_pylist() == ["changed since"] * 3


def test_constraints_of_the_table_are_kept_and_named(bench: Workbench) -> None:
    write(bench)
    inside(bench, "create table strict (id bigint primary key, name varchar not null default 'none')")
    write(bench, ROWS.select(["id"]), table="strict")
    assert read(bench, table="strict")["name"].to_pylist() == ["none"] * 3
    with pytest.raises(DriverError, match=r"(?i)duplicate key|primary key") as caught:
        write(bench, ROWS.select(["id"]), table="strict")
    assert caught.value.first.code == "DRV029"
    write(bench, pa.table({"id": [3, 4], "name": ["new", "d"]}), table="strict", write_mode="upsert", primary_key="id")
    assert sorted(read(bench, table="strict")["name"].to_pylist()) == ["d", "new", "none", "none"]
    write(bench, pa.table({"id": [1], "name": ["only"]}), table="strict", write_mode="replace")
    assert read(bench, table="strict").num_rows == 1


def test_an_upsert_without_a_column_keeps_its_values_and_gives_new_rows_its_default(bench: Workbench) -> None:
    inside(bench, "create table t (id bigint primary key, name varchar, seen integer not null default 7)")
    inside(bench, "insert into t values (1, 'a', 1), (2, 'b', 2)")
    for _ in range(2):
        write(bench, pa.table({"id": [2, 3], "name": ["new", "c"]}), write_mode="upsert", primary_key="id")
    rows = sorted(tuple(row.values()) for row in read(bench).to_pylist())
    assert rows == [(1, "a", 1), (2, "new", 2), (3, "c", 7)]
    assert tables(bench) == ["main.t"]


def test_a_column_that_every_row_needs_is_asked_for_before_any_row_moves(bench: Workbench) -> None:
    inside(bench, "create table t (id bigint, name varchar not null)")

    def never() -> Iterator[pa.RecordBatch]:
        raise AssertionError("read too early")
        yield

    rows = pa.RecordBatchReader.from_batches(ROWS.select(["id"]).schema, never())
    with pytest.raises(DriverError, match="column name may not be NULL"):
        write(bench, rows)


def test_a_view_is_not_written_to(bench: Workbench) -> None:
    inside(bench, "create view t as select 1 as id")
    with pytest.raises(DriverError, match=r"main\.t is a view"):
        write(bench)


def test_our_own_schema_is_not_written_to(bench: Workbench) -> None:
    with pytest.raises(DriverError, match="_osiris"):
        write(bench, schema="_osiris", table="loads")


def test_names_that_differ_only_in_case_are_one_column(bench: Workbench) -> None:
    with pytest.raises(DriverError, match="'id' and 'ID'"):
        write(bench, pa.table({"id": [1], "ID": [2]}))
    write(bench)
    write(bench, pa.table({"ID": [3], "NAME": ["x"]}), write_mode="upsert", primary_key="Id")
    assert read(bench).to_pylist()[-1] == {"id": 3, "name": "x"}


def test_tables_with_odd_names_are_written_and_read(bench: Workbench) -> None:
    for name in ('say "x"', "a.b", "select", "žluť 😀", "it's", "{w} %s $1 ?"):
        write(bench, table=name, schema=f"in {name}", run_id="run")
        assert read(bench, table=name, schema=f"in {name}").equals(ROWS)


def test_text_that_looks_like_another_type_is_checked_before_it_is_taken(bench: Workbench) -> None:
    write(bench)
    write(bench, pa.table({"id": ["17"]}), write_mode="append")
    for odd in ("017", "1e1", "x", "9223372036854775808"):
        with pytest.raises(DriverError, match="1 values of column 'id'"):
            write(bench, pa.table({"id": [odd]}), write_mode="append")
    assert read(bench)["id"].to_pylist() == [1, 2, 3, 17]


def test_a_locked_catalogue_does_not_keep_a_canceled_writer_waiting(bench: Workbench) -> None:
    with bench.opened("duckdb.extractor", FILE, store_written=True):
        write(bench)
    started = threading.Event()
    go = threading.Event()

    def rows() -> Iterator[pa.RecordBatch]:
        started.set()
        go.wait(30)
        yield from ROWS.to_batches()

    with bench.opened("duckdb.writer", FILE) as driver:
        failed: list[BaseException] = []

        def work() -> None:
            try:
                driver.write(pa.RecordBatchReader.from_batches(ROWS.schema, rows()))
            except DriverError as error:
                failed.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        started.wait(30)
        driver.cancel()
        go.set()
        thread.join(30)
        assert [error.first.code for error in failed] == ["DRV028"]
    assert read(bench).equals(ROWS)


@pytest.mark.parametrize(("component", "method"), [("duckdb.extractor", "write"), ("duckdb.writer", "read")])
def test_a_component_refuses_what_its_mode_does_not_say(bench: Workbench, component: str, method: str) -> None:
    with bench.opened(component, FILE) as driver, pytest.raises(DriverError, match=f"cannot {method}"):
        getattr(driver, method)(*([ROWS.to_reader()] if method == "write" else []))


def test_memory_and_settings_of_the_file_are_locked(bench: Workbench) -> None:
    write(bench)
    settings = "select current_setting('enable_external_access') as a, current_setting('TimeZone') as z"
    inside(bench, f"create view settings as {settings}")
    assert read(bench, table="settings").to_pylist() == [{"a": False, "z": "UTC"}]
