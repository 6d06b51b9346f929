"""Rows cut out of the network stream: blocks of any size, values at every length of a prefix, rows of many packets."""

from __future__ import annotations

import datetime as dt
import hashlib
import random
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from osiris_dagster.drivers.mysql.rows import packets
from osiris_dagster.drivers.mysql.rows.binary import BinaryRows
from osiris_dagster.drivers.mysql.rows.fields import Policies
from osiris_dagster.drivers.mysql.rows.packets import RowPackets
from osiris_dagster.drivers.mysql.rows.prepared import execute, fail, prepare, receiver
from osiris_dagster.errors import DriverError
from osiris_dagster.testing.workbench import Workbench
from tests.sampling import sampled
from tests.servers.mariadb import Database

BLOCKS = (64, 300, 5_000, 4 << 20)
FUZZED = (
    "id int primary key, a varchar(400), b bigint, c decimal(18,4), d datetime(6), e varbinary(300), f double, "
    "g tinyint, h decimal(30,10), i time(6), j date"
)


def read(database: Database, query: str, block_bytes: int) -> pa.Table:
    """Read with blocks smaller than any step may ask for."""
    with database.server.connect(database=database.name) as connection:
        rows = BinaryRows(execute(connection, prepare(connection, query)), Policies())
        cut = RowPackets(receiver(connection), fail, block_bytes)
        table = pa.Table.from_batches([rows.batch(block) for block in cut], rows.schema)
        assert cut.ended
        assert connection.open
        with connection.cursor() as cursor:  # exactly the result was read: the connection still works
            cursor.execute("select 1")
            assert cursor.fetchall() == ((1,),)
    table.validate(full=True)
    return table


def random_rows(chance: random.Random, count: int) -> list[tuple[object, ...]]:
    def text() -> str:
        return "".join(chance.choice("aé😀\0û ") for _ in range(chance.choice([0, 1, 60, 130, 249, 250, 251, 399])))

    def moment() -> dt.datetime:
        time = chance.choice([(0, 0, 0), (23, 59, 59), (1, 2, 3, chance.randrange(1_000_000))])
        return dt.datetime(chance.randrange(1, 10_000), chance.randrange(1, 13), chance.randrange(1, 29), *time)

    def one(number: int) -> tuple[object, ...]:
        values = (
            text(),
            chance.randrange(-(2**63), 2**63),
            Decimal(chance.randrange(-(10**18) + 1, 10**18)).scaleb(-4),
            moment(),
            bytes(chance.randrange(256) for _ in range(chance.choice([0, 1, 251, 299]))),
            chance.uniform(-1e9, 1e9),
            chance.randrange(-128, 128),
            Decimal(chance.randrange(-(10**28), 10**28)).scaleb(-10),
            dt.timedelta(microseconds=chance.randrange(-3_020_399_000_000, 3_020_399_000_000)),
            moment().date(),
        )
        return (number, *(None if chance.random() < 0.2 else value for value in values))

    return [one(number) for number in range(count)]


@pytest.mark.matrix
@pytest.mark.parametrize("seed", sampled(range(120), 12))
def test_random_rows_arrive_whatever_the_size_of_a_block(mysql_database: Database, seed: int) -> None:
    chance = random.Random(seed)
    rows = random_rows(chance, chance.choice([0, 1, 2, 50, 400]))
    with mysql_database.server.connect(database=mysql_database.name) as connection, connection.cursor() as cursor:
        cursor.execute(f"create table t ({FUZZED}) character set utf8mb4")
        cursor.executemany(f"insert into t values ({', '.join(['%s'] * 11)})", rows)
    for size in BLOCKS:
        found = read(mysql_database, "select * from t order by id", size)
        columns = [column.to_pylist() for column in found.columns]
        assert list(zip(*columns, strict=True)) == rows, size


def test_values_on_both_sides_of_every_length_of_a_prefix_arrive(mysql_database: Database) -> None:
    sizes = [0, 1, *range(248, 257), *range(65_533, 65_539), 70_000, 5]
    wanted = [(size, "x" * size, None if size % 3 else size) for size in sizes]
    query = " union all ".join(
        f"select {size} as n, repeat('x', {size}) as a, {'null' if size % 3 else size} as b" for size in sizes
    )
    for size in BLOCKS:
        found = read(mysql_database, query, size)
        assert list(zip(*(column.to_pylist() for column in found.columns), strict=True)) == wanted, size


def test_rows_of_sixteen_mebibytes_and_more_arrive(mysql_database: Database) -> None:
    full = 0xFFFFFF
    sizes = [5, *(full + near for near in (-12, -11, -10, 1)), 70_000, 2 * full - 11, 3]
    union = " union all ".join(f"select {size} as n, repeat('x', {size}) as a" for size in sizes)
    found = read(mysql_database, f"select n, a, md5(a) as h from ({union}) q", 4 << 20)
    assert found["n"].to_pylist() == sizes
    for size, value, digest in zip(*(column.to_pylist() for column in found.columns), strict=True):
        assert len(value) == size
        assert hashlib.md5(value.encode()).hexdigest() == digest


def test_an_error_in_mid_result_is_raised_with_the_reason(mysql_database: Database, tmp_path: Path) -> None:
    bench = Workbench(tmp_path, mysql_database.connection)
    mysql_database.execute(
        "create table t (id int)", "insert into t values " + ", ".join(f"({n})" for n in range(50_000))
    )
    query = "select id, if(id = 49000, (select id from t limit 2), repeat('x', 200)) as v from t"
    with pytest.raises(DriverError, match=r"Subquery returns more than 1 row \(MySQL error 1242\)"):
        bench.read("mysql.extractor", {"query": query, "batch_bytes": 4096})


def test_an_early_end_of_the_stream_is_an_error() -> None:
    cut = RowPackets(lambda memory: 0, fail)
    with pytest.raises(DriverError, match="closed the connection in the middle of a result") as caught:
        next(iter(cut))
    assert (caught.value.first.code, caught.value.retryable) == ("DRV093", "transient")


def test_a_row_larger_than_memory_should_hold_is_refused(
    mysql_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packets, "_LARGEST_ROW", 1 << 20)
    with pytest.raises(DriverError, match="a row has more than 1 MiB") as caught:
        read(mysql_database, "select 1 as n union all select repeat('x', 3000000)", 1 << 18)
    assert (caught.value.first.code, caught.value.retryable) == ("DRV099", "permanent")
