"""Tables of PostgreSQL that exist already: their types, keys, constraints and defaults are kept, or named."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from osiris_dagster.errors import DriverError
from osiris_dagster.testing.workbench import Workbench
from tests.servers.postgres import USER, Database

TYPES = (
    "select format_type(atttypid, atttypmod) from pg_attribute "
    "where attrelid = 't'::regclass and attnum > 0 order by attnum"
)
ROWS = pa.table({"id": [1, 2], "v": ["a", "b"]})


@pytest.fixture
def bench(tmp_path: Path, postgres_database: Database) -> Workbench:
    postgres_database.execute(
        f"alter schema public owner to {USER}", f"alter default privileges grant all on tables to {USER}"
    )
    return Workbench(tmp_path, postgres_database.connection)


@pytest.fixture
def made(postgres_database: Database) -> Any:
    """Run statements, after which everything in the schema belongs to the user of the connection."""

    def execute(*statements: str) -> list[tuple[Any, ...]]:
        return postgres_database.execute(f"set role {USER}", *statements)

    return execute


def write(bench: Workbench, rows: Any = ROWS, **options: Any) -> Any:
    return bench.write("postgres.writer", {"table": "t", **options}, rows)


def upsert(bench: Workbench, rows: Any = ROWS, **options: Any) -> Any:
    return write(bench, rows, **{"write_mode": "upsert", "primary_key": "id", **options})


def refused(code: str, bench: Workbench, rows: Any = ROWS, **options: Any) -> DriverError:
    with pytest.raises(DriverError) as caught:
        write(bench, rows, **options)
    assert caught.value.first.code == code
    return caught.value


TAKEN = {
    "varchar(3)": ["abc", ""],
    "char(3)": ["abc", "a"],
    "json": ['{"a": 1}', "[]"],
    "jsonb": ['{"a": 1}', "[]"],
    "uuid": ["123E4567-e89b-12d3-a456-426655440000"],
    "inet": ["10.0.0.1"],
    "mood": ["sad"],
    "bit(3)": ["101"],
    "int4range": ["[1,5)"],
}


@pytest.mark.parametrize("mode", ["append", "replace"])
@pytest.mark.parametrize("kind", TAKEN)
def test_text_goes_into_types_that_only_text_can_carry_and_they_stay(
    bench: Workbench, made: Any, kind: str, mode: str
) -> None:
    made("create type mood as enum ('sad', 'ok')", f"create table t (v {kind})")
    before = made(TYPES)
    for policy in ("evolve", "fail"):
        write(bench, pa.table({"v": [*TAKEN[kind], None]}), write_mode=mode, schema_drift=policy)
    after = made(TYPES)
    assert after == before
    assert made("select count(v) from t") == [(len(TAKEN[kind]) * (2 if mode == "append" else 1),)]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("varchar(3)", "abcd"), ("varchar(3)", "abc "), ("char(3)", "abcd"), ("json", "{"), ("uuid", "x"),
        ("mood", "glad"), ("integer", "1.5"), ("integer", "x"), ("timestamp(0)", "2024-01-01 00:00:00.5"),
        ("bit(3)", "1011"),
    ],
)  # fmt: skip
def test_a_value_that_the_table_would_cut_or_not_take_is_refused_by_column(
    bench: Workbench, made: Any, kind: str, value: str
) -> None:
    made("create type mood as enum ('sad', 'ok')", f"create table t (id bigint, v {kind})")
    error = refused("DRV034", bench, pa.table({"id": [1], "v": [value]}))
    assert "'v'" in error.first.message
    assert made("select * from t") == []


def test_a_timestamp_keeps_the_precision_of_its_column(bench: Workbench, made: Any) -> None:
    made("create table t (v timestamp(0))")
    whole, part = pa.array([0], pa.timestamp("us")), pa.array([500_000], pa.timestamp("us"))
    write(bench, pa.table({"v": whole}))
    assert "'v'" in refused("DRV034", bench, pa.table({"v": part})).first.message


@pytest.mark.parametrize("index", ["primary key (id)", "unique (id)", "unique (id, v)", "check (id > 0)"])
def test_an_upsert_works_with_and_without_an_index_on_its_key(bench: Workbench, made: Any, index: str) -> None:
    made(
        f"create table t (id bigint, v text, kept text default 'new', {index})", "insert into t values (1, 'x', 'old')"
    )
    report = upsert(bench)
    assert made("select * from t order by id") == [(1, "a", "old"), (2, "b", "new")]
    assert (report.rows_written, report.rows_total) == (2, 2)


@pytest.mark.parametrize("index", ["unique index u on t (id) where v <> ''", "unique index u on t (lower(v))"])
def test_an_index_on_part_of_the_rows_or_on_an_expression_is_not_taken_for_the_key(
    bench: Workbench, made: Any, index: str
) -> None:
    made("create table t (id bigint, v text)", f"create {index}", "insert into t values (1, 'x')")
    upsert(bench)
    assert made("select * from t order by id") == [(1, "a"), (2, "b")]


def test_an_upsert_that_makes_its_table_gives_it_the_key(bench: Workbench, made: Any) -> None:
    upsert(bench, pa.table({"id": [1, 1], "k": ["x", "y"], "v": [1, 2]}), primary_key=["k", "id"])
    assert made("select conname, pg_get_constraintdef(oid) from pg_constraint where conrelid = 't'::regclass") == [
        ("t_pkey", "PRIMARY KEY (k, id)")
    ]


@pytest.mark.parametrize("kind", ["always", "by default"])
def test_numbers_of_an_identity_column_are_kept_when_the_rows_bring_them_and_made_when_not(
    bench: Workbench, made: Any, kind: str
) -> None:
    made(
        f"create table t (id bigint generated {kind} as identity primary key, v text, "
        "twice text generated always as (v || v) stored)"
    )
    write(bench, ROWS.append_column("w", pa.array([1, 2])).select(["v"]))
    assert made("select * from t order by id") == [(1, "a", "aa"), (2, "b", "bb")]
    upsert(bench, pa.table({"id": [2, 9], "v": ["c", "d"]}))
    assert made("select * from t order by id") == [(1, "a", "aa"), (2, "c", "cc"), (9, "d", "dd")]


def test_constraints_of_the_table_are_kept_and_named_without_values(bench: Workbench, made: Any) -> None:
    made("create table t (id bigint unique, v text check (v <> 'secret-value'))", "insert into t values (1, 'x')")
    error = refused("DRV029", bench)
    assert "t_id_key" in error.first.message
    error = refused("DRV029", bench, pa.table({"id": [3], "v": ["secret-value"]}))
    assert "t_v_check" in error.first.message
    assert "secret-value" not in str(error)
    assert made("select * from t") == [(1, "x")]


def test_a_constraint_that_is_checked_at_the_commit_leaves_the_old_rows(bench: Workbench, made: Any) -> None:
    made(
        "create table p (id bigint primary key)",
        "create table t (id bigint references p deferrable initially deferred)",
    )
    refused("DRV029", bench, ROWS.select(["id"]))
    assert made("select * from t") == []


def test_a_column_that_every_row_needs_is_asked_for_before_any_row_moves(bench: Workbench, made: Any) -> None:
    made("create table t (id bigint, v text, must int not null, def int not null default 7)")

    def batches() -> Any:
        raise AssertionError("a row was asked for")
        yield

    error = refused("DRV033", bench, pa.RecordBatchReader.from_batches(ROWS.schema, batches()))
    assert "must" in error.first.message
    assert "def" not in error.first.message.replace("default", "")


def test_evolve_widens_numbers_of_all_kinds(bench: Workbench, made: Any) -> None:
    made(
        "create table t (a smallint, b numeric(5,2), c real, d date, e numeric)",
        "insert into t values (1, 2.5, 0.5, '2024-01-01', 3)",
    )
    rows = pa.table(
        {
            "a": pa.array([2**40]),
            "b": pa.array([Decimal("0.125")], pa.decimal128(4, 3)),
            "c": pa.array([0.1]),
            "d": pa.array([1], pa.timestamp("us")),
            "e": pa.array([2**63 - 1]),
        }
    )
    report = write(bench, rows)
    types = made(TYPES)
    assert [kind for (kind,) in types] == [
        "bigint", "numeric(6,3)", "double precision", "timestamp without time zone", "numeric",
    ]  # fmt: skip
    assert len(report.notes) == 4


@pytest.mark.parametrize(("statement", "what"), [("view", "a view"), ("materialized view", "a materialized view")])
def test_a_view_is_not_written_to(bench: Workbench, made: Any, statement: str, what: str) -> None:
    made(f"create {statement} t as select 1 as id")
    assert what in refused("DRV035", bench).first.message


def test_a_view_a_materialized_view_and_a_partitioned_table_are_read(bench: Workbench, made: Any) -> None:
    made(
        "create table t (id bigint, v text) partition by list (v)",
        "create table t_a partition of t for values in ('a')", "create table t_b partition of t default",
        "create view seen as select * from t", "create materialized view kept as select 7::bigint as id",
    )  # fmt: skip
    write(bench)
    assert bench.read("postgres.extractor", {"table": "seen"}).num_rows == 2
    assert bench.read("postgres.extractor", {"table": "t", "filter": "v = 'a'"})["id"].to_pylist() == [1]
    assert bench.read("postgres.extractor", {"table": "kept"})["id"].to_pylist() == [7]


def test_text_with_a_nul_character_is_refused_by_column(bench: Workbench) -> None:
    error = refused("DRV010", bench, pa.table({"id": [1], "v": ["a\0b"]}))
    assert "'v'" in error.first.message


@pytest.mark.parametrize("unit", ["s", "ms"])
def test_a_time_that_the_server_does_not_hold_is_refused_by_column(bench: Workbench, unit: str) -> None:
    error = refused("DRV010", bench, pa.table({"id": [1], "v": pa.array([2**62], pa.timestamp(unit))}))
    assert "'v'" in error.first.message


def test_nanoseconds_that_are_whole_microseconds_are_carried(bench: Workbench) -> None:
    write(bench, pa.table({"v": pa.array([1_000, None, -5_000], pa.timestamp("ns"))}))
    found = bench.read("postgres.extractor", {"table": "t"})["v"]
    assert found.cast(pa.int64()).to_pylist() == [1, None, -5]


def test_decimals_of_every_precision_and_scale_arrive_exactly(bench: Workbench) -> None:
    picked = random.Random(4)
    columns = {}
    for precision, scale in [
        (1, 0),
        (4, 4),
        (9, 4),
        (17, 17),
        (18, 18),
        (18, 1),
        (19, 0),
        (38, 19),
        (38, 38),
        (76, 40),
    ]:
        values = [
            10**precision - 1,
            -(10**precision) + 1,
            0,
            1,
            -1,
            *(picked.randrange(10**precision) for _ in range(40)),
        ]
        kind = pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)
        columns[f"d{precision}_{scale}"] = pa.array(
            [None, *(Decimal((v < 0, [*map(int, str(abs(v)))], -scale)) for v in values)], kind
        )
    rows = pa.table(columns)
    write(bench, rows, write_mode="replace")
    assert bench.read("postgres.extractor", {"table": "t"}).equals(rows)


@pytest.mark.parametrize(
    "kind",
    [
        pa.bool_(), pa.int8(), pa.int64(), pa.uint64(), pa.float32(), pa.float64(), pa.string(), pa.binary(),
        pa.date32(),
        pa.time64("us"), pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.duration("us"), pa.month_day_nano_interval(),
        pa.decimal128(9, 2), pa.decimal128(30, 4), pa.binary(3),
    ],
    ids=str,
)  # fmt: skip
def test_lists_without_any_element_are_lists(bench: Workbench, kind: pa.DataType) -> None:
    rows = pa.table({"id": [1, 2, 3], "v": pa.array([[], None, []], pa.list_(kind))})
    write(bench, rows)
    assert bench.read("postgres.extractor", {"table": "t"})["v"].to_pylist() == [[], None, []]
    write(bench, rows.slice(1, 1), write_mode="replace")
    assert bench.read("postgres.extractor", {"table": "t"})["v"].to_pylist() == [None]


@pytest.mark.parametrize(
    "values", [[[1, None], None, [], [2]], [[None]], [None, [3], [4, 5]]], ids=["mixed", "one null", "null first"]
)
def test_slices_of_lists_are_written_as_they_are(bench: Workbench, values: list[Any]) -> None:
    whole = pa.array([[99, 98], *values, [97]], pa.list_(pa.int64()))
    write(bench, pa.table({"v": whole.slice(1, len(values))}))
    assert bench.read("postgres.extractor", {"table": "t"})["v"].to_pylist() == values


def test_batch_rows_bounds_batches_and_the_first_rows_can_be_passed_over(bench: Workbench) -> None:
    write(bench, pa.table({"id": range(1000)}))
    config = {"table": "t", "batch_rows": 300, "offset": 100}
    with bench.opened("postgres.extractor", config) as driver:
        sizes = [batch.num_rows for batch in driver.read()]
    assert sum(sizes) == 900
    assert max(sizes) == 300


def test_a_table_that_is_dropped_while_rows_come_is_made_again(bench: Workbench, postgres_database: Database) -> None:
    bench.write("postgres.writer", {"table": "t", "write_mode": "replace"}, ROWS)

    def rows() -> Iterator[pa.RecordBatch]:
        yield from ROWS.to_batches()
        postgres_database.execute("drop table t")

    reader = pa.RecordBatchReader.from_batches(ROWS.schema, rows())
    config = {"table": "t", "write_mode": "upsert", "primary_key": "id"}
    assert bench.write("postgres.writer", config, reader, run_id="run").rows_total == ROWS.num_rows
    assert postgres_database.execute("select count(*) from t") == [(ROWS.num_rows,)]
