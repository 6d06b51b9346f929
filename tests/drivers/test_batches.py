"""Batches between a library and the steps."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pytest

from osiris_dagster.drivers.base import TARGET_BATCH_BYTES
from osiris_dagster.drivers.batches import Watched, bounded, converted, plain_schema, rows_per_batch, spooled, stream
from osiris_dagster.errors import DriverError
from tests.drivers.full_disk import full_disk

SCHEMA = pa.schema([("n", pa.int64()), ("t", pa.string())])


def batch(rows: int, width: int) -> pa.RecordBatch:
    return pa.record_batch({"n": list(range(rows)), "t": ["x" * width] * rows}, schema=SCHEMA)


def joined(batches: list[pa.RecordBatch]) -> pa.Table:
    return pa.Table.from_batches(batches)


def test_large_batches_are_sliced_below_the_bound() -> None:
    big = batch(30_000, 2000)
    parts = list(bounded([big]))
    assert joined(parts).equals(joined([big]))
    assert all(part.nbytes <= TARGET_BATCH_BYTES * 3 // 2 for part in parts)
    assert len(parts) < 16


def test_rows_of_very_different_size_are_sliced_until_each_batch_is_bounded() -> None:
    noise = random.Random(1)
    rows = ["x" * (5_000_000 if noise.random() < 0.2 else 1) for _ in range(50)]
    parts = list(bounded([pa.record_batch({"t": rows})]))
    assert [value for part in parts for value in part.column(0).to_pylist()] == rows
    assert all(part.nbytes <= TARGET_BATCH_BYTES * 3 // 2 for part in parts)


def test_a_row_larger_than_the_bound_travels_alone() -> None:
    rows = ["x", "y" * 3 * TARGET_BATCH_BYTES, "z"]
    assert [part.num_rows for part in bounded([pa.record_batch({"t": rows})])] == [1, 1, 1]


def test_tiny_batches_are_joined_in_their_order_and_empty_ones_dropped() -> None:
    tiny = [batch(n % 3, 10) for n in range(3000)]
    parts = list(bounded(tiny))
    assert joined(parts).equals(joined(tiny))
    assert len(parts) < 20
    assert list(bounded([batch(0, 1)])) == []


def test_tiny_batches_do_not_pass_a_large_one() -> None:
    large = batch(2000, 500)
    parts = list(bounded([batch(2, 1), batch(3, 1), large, batch(1, 1)]))
    assert [part.num_rows for part in parts] == [5, 2000, 1]


def test_rows_without_any_value_are_handed_on_too() -> None:
    empty = pa.record_batch({"n": pa.nulls(10)})
    assert sum(part.num_rows for part in bounded([empty] * 1000)) == 10_000


def test_schemas_become_plain() -> None:
    schema = pa.schema(
        [
            pa.field("a", pa.large_string(), nullable=False, metadata={"k": "v"}),
            ("b", pa.string_view()),
            ("c", pa.dictionary(pa.int8(), pa.large_string())),
            ("d", pa.date64()),
            ("e", pa.timestamp("ms", "America/New_York")),
            ("f", pa.large_list(pa.large_binary())),
            ("g", pa.decimal32(5, 2)),
            ("h", pa.uuid()),
        ],
        metadata={"k": "v"},
    )
    plain = plain_schema(schema)
    assert [str(kind) for kind in plain.types] == [
        "string",
        "string",
        "string",
        "date32[day]",
        "timestamp[ms, tz=UTC]",
        "list<item: binary>",
        "decimal128(5, 2)",
        "fixed_size_binary[16]",
    ]
    assert not plain.field("a").nullable
    assert plain.metadata is None


def test_a_type_that_is_not_carried_is_refused_by_column() -> None:
    with pytest.raises(DriverError, match="'b'") as caught:
        plain_schema(pa.schema([("a", pa.int8()), ("b", pa.sparse_union([pa.field("x", pa.int8())]))]))
    assert caught.value.first.code == "DRV010"


def test_converting_keeps_values_and_raises_rather_than_lose_one() -> None:
    found = converted(
        pa.record_batch({"a": pa.array(["x", None]).dictionary_encode(), "u": pa.array([b"1" * 16] * 2, pa.uuid())}),
        pa.schema([("a", pa.string()), ("u", pa.binary(16))]),
    )
    assert found.to_pydict() == {"a": ["x", None], "u": [b"1" * 16] * 2}
    with pytest.raises(pa.ArrowInvalid):
        converted(pa.record_batch({"a": [2**40]}), pa.schema([("a", pa.int32())]))


def test_a_stream_is_plain_and_bounded() -> None:
    large = pa.record_batch({"t": pa.array(["x" * 1000] * 20_000, pa.large_string())})
    reader = stream(large.schema, iter([large]))
    assert reader.schema.equals(pa.schema([("t", pa.string())]))
    assert reader.read_all().num_rows == 20_000


def test_rows_per_batch_follow_the_width_of_the_columns() -> None:
    narrow, wide = pa.schema([("a", pa.int8())]), pa.schema([(f"c{n}", pa.string()) for n in range(100)])
    assert rows_per_batch(narrow) == 131_072
    assert rows_per_batch(wide) == 2_048
    assert rows_per_batch(pa.schema([])) == 131_072


def test_a_watched_reader_counts_rows_and_keeps_the_error_that_a_library_hides() -> None:
    def failing() -> object:
        yield batch(3, 1)
        raise ZeroDivisionError("of the source")

    watched = Watched(pa.RecordBatchReader.from_batches(SCHEMA, failing()), SCHEMA)
    with pytest.raises(ZeroDivisionError):
        watched.reader().read_all()
    assert watched.rows == 3
    assert isinstance(watched.error, ZeroDivisionError)


def test_rows_that_cannot_be_set_aside_say_so(tmp_path: Path) -> None:
    rows = joined([batch(100_000, 100)])
    with full_disk(100_000), pytest.raises(DriverError, match="cannot be set aside") as caught:
        spooled(Watched(rows.to_reader(), rows.schema), tmp_path / "rows.arrow")
    assert caught.value.first.code == "DRV026"


def test_rows_set_aside_come_back_from_the_file(tmp_path: Path) -> None:
    rows = joined([batch(10, 3), batch(5, 1)])
    watched = Watched(rows.to_reader(), rows.schema)
    assert spooled(watched, tmp_path / "rows.arrow").read_all().equals(rows)
    assert watched.rows == 15
