"""A SQLite file as source and target: whose types it has, what it refuses, and who may use it when."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from osiris_dagster.drivers.positions import Since
from osiris_dagster.errors import ConfigError, DriverError
from osiris_dagster.oml.partition import Partition
from osiris_dagster.testing.workbench import Workbench
from tests.drivers.full_disk import full_disk

ROWS = pa.table({"id": [1, 2, 3], "name": ["a", None, "c"]})
FILE = {"path": "shop.sqlite", "table": "t"}


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return Workbench(tmp_path)


def write(bench: Workbench, rows: Any = ROWS, **options: Any) -> Any:
    parts = {key: options.pop(key) for key in ("run_id", "step_id") if key in options}
    return bench.write("sqlite.writer", {**FILE, **options}, rows, **parts)


def read(bench: Workbench, **options: Any) -> pa.Table:
    return bench.read("sqlite.extractor", {**FILE, **options})


def query(bench: Workbench, text: str, **options: Any) -> pa.Table:
    return read(bench, table=None, query=text, **options)


def inside(bench: Workbench, *statements: str, timeout: float = 5) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(bench.root / FILE["path"], timeout, isolation_level=None)) as session:
        return [row for statement in statements for row in session.execute(statement).fetchall()]


def refused(code: str, use: Any) -> DriverError:
    with pytest.raises(DriverError) as caught:
        use()
    assert caught.value.first.code == code
    return caught.value


# -- types -----------------------------------------------------------------------------------------------------------


def test_a_table_is_strict_and_keeps_decimals_and_times_as_texts_that_sort(bench: Workbench) -> None:
    amounts = pa.array([Decimal("1.5"), Decimal("-0.0000000001"), Decimal(0)], pa.decimal128(20, 10))
    moments = pa.array([datetime(2025, 1, 2, 3, 4, 5), None, datetime(1, 1, 1)], pa.timestamp("us"))
    instants = pa.array([datetime(2025, 1, 2), None, datetime(9999, 1, 1)], pa.timestamp("s", "UTC"))
    days = pa.array([date(2025, 1, 31), date(1, 1, 1), None])
    write(bench, pa.table({"amount": amounts, "moment": moments, "instant": instants, "day": days}))
    assert "strict" in inside(bench, "select sql from sqlite_schema where name = 't'")[0][0]
    assert inside(bench, "select * from t") == [
        ("1.5000000000", "2025-01-02 03:04:05.000000", "2025-01-02 00:00:00Z", "2025-01-31"),
        ("-0.0000000001", None, None, "0001-01-01"),
        ("0.0000000000", "0001-01-01 00:00:00.000000", "9999-01-01 00:00:00Z", None),
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (pa.array([1, None]), pa.array([Decimal("2.50"), None], pa.decimal128(9, 2))),
        (pa.array([Decimal("7.5"), None], pa.decimal128(5, 1)), pa.array([Decimal("2.125")], pa.decimal128(9, 3))),
        (pa.array([date(2025, 1, 1), None]), pa.array([datetime(2025, 1, 2, 3)], pa.timestamp("ms"))),
        (pa.array([datetime(2025, 1, 1)], pa.timestamp("s")), pa.array([datetime(2025, 1, 2)], pa.timestamp("us"))),
        (pa.array([5], pa.timestamp("s", "UTC")), pa.array([6_000_001], pa.timestamp("us", "UTC"))),
        (pa.array([1, 2], pa.time32("s")), pa.array([1_500], pa.time32("ms"))),
        (pa.array([3, None], pa.int32()), pa.array([0.5])),
        (pa.array([0.1], pa.float32()), pa.array([0.1])),
        (pa.nulls(2), pa.array(["text"])),
        (pa.nulls(1), pa.array([1])),
    ],
)
@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_a_wider_type_takes_the_old_rows_along(bench: Workbench, first: pa.Array, second: pa.Array, mode: str) -> None:
    old = pa.table({"id": range(len(first)), "value": first})
    new = pa.table({"id": range(10, 10 + len(second)), "value": second})
    write(bench, old, write_mode="upsert", primary_key="id")
    inside(bench, "create index by_value on t (value)", "create table log (n int)")
    inside(bench, "create trigger watch after insert on t begin insert into log values (new.id); end")
    write(bench, new, write_mode=mode, primary_key="id")
    again = write(bench, new, write_mode="upsert", primary_key="id")
    found = read(bench)
    assert again.rows_total == len(old) + len(new)
    values = found["value"].to_pylist()
    assert values[: len(first)] == first.cast(found.schema.field("value").type).to_pylist()
    assert values[len(first) :] == second.cast(found.schema.field("value").type).to_pylist()
    assert inside(bench, "select type from sqlite_schema where tbl_name = 't' and sql is not null order by type") == [
        ("index",), ("table",), ("trigger",),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("declared", "cell", "kind", "value"),
    [
        ("integer", "7", "int64", 7),
        ("varchar(20)", "'x'", "string", "x"),
        ("real", "2", "double", 2.0),
        ("decimal(9,2)", "2.5", "double", 2.5),
        ("decimal(9,2)", "2", "double", 2.0),
        ("boolean", "1", "bool", True),
        ("datetime", "'2025-01-01'", "string", "2025-01-01"),
        ("blob", "x'00ff'", "binary", b"\0\xff"),
        ("", "x'00ff'", "binary", b"\0\xff"),
    ],
)
def test_a_foreign_table_is_read_by_the_types_that_it_declares(
    bench: Workbench, declared: str, cell: str, kind: str, value: Any
) -> None:
    inside(bench, f"create table t (a {declared})", f"insert into t values ({cell}), (null)")
    found = read(bench)
    assert str(found.schema.field("a").type) == kind
    assert found["a"].to_pylist() == [value, None]


@pytest.mark.parametrize(
    ("declared", "cell", "found"),
    [
        ("integer", "'secret'", "text"),
        ("integer", "1.5", "a real number"),
        ("text", "x'736563726574'", "bytes"),
        ("blob", "'secret'", "text"),
        ("real", "'secret'", "text"),
        ("boolean", "2", "a value of another form"),
    ],
)
def test_a_cell_of_another_storage_class_is_refused_by_column_and_row(
    bench: Workbench, declared: str, cell: str, found: str
) -> None:
    rows = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000) select null from n"
    inside(bench, f"create table t (a {declared})", f"insert into t {rows}", f"insert into t values ({cell})")
    error = refused("DRV010", lambda: read(bench))
    assert f"'a' holds {found} in row 3001" in error.first.message
    assert "secret" not in str(error)


def test_text_that_is_not_utf8_is_refused_by_its_column_without_the_text(bench: Workbench) -> None:
    inside(bench, "create table t (a text)", "insert into t values (cast(x'736563726574ff' as text))")
    error = refused("DRV010", lambda: read(bench))
    assert "'a' holds text that is not UTF-8" in error.first.message
    assert "secret" not in str(error)


def test_types_may_be_named_where_the_file_has_none(bench: Workbench) -> None:
    inside(bench, "create table t (day text, amount text)", "insert into t values ('2025-01-31', '1.50')")
    found = read(bench, types={"day": "date", "AMOUNT": "decimal(9,2)"})
    assert found.to_pylist() == [{"day": date(2025, 1, 31), "amount": Decimal("1.50")}]
    inside(bench, "insert into t values ('soon', '1')")
    error = refused("DRV010", lambda: read(bench, types={"day": "date"}))
    assert "'day' holds a value of another form in row 2" in error.first.message
    assert "day" in refused("DRV024", lambda: read(bench, types={"dya": "date"})).first.fix
    refused("DRV011", lambda: read(bench, types={"day": "dates"}))


def test_a_column_that_a_query_computes_has_the_type_of_all_its_values(bench: Workbench) -> None:
    write(bench)
    found = query(bench, "select name, count(*) as n, id / 2.0 as half, null as empty from t group by name order by id")
    assert list(map(str, found.schema.types)) == ["string", "int64", "double", "null"]
    assert found["half"].to_pylist() == [0.5, 1.0, 1.5]
    error = refused("DRV010", lambda: query(bench, "select case id when 1 then 'x' else 2 end as odd from t"))
    assert "'odd' holds values that are integer, text" in error.first.message


def test_a_row_larger_than_memory_should_hold_is_refused(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    from osiris_dagster.drivers.sqlite import session

    inside(bench, "create table t (a blob)", "insert into t values (zeroblob(2000000))")
    monkeypatch.setattr(session, "_LARGEST_ROW", 1 << 20)
    for use in (read, lambda bench: write(bench, pa.table({"a": [b"x" * 2_000_000]}))):
        assert "too big" in refused("DRV025", lambda use=use: use(bench)).first.message


def test_nan_is_refused_as_the_file_would_keep_null(bench: Workbench) -> None:
    error = refused("DRV010", lambda: write(bench, pa.table({"a": [1.0, float("nan")]})))
    assert "'a' holds NaN" in error.first.message


def test_a_foreign_table_keeps_its_declarations_and_takes_what_fits(bench: Workbench) -> None:
    inside(bench, "create table t (id integer primary key, name varchar(9) not null default 'none', extra int)")
    write(bench, pa.table({"id": [1.0, 2.0]}), write_mode="append")
    report = write(
        bench, pa.table({"id": [2], "name": ["b"], "seen": [date(2025, 1, 1)]}), write_mode="upsert", primary_key="id"
    )
    assert "column seen date added" in " ".join(report.notes)
    assert inside(bench, "select id, name, seen from t") == [(1, "none", None), (2, "b", "2025-01-01")]
    assert read(bench)["seen"].to_pylist() == [None, date(2025, 1, 1)]
    assert "varchar(9) not null default 'none'" in inside(bench, "select sql from sqlite_schema where name = 't'")[0][0]
    refused("DRV034", lambda: write(bench, pa.table({"id": ["x"], "name": ["y"]})))


def test_types_of_our_own_table_do_not_change_where_a_column_was_declared_by_hand(bench: Workbench) -> None:
    write(bench)
    inside(bench, "alter table t add column note text default 'x'")
    error = refused("DRV104", lambda: write(bench, pa.table({"id": ["x"]}), write_mode="replace"))
    assert "declared by hand" in error.first.message
    assert read(bench)["id"].to_pylist() == [1, 2, 3]


# -- queries ---------------------------------------------------------------------------------------------------------


def test_a_query_is_read_with_columns_filter_and_limit_around_it(bench: Workbench) -> None:
    write(bench)
    text = "with x as (select id, upper(name) as name from t order by id desc) select * from x; -- all"
    assert query(bench, text, columns=["name"], filter="id > 1 -- not the first", limit=1).to_pylist() == [
        {"name": "C"}
    ]
    assert query(bench, "select * from t order by id desc", offset=2)["id"].to_pylist() == [1]


@pytest.mark.parametrize(
    "text",
    [
        "insert into t values (9, 'x') returning *",
        "select * from t; drop table t",
        "create table u as select 1",
        "attach 'other.sqlite' as other",
        "select load_extension('evil')",
        "select readfile('/etc/hostname')",
        "select * from pragma_database_list",
        "select * from pragma_database_list()",
        "pragma journal_mode = wal",
        "vacuum into 'copy.sqlite'",
        "begin",
    ],
)
def test_a_query_neither_changes_the_file_nor_leaves_it(bench: Workbench, text: str) -> None:
    write(bench)
    with pytest.raises(DriverError) as caught:
        query(bench, text)
    assert caught.value.first.code in ("DRV023", "DRV027")
    assert read(bench).equals(ROWS)
    assert sorted(path.name for path in bench.root.glob("*.sqlite*")) == ["shop.sqlite"]


def test_a_filter_cannot_leave_its_brackets(bench: Workbench) -> None:
    write(bench)
    refused("DRV023", lambda: read(bench, filter="1 = 1) union all select 9, 'x' --"))


@pytest.mark.parametrize("statement", ["attach 'other.sqlite' as o", "select load_extension('evil')"])
def test_the_connection_itself_refuses_other_files_and_libraries(bench: Workbench, statement: str) -> None:
    """Behind the judge of SQL, and in triggers and views that a file brings along."""
    from osiris_dagster.drivers.sqlite.session import Session
    from osiris_dagster.drivers.stopping import StopSign

    write(bench)
    for mode in (False, True):
        session = Session(bench.root / FILE["path"], "shop", write=mode, wait=0, stopped=StopSign())
        with closing(session), pytest.raises(DriverError):
            session.rows(statement)
    assert not (bench.root / "other.sqlite").exists()


def test_a_missing_table_is_named_with_the_nearest(bench: Workbench) -> None:
    write(bench, table="orders")
    error = refused("DRV024", lambda: read(bench, table="ordres"))
    assert "orders" in error.first.fix


def test_a_view_is_read_and_not_written_to(bench: Workbench) -> None:
    write(bench)
    inside(bench, "create view seen as select id from t where id > 2")
    assert read(bench, table="seen").to_pylist() == [{"id": 3}]
    assert "main.seen is a view" in refused("DRV035", lambda: write(bench, table="seen")).first.message


@pytest.mark.parametrize("options", [{"table": None}, {"query": "select 1 as n"}])
def test_either_a_table_or_a_query_is_read(bench: Workbench, options: dict[str, Any]) -> None:
    write(bench)
    refused("DRV022", lambda: read(bench, **options))


@pytest.mark.parametrize(
    ("column", "kind", "value", "inclusive", "ids"),
    [
        ("id", "int64", "2", False, {3}),
        ("amount", "decimal(9,2)", "9.75", False, {1, 3}),
        ("moment", "timestamp", "2025-01-02 00:00:00.000000", True, {2, 3}),
        ("moment", "timestamp", "2025-01-02 00:00:00.000000", False, {3}),
    ],
)
@pytest.mark.parametrize("made", ["by us", "by others"])
def test_an_incremental_reading_never_misses_a_row_that_is_newer(
    bench: Workbench, column: str, kind: str, value: str, inclusive: bool, ids: set[int], made: str
) -> None:
    if made == "by us":
        amounts = pa.array([Decimal("10.50"), Decimal("9.75"), Decimal("100.00")], pa.decimal128(9, 2))
        moments = pa.array([datetime(2025, 1, 1), datetime(2025, 1, 2), datetime(2025, 1, 2, 1)], pa.timestamp("us"))
        write(bench, pa.table({"id": [1, 2, 3], "amount": amounts, "moment": moments}))
    else:
        inside(bench, "create table t (id int, amount text, moment text)")
        inside(bench, "insert into t values (1, '10.50', '2025-01-01'), (2, '9.75', '2025-01-02')")
        inside(bench, "insert into t values (3, '100.00', '2025-01-02T01:00:00')")
    config = {**FILE, "types": {"amount": "decimal(9,2)", "moment": "timestamp"}}
    found = bench.read("sqlite.extractor", config, since=Since(column, kind, value, inclusive))
    assert ids <= set(found["id"].to_pylist())
    if column == "id":
        assert ids == set(found["id"].to_pylist())


def test_a_static_partition_is_equal_to_the_letter_whatever_the_collation(bench: Workbench) -> None:
    inside(bench, "create table t (id int, land text collate nocase)", "insert into t values (1, 'cz'), (2, 'CZ')")
    config = {**FILE, "write_mode": "replace", "partition_column": "land"}
    bench.write("sqlite.writer", config, pa.table({"id": [9], "land": ["cz"]}), partition=Partition(("cz",)))
    assert sorted(read(bench)["id"].to_pylist()) == [2, 9]


# -- the file --------------------------------------------------------------------------------------------------------


def test_a_missing_file_is_not_made_by_reading_it(bench: Workbench) -> None:
    assert "shop.sqlite does not exist" in refused("DRV020", lambda: read(bench)).first.message
    assert not (bench.root / FILE["path"]).exists()


@pytest.mark.parametrize("content", [b"no database" * 1000, os.urandom(8192)])
def test_a_file_that_is_no_database_or_encrypted_is_told_in_one_sentence(bench: Workbench, content: bytes) -> None:
    (bench.root / FILE["path"]).write_bytes(content)
    for use in (read, write):
        error = refused("DRV019", lambda use=use: use(bench))
        assert error.first.message == "shop.sqlite is no SQLite database, or an encrypted one"
    assert (bench.root / FILE["path"]).read_bytes() == content


def test_a_damaged_file_is_told(bench: Workbench) -> None:
    write(bench, pa.table({"id": range(2000)}))
    path = bench.root / FILE["path"]
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 8192)
    assert "malformed" in refused("DRV019", lambda: read(bench)).first.message


@pytest.mark.parametrize("component", ["sqlite.extractor", "sqlite.writer"])
def test_a_step_without_a_file_says_how_to_name_one(bench: Workbench, component: str) -> None:
    with bench.opened(component, {"table": "t"}) as driver, pytest.raises(ConfigError) as caught:
        driver.write(ROWS.to_reader()) if component == "sqlite.writer" else driver.read()
    assert "@sqlite.<alias>" in caught.value.first.fix


@pytest.mark.parametrize("path", ["../out.sqlite", "/tmp/out.sqlite", "link/out.sqlite"])
def test_a_database_outside_of_the_project_is_refused(bench: Workbench, tmp_path_factory: Any, path: str) -> None:
    (bench.root / "link").symlink_to(tmp_path_factory.mktemp("elsewhere"))
    with pytest.raises(ConfigError) as caught:
        write(bench, path=path)
    assert caught.value.first.code == "CFG010"


@pytest.mark.parametrize("name", ["sqlite_odd", "_osiris_loads", "_OSIRIS_x", "a\0b"])
def test_names_that_are_reserved_are_refused(bench: Workbench, name: str) -> None:
    refused("DRV070", lambda: write(bench, table=name))


def test_tables_with_odd_names_are_written_and_read(bench: Workbench) -> None:
    for name in ('say "x"', "a.b", "select", "žluť 😀", "it's", "{w} %s $1 ?"):
        for run in ("one", "two"):
            write(bench, table=name, write_mode="upsert", primary_key="id", run_id=f"{run} {name}")
        assert read(bench, table=name).equals(ROWS)


def test_names_that_differ_only_in_case_are_one(bench: Workbench) -> None:
    refused("DRV037", lambda: write(bench, pa.table({"id": [1], "ID": [2]})))
    write(bench)
    write(bench, pa.table({"ID": [3], "NAME": ["x"]}), table="T", write_mode="upsert", primary_key="Id")
    assert read(bench).to_pylist()[-1] == {"id": 3, "name": "x"}


# -- locks -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def holder(bench: Workbench) -> Iterator[sqlite3.Connection]:
    write(bench)
    address = bench.root / FILE["path"]
    with closing(sqlite3.connect(address, isolation_level=None, check_same_thread=False)) as session:
        yield session


def test_a_locked_file_is_told_after_the_time_of_the_step(bench: Workbench, holder: sqlite3.Connection) -> None:
    holder.execute("begin exclusive")
    for use in (read, write):
        error = refused("DRV021", lambda use=use: use(bench, lock_timeout=0.2))
        assert error.first.message == "the database shop.sqlite is held by another connection; waited 0.2 s"
        assert error.retryable == "transient"


def test_a_step_waits_for_a_lock_that_goes_in_time(bench: Workbench, holder: sqlite3.Connection) -> None:
    for use in (read, write):
        holder.execute("begin exclusive")
        timer = threading.Timer(0.3, holder.execute, ["commit"])
        timer.start()
        use(bench, lock_timeout=30)
        timer.join()


def test_waiting_ends_when_the_step_is_canceled(bench: Workbench, holder: sqlite3.Connection) -> None:
    holder.execute("begin exclusive")
    with bench.opened("sqlite.extractor", {**FILE, "lock_timeout": 60}) as driver:
        timer = threading.Timer(0.2, driver.cancel)
        timer.start()
        refused("DRV028", driver.read)
        timer.join()


def test_a_query_that_computes_is_interrupted(bench: Workbench) -> None:
    write(bench)
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) as c from n"
    with bench.opened("sqlite.extractor", {**FILE, "table": None, "query": endless}) as driver:
        timer = threading.Timer(0.3, driver.cancel)
        timer.start()
        refused("DRV028", driver.read)
        timer.join()


def test_a_chain_may_read_and_write_one_file(bench: Workbench) -> None:
    write(bench)
    with bench.opened("sqlite.extractor", FILE) as source:
        write(bench, source.read(), table="copy", lock_timeout=0)
    assert read(bench, table="copy").equals(ROWS)


def test_a_chain_that_does_not_read_to_the_end_may_write_the_file(bench: Workbench) -> None:
    write(bench, pa.table({"id": range(5000), "odd": ["1" * 2000] * 5000}))
    with bench.opened("sqlite.extractor", FILE, store_written=True) as source:
        first = source.read().read_next_batch()
        write(bench, pa.Table.from_batches([first]), table="copy", lock_timeout=0)
        assert first.schema.field("odd").type == pa.string()
    assert 0 < read(bench, table="copy").num_rows < 5000


def test_readers_see_the_old_rows_or_the_new_ones_during_a_replace(bench: Workbench) -> None:
    write(bench)
    seen: list[int] = []

    def rows() -> Iterator[pa.RecordBatch]:
        for _ in range(5):
            seen.append(read(bench).num_rows)
            yield from ROWS.to_batches()

    write(bench, pa.RecordBatchReader.from_batches(ROWS.schema, rows()), write_mode="replace")
    assert seen == [3] * 5
    assert read(bench).num_rows == 15


def test_a_table_that_changes_while_rows_come_is_told_and_stays(bench: Workbench) -> None:
    write(bench)

    def rows() -> Iterator[pa.RecordBatch]:
        yield from ROWS.to_batches()
        inside(bench, "drop table t", "create table t (id text, name text) strict")

    reader = pa.RecordBatchReader.from_batches(ROWS.schema, rows())
    error = refused("DRV033", lambda: write(bench, reader, write_mode="append"))
    assert error.retryable == "transient"
    assert read(bench).num_rows == 0


# -- writing ---------------------------------------------------------------------------------------------------------


def test_constraints_of_the_table_are_kept_and_named_without_values(bench: Workbench) -> None:
    inside(bench, "create table t (id integer primary key, name text check (name <> 'secret'))")
    error = refused("DRV029", lambda: write(bench, pa.table({"id": [1], "name": ["secret"]})))
    assert "CHECK constraint failed" in error.first.message
    write(bench)
    assert "t.id" in refused("DRV029", lambda: write(bench)).first.message
    assert read(bench).equals(ROWS)


def test_a_full_disk_leaves_the_old_rows(bench: Workbench) -> None:
    write(bench)
    noise = pa.table({"id": range(100_000), "name": [os.urandom(12).hex() for _ in range(100_000)]})
    with full_disk(1_000_000), pytest.raises(DriverError) as caught:
        write(bench, noise, write_mode="replace")
    assert caught.value.first.code in ("DRV019", "DRV026")
    assert read(bench).equals(ROWS)


def test_the_record_of_loads_forgets_after_thirty_days(bench: Workbench) -> None:
    write(bench, run_id="old")
    inside(bench, "update _osiris_loads set committed_at = datetime(committed_at, '-31 days')")
    write(bench, run_id="new")
    assert inside(bench, "select run_id from _osiris_loads") == [("new",)]


def test_what_a_killed_writer_left_half_done_is_undone_by_the_next_reader(bench: Workbench) -> None:
    write(bench, pa.table({"id": range(20_000)}))
    script = f"""
import os, signal, sqlite3
session = sqlite3.connect({str(bench.root / FILE["path"])!r}, isolation_level=None)
session.execute("pragma cache_size = 5")
session.execute("begin")
session.execute("update t set id = id + 1")
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", script], check=False)
    assert killed.returncode == -9
    assert (bench.root / "shop.sqlite-journal").exists()
    assert read(bench)["id"].to_pylist() == list(range(20_000))
