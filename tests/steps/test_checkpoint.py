import resource
import stat
import threading
import weakref
from contextlib import contextmanager

import pyarrow as pa
import pytest

from osiris_dagster.arrow import arrow_type
from osiris_dagster.drivers.base import TARGET_BATCH_BYTES
from osiris_dagster.errors import RunError
from osiris_dagster.redaction import Redactor, capture
from osiris_dagster.steps.checkpoint import Kept, keep

TYPES = """null bool int8 uint64 float16 float64 string binary date time timestamp timestamptz duration interval
decimal(5,2) decimal(50,3) decimal(5,-2) fixed(4) timestamp[s] timestamp[ns] timestamptz[s] time[s] time[ns] duration[s]
list<int64> list<interval> map<string,int64>""".split()
VALUES = {
    "decimal(5,-2)": pa.array([100, None], pa.decimal128(5, 0)).cast(pa.decimal128(5, -2)),
    "interval": pa.array([pa.MonthDayNano([1, -2, 3]), None]),
    "timestamptz[s]": pa.array([0, None], pa.timestamp("s", "UTC")),
    "string": pa.array(["", None]),
    "float64": pa.array([float("nan"), None]),
}
SPECIAL = [pa.large_string(), pa.string_view(), pa.date64(), pa.dictionary(pa.int32(), pa.string()), pa.struct([])]


@pytest.mark.parametrize("kind", [*TYPES, *SPECIAL], ids=str)
def test_every_type_comes_back_as_it_went(tmp_path, kind):
    values = VALUES.get(kind) if isinstance(kind, str) else None
    column = values if values is not None else pa.nulls(2, arrow_type(kind) if isinstance(kind, str) else kind)
    batch = pa.record_batch([pa.array([1, 2]), column], names=["id", "x"])
    kept = keep([batch, batch], batch.schema, tmp_path / "a.rows")
    back = pa.Table.from_batches(kept.batches())
    assert back.schema == batch.schema == kept.schema
    assert str(back.to_pylist()) == str(batch.to_pylist() * 2)


def test_the_file_is_parquet_unless_parquet_cannot_carry_a_type(tmp_path):
    plain = keep([], pa.schema([("a", pa.int64())]), tmp_path / "plain")
    interval = keep([], pa.schema([("a", pa.month_day_nano_interval())]), tmp_path / "interval")
    assert [plain.path.name, interval.path.name] == ["plain.parquet", "interval.arrow"]
    assert list(plain.batches()) == list(interval.batches()) == []


@pytest.mark.parametrize("kind", [pa.int64(), pa.month_day_nano_interval()])
def test_only_the_owner_may_read_the_file_and_none_is_overwritten(tmp_path, kind):
    schema = pa.schema([("a", kind)])
    kept = keep([], schema, tmp_path / "a")
    assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600
    with pytest.raises(RunError, match="rows could not be kept"):
        keep([], schema, tmp_path / "a")


@pytest.mark.parametrize("kind", [pa.binary(), pa.struct([("i", pa.month_day_nano_interval()), ("b", pa.binary())])])
def test_batches_come_back_bounded_in_bytes_however_they_went(tmp_path, kind):
    def batch(cells: int, size: int) -> pa.RecordBatch:
        cell = b"x" * size
        values = [cell if kind == pa.binary() else {"i": None, "b": cell}] * cells
        return pa.record_batch([pa.array(values, kind)], names=["a"])

    huge, tiny = batch(48, 1024 * 1024), batch(3, 10)
    kept = keep([tiny] * 500 + [huge] + [tiny] * 500, huge.schema, tmp_path / "a")
    sizes = [(each.num_rows, each.nbytes) for each in kept.batches()]
    assert sum(rows for rows, _ in sizes) == 3 * 1000 + 48
    assert max(nbytes for _, nbytes in sizes) <= TARGET_BATCH_BYTES + 10_000
    assert len(sizes) < 40


def test_one_row_larger_than_a_batch_comes_back_whole(tmp_path):
    batch = pa.record_batch([pa.array([b"a", b"x" * (TARGET_BATCH_BYTES + 1), b"b"])], names=["a"])
    kept = keep([batch], batch.schema, tmp_path / "a")
    assert [value for each in kept.batches() for value in each.column(0).to_pylist()] == batch.column(0).to_pylist()


class Blob(bytearray):
    """Bytes that tell when nobody holds them."""


def test_writing_and_reading_hold_a_few_batches_only(tmp_path):
    alive: set[int] = set()
    most = 0
    schema = pa.schema([("a", pa.int8())])

    def batches():
        nonlocal most
        for index in range(64):
            blob = Blob(1024 * 1024)
            alive.add(index)
            weakref.finalize(blob, alive.discard, index)
            most = max(most, len(alive))
            yield pa.record_batch([pa.Array.from_buffers(pa.int8(), len(blob), [None, pa.py_buffer(blob)])], schema)

    kept = keep(batches(), schema, tmp_path / "a")
    assert most <= 10  # one group of 8 MiB, and the batch that is being made
    before, peak = pa.total_allocated_bytes(), 0
    for _ in kept.batches():
        peak = max(peak, pa.total_allocated_bytes() - before)
    assert peak <= 4 * TARGET_BATCH_BYTES


def test_many_readers_read_at_the_same_time(tmp_path):
    batch = pa.record_batch([pa.array(range(1000))], names=["a"])
    kept = keep([batch] * 20, batch.schema, tmp_path / "a")
    sums: list[int] = []

    def read() -> None:
        sums.append(sum(sum(each.column(0).to_pylist()) for each in kept.batches()))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sums == [20 * 499_500] * 4


@contextmanager
def file_size_limit(size: int):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("kind", [pa.int64(), pa.month_day_nano_interval()])
@pytest.mark.parametrize("share", [0, 0.5, 0.9999], ids=["while opening", "while writing", "while closing"])
def test_a_disk_that_takes_no_more_is_named_with_its_free_space(tmp_path, kind, share):
    values = range(200_000) if kind == pa.int64() else [pa.MonthDayNano([1, 2, 3])] * 200_000
    batch = pa.record_batch([pa.array(values, kind)], names=["a"])
    size = keep([batch] * 20, batch.schema, tmp_path / "whole").path.stat().st_size
    with file_size_limit(int(size * share)), pytest.raises(RunError, match="bytes are free") as caught:
        keep([batch] * 20, batch.schema, tmp_path / "a")
    assert caught.value.first.code == "RUN020"
    info = capture(caught.value, Redactor(), tmp_path)
    assert info.message.startswith("rows could not be kept in a.")
    assert info.cause is not None


def test_a_fault_of_the_rows_passes_through_as_it_is(tmp_path):
    def rows():
        yield pa.record_batch([pa.array([1])], names=["a"])
        raise OSError("the source went away")

    with pytest.raises(OSError, match=r"^the source went away$"):
        keep(rows(), pa.schema([("a", pa.int64())]), tmp_path / "a")


def test_a_file_goes_when_its_last_reader_is_through(tmp_path):
    schema = pa.schema([("a", pa.int64())])
    store = Kept(["a", "a", "b"])
    store.add("a", keep([], schema, tmp_path / "a"))
    store.read(["a", "b"])  # b was never kept: its step failed
    assert store.of("a").path.exists()
    path = store.of("a").path
    store.read(["a"])
    assert not path.exists()
    with pytest.raises(KeyError):
        store.of("a")


def test_a_file_that_is_gone_already_does_not_matter(tmp_path):
    store = Kept(["a"])
    kept = keep([], pa.schema([("a", pa.int64())]), tmp_path / "a")
    store.add("a", kept)
    kept.path.unlink()
    store.read(["a"])
    assert list(tmp_path.iterdir()) == []
