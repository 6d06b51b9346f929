"""Types of PostgreSQL on their way to Arrow: each value exact, whatever the sizes of blocks; and what is refused."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from osiris_dagster.arrow import type_name
from osiris_dagster.drivers.postgres.copy_blocks import Block, from_libpq, from_socket
from osiris_dagster.drivers.postgres.copy_decode import Decoder
from osiris_dagster.drivers.postgres.endpoint import endpoint_of
from osiris_dagster.drivers.postgres.read_types import fields_of, select_list
from osiris_dagster.drivers.postgres.session import Session, Switch
from osiris_dagster.errors import DriverError
from osiris_dagster.testing.workbench import Workbench
from tests.servers.postgres import Database

CASES: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("postgres_types.yaml").read_text("utf-8"))
OWN_TYPES = (
    "create type mood as enum ('sad', 'übel \"so\"')",
    "create domain positive as integer check (value > 0)",
    "create type pair as (a integer, b text)",
)
Blocks = Callable[[Session, str, int], Iterator[Block]]


@pytest.fixture
def bench(tmp_path: Path, postgres_database: Database) -> Workbench:
    return Workbench(tmp_path, postgres_database.connection)


def read(bench: Workbench, query: str, **options: Any) -> pa.Table:
    return bench.read("postgres.extractor", {"query": query, **options})


@pytest.fixture
def own_types(postgres_database: Database) -> None:
    postgres_database.execute(*OWN_TYPES)


@pytest.mark.parametrize("kind", CASES)
def test_values_of_a_type_arrive_exactly(bench: Workbench, own_types: None, kind: str) -> None:
    case = CASES[kind]
    literals = [*case["values"], "null"]
    rows = " union all ".join(f"select {n}, cast({literal} as {kind})" for n, literal in enumerate(literals))
    found = read(bench, f"select value from ({rows}) v(n, value) order by n")
    assert type_name(found.schema.field("value").type) == case["as"]
    assert [*map(str, found["value"].to_pylist())] == [*map(str, case["values"].values()), "None"]


SPECIAL = {
    "'infinity'::date": "a date outside of the years 1 to 9999",
    "'-infinity'::timestamp": "a time outside of the years 1 to 9999",
    "'0044-03-15 BC'::timestamptz": "a time outside of the years 1 to 9999",
    "'10000-01-01'::date": "a date outside of the years 1 to 9999",
    "'24:00'::time": "the time 24:00:00",
    "'NaN'::numeric(12,2)": "NaN or an infinity",
    "'NaN'::numeric": "NaN or an infinity",
    "'NaN'::numeric(30,2)": "NaN or an infinity",
}


@pytest.mark.parametrize("literal", SPECIAL)
def test_values_that_other_stores_lack_are_refused_or_become_null_and_are_counted(
    bench: Workbench, literal: str
) -> None:
    kind = literal.partition("::")[2]
    query = f"select cast(v as {kind}) as odd from (values ({literal}), (null), ({literal})) q(v)"
    with pytest.raises(DriverError, match="'odd'") as caught:
        read(bench, query)
    assert (caught.value.first.code, caught.value.first.found) == ("DRV010", SPECIAL[literal])
    with bench.opened("postgres.extractor", {"query": query, "special_values": "null"}) as driver:
        assert driver.read().read_all()["odd"].to_pylist() == [None] * 3
        assert driver.notes == ("column odd: 2 values that other stores do not have became NULL",)


@pytest.mark.parametrize(
    ("kind", "expected"), [("float64", 1 / 3), ("string", "0.33333333333333333333"), ("decimal(38,20)", None)]
)
def test_a_numeric_without_precision_has_the_type_that_the_step_asks_for(
    bench: Workbench, kind: str, expected: Any
) -> None:
    found = read(bench, "select 1::numeric / 3 as third", unbounded_numeric=kind)
    assert type_name(found.schema.field("third").type) == kind
    assert found["third"].to_pylist() == [Decimal("0.33333333333333333333") if expected is None else expected]


def test_a_numeric_that_would_be_rounded_is_refused_by_column(bench: Workbench) -> None:
    with pytest.raises(DriverError, match="'third'") as caught:
        read(bench, "select 1::numeric / 3 as third")
    assert "unbounded_numeric" in caught.value.first.fix


def test_arrays_of_several_dimensions_are_refused_by_column(bench: Workbench) -> None:
    with pytest.raises(DriverError, match="'grid'"):
        read(bench, "select array[[1,2],[3,4]] as grid")


def test_a_query_without_columns_is_refused(bench: Workbench) -> None:
    with pytest.raises(DriverError):
        read(bench, "select from generate_series(1, 3)")


# -- the decoder against blocks of any size ----------------------------------------------------------------------------

FUZZED = """
    select n::bigint as id, case when n % 7 <> 0 then n::smallint end as i2, (n * 1.5)::float8 as f8,
      case when n % 3 = 0 then null else (n * 1234.5678)::numeric(18,4) end as dec, n::numeric(38,3) as wide,
      case n % 5 when 0 then null when 1 then '' else repeat('ž' || n, (n * 7919 % {longest})::int) end as t,
      case when n % 4 <> 0 then decode(md5(n::text), 'hex') end as b, date '2000-01-01' + (n % 40000)::int as d,
      timestamp '1999-12-31' + n * interval '1 day 1 microsecond' as ts, n % 2 = 0 as even,
      case when n % 6 = 0 then null else array(select case when i % 3 = 0 then null else i end
        from generate_series(1, (n % 9)::int) i) end as numbers,
      array(select repeat('x', (i * n % 40)::int) from generate_series(1, (n % 4)::int) i) as words,
      make_interval(months => (n % 30)::int, secs => n) as span
    from generate_series({first}, {last}) n
"""


@pytest.mark.parametrize("source", [from_socket, from_libpq])
@pytest.mark.parametrize("size", [64, 300, 5_000, 70_000])
def test_blocks_of_any_size_give_the_same_rows(bench: Workbench, source: Blocks, size: int) -> None:
    picked = random.Random(size)
    rows = 60 if size < 100 else 900
    first = picked.randrange(1, 5_000)
    query = FUZZED.format(first=first, last=first + rows, longest=picked.choice([3, 60, 900]))
    assert decoded(bench, query, source, size).equals(read(bench, query).combine_chunks())


@pytest.mark.parametrize("source", [from_socket, from_libpq])
def test_values_that_look_like_rows_are_values(bench: Workbench, source: Blocks) -> None:
    looks = "decode(repeat('640000000f0002000000010000000001', (n % 40)::int), 'hex')"
    query = f"select n::integer as id, {looks} as octets from generate_series(1, 3000) n"
    found = decoded(bench, query, source, 20_000)
    fake = bytes.fromhex("640000000f0002000000010000000001")
    assert found["id"].to_pylist() == list(range(1, 3001))
    assert found["octets"].to_pylist() == [fake * (number % 40) for number in range(1, 3001)]


@pytest.mark.parametrize("size", [64, 70_000])
def test_a_result_without_rows_gives_no_batch(bench: Workbench, size: int) -> None:
    for source in (from_socket, from_libpq):
        assert decoded(bench, "select 1 as a, 'x' as b where false", source, size).num_rows == 0


def decoded(bench: Workbench, query: str, source: Blocks, size: int) -> pa.Table:
    switch = Switch()
    session = switch.open(endpoint_of(bench.call("postgres.extractor", {})))
    try:
        session.begin()
        fields = fields_of(session, query, "decimal(38,10)")
        decoder = Decoder(fields, special_to_null=False)
        statement = f"copy (select {select_list(fields)} from ({query}) q) to stdout (format binary)"
        batches = [batch for block in source(session, statement, size) if (batch := decoder.batch(block))]
        return pa.Table.from_batches(batches, decoder.schema).combine_chunks()
    finally:
        switch.close()
