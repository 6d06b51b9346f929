"""What is special about writing MySQL: exact values, tables that are there, faults in every phase, other runs."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from osiris_dagster.errors import DriverError
from osiris_dagster.oml.partition import Partition
from osiris_dagster.testing.workbench import Workbench
from tests.drivers.test_mysql_extract import left_sessions
from tests.servers.mariadb import PASSWORD, Database, Server
from tests.servers.network import Network, network_to

READER, WRITER = "mysql.extractor", "mysql.writer"
ROWS = pa.table({"id": pa.array([1, 2, 3], pa.int64()), "name": ["a", None, ""]})
MORE = pa.table({"id": pa.array([3, 4], pa.int64()), "name": ["changed", "d"]})
TEXTS = ["", " ", "a\tb\nc\r\nd", "\\", "\\N", "NULL", "é😀漢", 'it\'s "x"', "nul\0byte", "\x1a", "end\\", "%s", None]
TOO_BIG = "a" * 100


@pytest.fixture
def bench(tmp_path: Path, mysql_database: Database) -> Workbench:
    return Workbench(tmp_path, mysql_database.connection)


@pytest.fixture(params=["by file", "by insert"])
def any_way(request: pytest.FixtureRequest) -> str:
    """Both ways of loading rows."""
    if request.param == "by insert":
        request.getfixturevalue("without_local_infile")
    return str(request.param)


def write(bench: Workbench, rows: pa.Table, **options: Any) -> Any:
    parts = {key: options.pop(key) for key in ("run_id", "root_run_id", "retry_of", "partition") if key in options}
    return bench.write(WRITER, {"table": "t", **options}, rows, **parts)


def read(bench: Workbench, **options: Any) -> pa.Table:
    return bench.read(READER, {"table": "t", **options})


def refused(bench: Workbench, rows: pa.Table, code: str, **options: Any) -> DriverError:
    with pytest.raises(DriverError) as caught:
        write(bench, rows, **options)
    assert caught.value.first.code == code, caught.value
    assert PASSWORD not in str(caught.value)
    return caught.value


def staged(database: Database) -> list[Any]:
    return database.execute("select table_name from information_schema.tables where table_name like '%stage\\_%'")


# -- values ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        pa.array(TEXTS),
        pa.array([b"", b"\x00\xff\\\t\n", bytes(range(256)), None], pa.binary()),
        pa.array([0.1, 5e-324, 1.7976931348623157e308, 123456789.12345679, None], pa.float64()),
        pa.array([0.1, 16777217.0, 1e-38, 3.4e38, None], pa.float32()),
        pa.array([Decimal("-0.000000000000000000000000000001"), Decimal("1e-30"), Decimal(0)], pa.decimal256(65, 30)),
        pa.array([dt.timedelta(hours=838, minutes=59, seconds=59), dt.timedelta(microseconds=-1), None]),
        pa.array([2**64 - 1, 0, None], pa.uint64()),
        pa.array([dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999_999)], pa.timestamp("us")),
        pa.array([1_000, None], pa.timestamp("ns")),
    ],
    ids=lambda values: str(values.type),
)  # fmt: skip
def test_values_are_written_exactly(bench: Workbench, any_way: str, values: pa.Array) -> None:
    write(bench, pa.table({"id": range(len(values)), "v": values}))
    found = read(bench)["v"].to_pylist()
    wanted = values.cast(pa.timestamp("us")).to_pylist() if pa.types.is_timestamp(values.type) else values.to_pylist()
    assert repr(found) == repr(wanted)


def test_zero_has_no_sign_in_the_server(bench: Workbench) -> None:
    write(bench, pa.table({"v": [-0.0]}))
    assert read(bench)["v"].to_pylist() == [0.0]


def test_a_single_column_of_empty_texts_keeps_its_rows(bench: Workbench, any_way: str) -> None:
    rows = pa.table({"v": ["", None, ""]})
    assert write(bench, rows).rows_written == 3
    assert read(bench).equals(rows)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_is_refused_by_column(bench: Workbench, value: float) -> None:
    assert "'v'" in str(refused(bench, pa.table({"id": [1], "v": [value]}), "DRV010"))


def test_large_values_are_written_and_read(bench: Workbench) -> None:
    rows = pa.table({"id": [1, 2], "v": ["x" * 20_000_000, "y"]})
    write(bench, rows)
    assert read(bench).equals(rows)


@pytest.mark.parametrize("name", ["n" * 65, "é" * 65, "emoji 😀", "space at the end "])
def test_a_name_that_mysql_does_not_take_is_refused_and_never_cut(bench: Workbench, name: str) -> None:
    refused(bench, pa.table({name: [1]}), "DRV100")
    refused(bench, ROWS, "DRV100", table=name)


# -- tables that are there ---------------------------------------------------------------------------------------------


def test_texts_that_are_too_long_for_a_column_are_refused_by_its_name(
    bench: Workbench, mysql_database: Database, any_way: str
) -> None:
    mysql_database.execute("create table t (id bigint, name varchar(10))", "insert into t values (7, 'old')")
    error = refused(bench, pa.table({"id": [1], "name": [TOO_BIG]}), "DRV034")
    assert "name" in str(error)
    assert TOO_BIG not in str(error)
    assert read(bench).to_pydict() == {"id": [7], "name": ["old"]}
    assert staged(mysql_database) == []


def test_a_value_that_is_not_of_an_enumeration_is_refused(
    bench: Workbench, mysql_database: Database, any_way: str
) -> None:
    mysql_database.execute("create table t (id bigint, name enum('a', 'b'))")
    refused(bench, pa.table({"id": [1], "name": ["c"]}), "DRV034")
    write(bench, pa.table({"id": [1], "name": ["b"]}))
    assert read(bench)["name"].to_pylist() == ["b"]


@pytest.mark.parametrize(
    ("declared", "rows", "fits"),
    [
        ("smallint", pa.array([1.0, 70_000.0]), False),
        ("int", pa.array([1.5]), False),
        ("int", pa.array([Decimal("7.00")]), True),
        ("int", pa.array(["12"]), True),
        ("int", pa.array(["12x"]), False),
        ("decimal(5,1)", pa.array([Decimal("1.55")]), False),
        ("decimal(5,1)", pa.array([Decimal("1.50")]), True),
        ("date", pa.array([dt.datetime(2025, 1, 1)]), True),
        ("date", pa.array([dt.datetime(2025, 1, 1, 1)]), False),
        ("datetime", pa.array([dt.datetime(2025, 1, 1, 0, 0, 0, 1)]), False),
        ("timestamp null", pa.array([dt.datetime(2025, 1, 1)]), True),
        ("timestamp null", pa.array([dt.datetime(1900, 1, 1)]), False),
        ("year", pa.array([2025]), True),
        ("year", pa.array([1800]), False),
        ("bit(4)", pa.array([15]), True),
        ("bit(4)", pa.array([16]), False),
        ("varchar(3)", pa.array([123]), True),
        ("varchar(3)", pa.array([1234]), False),
        ("tinyint(1)", pa.array([1, 0]), True),
        ("int", pa.array([b"12"]), False),
    ],
)  # fmt: skip
def test_values_of_another_type_are_taken_if_they_fit_exactly(
    bench: Workbench, mysql_database: Database, declared: str, rows: pa.Array, fits: bool
) -> None:
    mysql_database.execute(f"create table t (v {declared})")
    table = pa.table({"v": rows})
    if not fits:
        refused(bench, table, "DRV034", schema_drift="ignore")
        assert mysql_database.execute("select count(*) from t") == [(0,)]
        return
    write(bench, table, schema_drift="ignore")
    assert mysql_database.execute("select count(*) from t where v is not null") == [(len(rows),)]


def test_widening_keeps_default_comment_and_numbering(bench: Workbench, mysql_database: Database) -> None:
    mysql_database.execute(
        "create table t (id int not null auto_increment primary key comment 'the ''key''', n smallint default 7)"
    )
    write(bench, pa.table({"id": pa.array([0, 2**40], pa.int64()), "n": pa.array([70_000, None], pa.int32())}))
    assert mysql_database.execute("select * from t order by id") == [(0, 70_000), (2**40, None)]
    shown = mysql_database.execute("show create table t")[0][1].lower()
    assert "auto_increment" in shown
    assert "comment 'the ''key'''" in shown
    assert "default 7" in shown


@pytest.mark.parametrize("engine", ["MyISAM", "MEMORY"])
@pytest.mark.parametrize("mode", ["append", "replace"])
def test_an_engine_without_transactions_is_refused_by_name(
    bench: Workbench, mysql_database: Database, engine: str, mode: str
) -> None:
    mysql_database.execute(
        f"create table t (id bigint, name varchar(5)) engine={engine}", "insert into t values (7, 'o')"
    )
    assert engine in str(refused(bench, ROWS, "DRV103", write_mode=mode))
    assert mysql_database.execute("select * from t") == [(7, "o")]


def test_a_view_and_a_database_that_is_not_there_are_refused(bench: Workbench, mysql_database: Database) -> None:
    mysql_database.execute("create view t as select 1 as id")
    refused(bench, ROWS, "DRV035")
    refused(bench, ROWS, "DRV024", database="no_such_database")


def test_a_replace_of_other_types_is_refused_where_triggers_would_be_lost(
    bench: Workbench, mysql_database: Database
) -> None:
    mysql_database.execute(
        "create table t (id varchar(5), name varchar(5))",
        "insert into t values ('x', 'y')",
        "create trigger g before insert on t for each row set new.name = 'z'",
    )
    rows = pa.table({"id": [dt.date(2025, 1, 1)], "name": pa.array([1.5])})
    assert "triggers" in str(refused(bench, rows, "DRV104", write_mode="replace"))
    assert mysql_database.execute("select * from t") == [("x", "y")]


def test_a_replace_of_other_types_keeps_indexes_and_comment(bench: Workbench, mysql_database: Database) -> None:
    mysql_database.execute(
        "create table t (id date not null, n int, primary key (id), key odd (n)) comment 'osiris of the shop'",
        "insert into t values ('2025-01-01', 1)",
    )
    write(bench, pa.table({"id": [5, 6], "n": [1, 2]}), write_mode="replace", run_id="r")
    assert mysql_database.execute("select * from t") == [(5, 1), (6, 2)]
    shown = mysql_database.execute("show create table t")[0][1]
    assert all(part in shown for part in ("PRIMARY KEY (`id`)", "KEY `odd`", "COMMENT='osiris of the shop'"))
    assert staged(mysql_database) == []


def test_an_upsert_never_updates_by_another_unique_key(bench: Workbench, mysql_database: Database) -> None:
    mysql_database.execute(
        "create table t (id bigint primary key, name varchar(20), kept int, unique key (name))",
        "insert into t values (1, 'a', 10), (2, 'b', 20)",
    )
    error = refused(bench, pa.table({"id": [3], "name": ["a"]}), "DRV029", write_mode="upsert", primary_key="id")
    assert "'a'" not in str(error)
    assert mysql_database.execute("select * from t order by id") == [(1, "a", 10), (2, "b", 20)]
    write(bench, pa.table({"id": [2, 3], "name": ["B", "c"]}), write_mode="upsert", primary_key="id")
    assert mysql_database.execute("select * from t order by id") == [(1, "a", 10), (2, "B", 20), (3, "c", None)]


def test_keys_compare_as_the_table_compares_them(bench: Workbench, mysql_database: Database, any_way: str) -> None:
    mysql_database.execute("create table t (k varchar(10) collate utf8mb4_general_ci primary key, v int)")
    rows = pa.table({"k": ["a", "A"], "v": [1, 2]})
    refused(bench, rows, "DRV032", write_mode="upsert", primary_key="k")
    write(bench, rows, write_mode="upsert", primary_key="k", on_duplicate="last")
    assert mysql_database.execute("select v from t") == [(2,)]


def test_a_partition_is_equal_to_the_letter_where_the_table_takes_letters_for_equal(
    bench: Workbench, mysql_database: Database
) -> None:
    mysql_database.execute(
        "create table t (id bigint, land varchar(9) character set latin1 collate latin1_swedish_ci, key (land))"
    )
    write(bench, pa.table({"id": [1, 2, 3, 4], "land": ["dé", "DÉ", "de", None]}))
    rows = pa.table({"id": [9], "land": ["dé"]})
    write(bench, rows, write_mode="replace", partition=Partition(("dé",)), partition_column="land")
    assert sorted(read(bench)["id"].to_pylist()) == [2, 3, 4, 9]


def test_a_new_table_has_the_primary_key_and_tells_texts_apart(bench: Workbench, mysql_database: Database) -> None:
    rows = pa.table({"k": ["a", "A", "á"], "v": [1, 2, 3]})
    write(bench, rows, write_mode="upsert", primary_key="k")
    assert "PRIMARY KEY (`k`)" in mysql_database.execute("show create table t")[0][1]
    assert read(bench).num_rows == 3


def test_a_large_replace_is_a_change_of_names_and_keeps_the_table(bench: Workbench, mysql_database: Database) -> None:
    old = pa.table({"id": range(250_000), "name": ["old"] * 250_000})
    write(bench, old, primary_key="id")
    mysql_database.execute("analyze table t", "alter table t comment = 'mine', add key n (name(5))")
    before = mysql_database.execute("select create_time from information_schema.tables where table_name = 't'")
    time.sleep(1)
    write(bench, ROWS.slice(0, 2), write_mode="replace", primary_key="id", run_id="new")
    assert read(bench).equals(ROWS.slice(0, 2))
    shown = mysql_database.execute("show create table t")[0][1]
    assert "COMMENT='mine'" in shown
    assert "KEY `n`" in shown
    assert before != mysql_database.execute("select create_time from information_schema.tables where table_name = 't'")


# -- rights ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def guest(bench: Workbench, mysql_database: Database) -> Iterator[Callable[[str], Workbench]]:
    """A user with the rights that a test grants."""
    server = mysql_database.server
    server.execute("create user guest@'%' identified by 'guest-password'")

    def with_rights(*grants: str) -> Workbench:
        server.execute(*(f"grant {grant} to guest@'%'" for grant in grants))
        return Workbench(bench.root / "guest", {**bench.connection, "user": "guest", "password": "guest-password"})

    yield with_rights
    server.execute("drop user guest@'%'")


def test_without_a_database_of_our_own_everything_lies_beside_the_target(
    guest: Callable[..., Workbench], mysql_database: Database
) -> None:
    bench = guest(f"all on {mysql_database.name}.*")
    options = {"write_mode": "append", "root_run_id": "root"}
    write(bench, ROWS, run_id="root", **options)
    again = write(bench, ROWS, run_id="second", retry_of="root", **options)
    assert again.notes
    assert read(bench).equals(ROWS)
    tables = [name for (name,) in mysql_database.execute("show tables")]
    assert tables == ["_osiris_loads", "t"]


def test_a_user_who_may_not_write_is_refused_with_the_reason(
    guest: Callable[..., Workbench], mysql_database: Database
) -> None:
    bench = guest(f"select on {mysql_database.name}.*")
    error = refused(bench, ROWS, "DRV092")
    assert "guest" in str(error)
    assert "guest-password" not in str(error)


# -- faults ------------------------------------------------------------------------------------------------------------


def endless(bench: Workbench, between: Callable[[], object] = lambda: None) -> pa.RecordBatchReader:
    def batches() -> Iterator[pa.RecordBatch]:
        for _ in range(200):
            yield from MORE.to_batches()
            between()
            time.sleep(0.02)

    return pa.RecordBatchReader.from_batches(MORE.schema, batches())


@pytest.mark.parametrize("mode", ["append", "replace", "upsert"])
def test_a_session_killed_in_mid_write_leaves_the_old_rows_and_a_retry_does_it_once(
    bench: Workbench, mysql_server: Server, mysql_database: Database, any_way: str, mode: str
) -> None:
    write(bench, ROWS, primary_key="id", write_mode="upsert")
    killed: list[bool] = []

    def kill() -> None:
        ids = mysql_server.execute("select id from information_schema.processlist where user = 'osiris_test'")
        if not killed:
            mysql_server.execute(f"kill {ids[0][0]}")
        killed.append(True)

    options = {"write_mode": mode, "primary_key": "id", "root_run_id": "root"}
    with pytest.raises(DriverError) as caught:
        write(bench, endless(bench, kill), run_id="root", **options)
    assert (caught.value.first.code, caught.value.retryable) == ("DRV093", "transient")
    assert read(bench).equals(ROWS)
    assert staged(mysql_database) == []
    rows = MORE.slice(1)
    for run in ("second", "third"):
        assert write(bench, rows, run_id=run, retry_of="root", **options).rows_written == 1
    assert sorted(read(bench)["id"].to_pylist()) == ([4] if mode == "replace" else [1, 2, 3, 4])


@pytest.fixture
def relayed(bench: Workbench, mysql_server: Server) -> Iterator[tuple[Workbench, Network]]:
    """The bench with a line to the server that loses what it is told to."""
    with network_to(mysql_server.host, mysql_server.port) as network:
        yield Workbench(bench.root / "relayed", {**bench.connection, "port": network.port}), network


COMMIT, RENAME = b"\x03commit", b"\x03rename"  # COM_QUERY and how the statement begins
ENDS = [(COMMIT, "append"), (COMMIT, "replace"), (COMMIT, "upsert"), (RENAME, "append")]
RUN = {"primary_key": "id", "run_id": "run", "root_run_id": "run"}
RETRY = {"primary_key": "id", "run_id": "two", "root_run_id": "run", "retry_of": "run"}


def before_and_after(bench: Workbench, word: bytes, mode: str) -> tuple[list[int], list[int]]:
    """Make the target, unless a new one is to appear by its name; return its keys without and with the write."""
    if word == RENAME:
        return [], [4]
    write(bench, ROWS, primary_key="id", write_mode="upsert")
    return [1, 2, 3], [4] if mode == "replace" else [1, 2, 3, 4]


@pytest.mark.parametrize(("word", "mode"), ENDS)
def test_a_commit_whose_answer_is_lost_is_found_by_its_mark(
    bench: Workbench, relayed: tuple[Workbench, Network], mysql_database: Database, word: bytes, mode: str
) -> None:
    _, after = before_and_after(bench, word, mode)
    far, network = relayed
    network.lose(word)
    assert write(far, MORE.slice(1), write_mode=mode, **RUN).rows_written == 1
    assert network.lost == 1
    assert sorted(read(bench)["id"].to_pylist()) == after
    assert write(bench, MORE.slice(1), write_mode=mode, **RETRY).notes
    assert sorted(read(bench)["id"].to_pylist()) == after
    assert staged(mysql_database) == []


@pytest.mark.parametrize(("word", "mode"), ENDS)
def test_a_commit_that_does_not_arrive_changes_nothing_and_a_retry_does_it(
    bench: Workbench, relayed: tuple[Workbench, Network], mysql_database: Database, word: bytes, mode: str
) -> None:
    before, after = before_and_after(bench, word, mode)
    far, network = relayed
    network.lose(word, arrives=False)
    error = refused(far, MORE.slice(1), "DRV093", write_mode=mode, **RUN)
    assert (error.retryable, network.lost) == ("transient", 1)
    assert [name for (name,) in mysql_database.execute("show tables")] == (["t"] if before else [])
    assert not before or sorted(read(bench)["id"].to_pylist()) == before
    assert staged(mysql_database) == []
    write(bench, MORE.slice(1), write_mode=mode, **RETRY)
    assert sorted(read(bench)["id"].to_pylist()) == after


def test_a_commit_that_nobody_can_be_asked_about_is_ambiguous_and_a_retry_finds_it(
    bench: Workbench, relayed: tuple[Workbench, Network]
) -> None:
    _, after = before_and_after(bench, COMMIT, "append")
    far, network = relayed

    def rows() -> Iterator[pa.RecordBatch]:
        yield from MORE.slice(1).to_batches()
        network.lose(COMMIT)
        network.refuse()

    with pytest.raises(DriverError) as caught:
        write(far, pa.RecordBatchReader.from_batches(MORE.schema, rows()), **RUN)
    assert (caught.value.first.code, caught.value.retryable) == ("DRV102", "ambiguous")
    assert write(bench, MORE.slice(1), **RETRY).rows_written == 1
    assert sorted(read(bench)["id"].to_pylist()) == after


def test_a_deadlock_is_tried_again_and_the_rows_are_written_once(bench: Workbench, mysql_database: Database) -> None:
    write(bench, ROWS, primary_key="id", write_mode="upsert")
    other = mysql_database.server.connect(database=mysql_database.name, autocommit=False)
    with other, other.cursor() as cursor:
        cursor.execute("update t set name = 'other' where id = 3")
        done: list[Any] = []
        writing = threading.Thread(
            target=lambda: done.append(
                write(bench, pa.table({"id": [1, 3], "name": ["x", "y"]}), write_mode="upsert", primary_key="id")
            )
        )
        writing.start()
        waiting = "select count(*) from information_schema.innodb_trx where trx_state = 'LOCK WAIT'"
        deadline = time.monotonic() + 10
        while mysql_database.execute(waiting) != [(1,)] and time.monotonic() < deadline:
            time.sleep(0.05)
        # Whoever has changed more rows survives: enough of them that it is this session.
        cursor.execute("create temporary table many (id int) engine=InnoDB")
        cursor.execute("insert into many values " + ", ".join(f"({n})" for n in range(1000)))
        cursor.execute("update t set name = 'other' where id = 1")
        other.commit()
        writing.join()
    assert done[0].rows_written == 2
    assert mysql_database.execute("select * from t order by id") == [(1, "x"), (2, None), (3, "y")]


def test_a_lock_that_is_not_granted_in_time_is_named_with_who_is_in_its_way_and_nothing_is_written(
    bench: Workbench, mysql_database: Database
) -> None:
    write(bench, ROWS, primary_key="id", write_mode="upsert")
    other = mysql_database.server.connect(database=mysql_database.name, autocommit=False)
    with other, other.cursor() as cursor:
        cursor.execute("update t set name = 'other' where id = 3")
        error = refused(bench, MORE, "DRV094", write_mode="upsert", primary_key="id", lock_timeout=1)
        assert error.retryable == "transient"
        assert f"table {mysql_database.name}.t" in str(error)
        assert f"session {other.thread_id()} of root" in error.first.message
        other.rollback()
    assert read(bench).equals(ROWS)
    assert staged(mysql_database) == []


def test_who_may_not_see_other_sessions_is_told_of_the_lock_all_the_same(
    guest: Callable[..., Workbench], bench: Workbench, mysql_database: Database
) -> None:
    write(bench, ROWS, primary_key="id", write_mode="upsert")
    far = guest(f"all on {mysql_database.name}.*")
    other = mysql_database.server.connect(database=mysql_database.name, autocommit=False)
    with other, other.cursor() as cursor:
        cursor.execute("update t set name = 'other' where id = 3")
        error = refused(far, MORE, "DRV094", write_mode="upsert", primary_key="id", lock_timeout=1)
        other.rollback()
    assert "in its way" not in error.first.message


def test_two_runs_on_one_table_write_one_after_the_other(bench: Workbench, mysql_database: Database) -> None:
    def append(start: int) -> None:
        rows = pa.table({"id": range(start, start + 1000), "name": ["x"] * 1000})
        other = Workbench(bench.root / str(start), bench.connection)
        write(other, rows, run_id=f"run {start}")

    threads = [threading.Thread(target=append, args=(1000 * number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(read(bench)["id"].to_pylist()) == list(range(6000))


def test_a_run_that_waits_too_long_for_another_says_so(bench: Workbench, mysql_database: Database) -> None:
    write(bench, ROWS)
    inside, go_on = threading.Event(), threading.Event()

    def rows() -> Iterator[pa.RecordBatch]:
        inside.set()
        go_on.wait(20)
        yield from MORE.to_batches()

    slow_rows = pa.RecordBatchReader.from_batches(MORE.schema, rows())
    slow = threading.Thread(target=lambda: write(Workbench(bench.root / "a", bench.connection), slow_rows))
    slow.start()
    assert inside.wait(10)
    error = refused(bench, MORE, "DRV101", lock_timeout=0)
    go_on.set()
    slow.join()
    assert error.retryable == "transient"


def test_canceling_a_write_ends_the_session_on_the_server(bench: Workbench, mysql_server: Server, any_way: str) -> None:
    with bench.opened(WRITER, {"table": "t"}) as driver:
        canceler = threading.Timer(0.5, driver.cancel)
        canceler.start()
        with pytest.raises(DriverError) as caught:
            driver.write(endless(bench))
        canceler.join()
        assert caught.value.first.code == "DRV028"
        assert left_sessions(mysql_server) == []


def canceled(bench: Workbench, when: Callable[[], bool], **options: Any) -> None:
    """Write, cancel as soon as it is `when`, and see that it ends because of that."""
    with bench.opened(WRITER, {"table": "t", **options}, run_id="run", root_run_id="run") as driver:

        def cancel() -> None:
            deadline = time.monotonic() + 20
            while not when() and time.monotonic() < deadline:
                time.sleep(0.02)
            driver.cancel()

        canceler = threading.Thread(target=cancel)
        canceler.start()
        with pytest.raises(DriverError) as caught:
            driver.write(MORE.slice(1).to_reader())
        canceler.join()
        assert caught.value.first.code == "DRV028"


def test_canceling_during_the_commit_ends_it_here_and_a_retry_finds_what_became_of_it(
    bench: Workbench, relayed: tuple[Workbench, Network], mysql_server: Server
) -> None:
    _, after = before_and_after(bench, COMMIT, "append")
    far, network = relayed
    network.lose(COMMIT, freezing=True)
    canceled(far, lambda: network.lost == 1, write_mode="append", primary_key="id")
    assert left_sessions(mysql_server) == []
    write(bench, MORE.slice(1), write_mode="append", **RETRY)
    assert sorted(read(bench)["id"].to_pylist()) == after


def test_canceling_while_a_change_of_names_waits_for_a_reader_leaves_the_old_table(
    bench: Workbench, mysql_server: Server, mysql_database: Database
) -> None:
    write(bench, pa.table({"id": ["one"]}))
    reader = mysql_server.connect(database=mysql_database.name, autocommit=False)
    with reader, reader.cursor() as cursor:
        cursor.execute("select * from t")
        waiting = "select 1 from information_schema.processlist where state like 'Waiting for table metadata%'"
        canceled(bench, lambda: bool(mysql_server.execute(waiting)), write_mode="replace")
        assert left_sessions(mysql_server) == []
        cursor.execute("select * from t")
        assert list(cursor.fetchall()) == [("one",)]


WORKER = """
import sys, time, pyarrow as pa
from pathlib import Path
from osiris_dagster.testing.workbench import Workbench
host, port, password, database, root, mode = sys.argv[1:]
place = {"host": host, "port": port, "user": "osiris_test", "password": password, "database": database}
bench = Workbench(Path(root), place)
batch = pa.record_batch({"id": pa.array(range(4, 5004), pa.int64()), "name": ["x" * 50] * 5000})
def rows():
    yield batch
    print("moving", flush=True)
config = {"table": "t", "write_mode": mode, "primary_key": "id"}
stream = pa.RecordBatchReader.from_batches(batch.schema, rows())
bench.write("mysql.writer", config, stream, run_id="r", root_run_id="r")
print("done", flush=True)
"""


@pytest.mark.parametrize("mode", ["append", "replace", "upsert"])
@pytest.mark.parametrize("delay", [0.0, 0.02, 0.08])
def test_a_killed_worker_leaves_all_or_nothing_and_a_retry_makes_it_all(
    bench: Workbench, mysql_database: Database, mysql_server: Server, mode: str, delay: float
) -> None:
    write(bench, ROWS, primary_key="id", write_mode="upsert")
    place = [str(bench.connection[name]) for name in ("host", "port", "password", "database")]
    command = [sys.executable, "-c", WORKER, *place, str(bench.root / "worker"), mode]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"moving\n"
        time.sleep(delay)
        worker.send_signal(signal.SIGKILL)
    assert left_sessions(mysql_server) == []
    assert read(bench).num_rows in (3, 5000 if mode == "replace" else 5003)
    rows = pa.table({"id": pa.array(range(4, 5004), pa.int64()), "name": ["x" * 50] * 5000})
    options = {"write_mode": mode, "primary_key": "id", "root_run_id": "r", "retry_of": "r"}
    write(bench, rows, run_id="second", **options)
    assert read(bench).num_rows == (5000 if mode == "replace" else 5003)
    assert staged(mysql_database) == []
