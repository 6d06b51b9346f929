"""What every connector has to do, as tests to inherit:

    class TestShop(AppendConformance):
        store = Store("shop.extractor", "shop.writer", place=lambda name: {"path": f"{name}.shop"})

`Store` says where things lie and what the store cannot hold; everything else is the same for all connectors.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from osiris_dagster.arrow import type_name
from osiris_dagster.drivers.base import TARGET_BATCH_BYTES, WriteReport
from osiris_dagster.errors import DriverError
from osiris_dagster.testing.values import VALUES, plain
from osiris_dagster.testing.workbench import Workbench, spec_file

SECRET = "s3cr3t-of-the-connection"
OLD = pa.table({"id": pa.array([1, 2, 3], pa.int64()), "name": ["a", None, ""]})
NEW = pa.table({"id": pa.array([3, 4], pa.int64()), "name": ["changed", "d"]})
ODD_NAMES = ["a b", 'say "x"', "it's", "select", "žluť 漢字 😀", "x,y;z", "%s ${v} {w}", "n" * 200, "line\nbreak"]


@dataclass(frozen=True)
class Store:
    """What a connector declares about its store."""

    extractor: str
    writer: str
    place: Callable[[str], Mapping[str, Any]]  # name of a table or file -> options of both components
    refused: frozenset[str]  # types that the store cannot hold
    changed: Mapping[str, str] = field(default_factory=dict)  # type written -> type that comes back, equal in value
    connection: Mapping[str, Any] = field(default_factory=dict)
    reading: Callable[[pa.Schema], Mapping[str, Any]] = lambda schema: {}  # options to read rows of that schema with
    longest_name: int = 200  # characters of ASCII
    greatest_letter: str = "\U0010ffff"  # of a name
    variants: tuple[Mapping[str, Any], ...] = ({},)  # reader options that between them reach every option


class BrokenError(Exception):
    """An error that no driver knows."""


class DriverConformance:
    """What holds for every store. A subclass sets `store`."""

    store: ClassVar[Store]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        for argument, names in (
            ("carried", [name for name in VALUES if name not in self.store.refused]),
            ("refused", sorted(self.store.refused)),
        ):
            if argument in metafunc.fixturenames:
                metafunc.parametrize(argument, names)

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Workbench:
        return Workbench(tmp_path, {"token": SECRET, **self.store.connection})

    def write(self, bench: Workbench, rows: pa.Table | pa.RecordBatchReader, **options: Any) -> WriteReport:
        names = ("run_id", "root_run_id", "retry_of", "partition")
        parts = {key: options.pop(key) for key in names if key in options}
        config = {**self.store.place("t"), "write_mode": "replace", **options}
        return bench.write(self.store.writer, config, rows, **parts)

    def reader_config(self, schema: pa.Schema | None = None, **options: Any) -> dict[str, Any]:
        return {**self.store.place("t"), **self.store.reading(schema or OLD.schema), **options}

    def read(self, bench: Workbench, schema: pa.Schema | None = None) -> pa.Table:
        return bench.read(self.store.extractor, self.reader_config(schema))

    def name(self, odd: str) -> str:
        """As much of an odd name as the store takes; what it does not take is refused, and tested with its family."""
        letters = "".join(letter for letter in odd if letter <= self.store.greatest_letter)
        return letters.rstrip()[: self.store.longest_name]

    def litter(self, bench: Workbench) -> list[str]:
        """What a write should not have left behind."""
        return sorted(path.name for path in bench.root.rglob("*.tmp"))

    # -- types and names -----------------------------------------------------------------------------------------

    def test_values_of_a_type_come_back_exactly(self, bench: Workbench, carried: str) -> None:
        written = pa.table({"id": range(len(VALUES[carried])), "value": VALUES[carried]})
        self.write(bench, written)
        found = self.read(bench, written.schema)
        assert type_name(found.schema.field("value").type) == self.store.changed.get(carried, carried)
        assert plain(found["value"]) == plain(written["value"])

    def test_a_type_that_the_store_cannot_hold_is_refused_by_the_name_of_the_column(
        self, bench: Workbench, refused: str
    ) -> None:
        self.write(bench, OLD)
        rows = pa.table({"fine": range(len(VALUES[refused])), "awkward": VALUES[refused]})
        with pytest.raises(DriverError, match="'awkward'") as caught:
            self.write(bench, rows)
        assert caught.value.first.code == "DRV010"
        assert self.read(bench).equals(OLD)
        assert self.litter(bench) == []

    def test_odd_names_and_the_order_of_columns_are_kept(self, bench: Workbench) -> None:
        written = pa.table({self.name(name): [number, number + 1] for number, name in enumerate(ODD_NAMES)})
        self.write(bench, written)
        assert self.read(bench, written.schema).equals(written)

    def test_fifty_columns_keep_their_order(self, bench: Workbench) -> None:
        written = pa.table({f"c{number * 7 % 50}": [number] for number in range(50)})
        self.write(bench, written)
        assert self.read(bench, written.schema).column_names == written.column_names

    def test_a_slice_of_a_larger_batch_is_written_as_it_is(self, bench: Workbench) -> None:
        whole = pa.record_batch({"id": list(range(100)), "name": [None if n % 3 else f"n{n}" for n in range(100)]})
        self.write(bench, pa.Table.from_batches([whole.slice(40, 3), whole.slice(97)]))
        assert self.read(bench)["name"].to_pylist() == [None, None, "n42", None, None, "n99"]

    # -- the stream ----------------------------------------------------------------------------------------------

    def test_the_schema_is_known_before_the_first_row(self, bench: Workbench) -> None:
        self.write(bench, OLD)
        with bench.opened(self.store.extractor, self.reader_config()) as driver:
            reader = driver.read()
            assert reader.schema.equals(OLD.schema)
        assert bench.schema(self.store.extractor, self.reader_config()).equals(OLD.schema)

    def test_batches_are_bounded_in_bytes_and_hold_rows(self, bench: Workbench) -> None:
        batch = pa.record_batch({"id": list(range(1500)), "name": ["x" * 4000] * 1500})
        self.write(bench, pa.RecordBatchReader.from_batches(batch.schema, iter([batch] * 4)))
        with bench.opened(self.store.extractor, self.reader_config()) as driver:
            sizes = [(batch.nbytes, batch.num_rows) for batch in driver.read()]
        assert sum(rows for _, rows in sizes) == 6_000
        assert max(size for size, _ in sizes) <= TARGET_BATCH_BYTES * 3 // 2
        assert min(rows for _, rows in sizes) > 0

    def test_no_rows_leave_an_empty_target_with_its_columns(self, bench: Workbench) -> None:
        self.write(bench, OLD)
        report = self.write(bench, OLD.slice(0, 0))
        assert report.rows_written == 0
        assert self.read(bench).equals(OLD.slice(0, 0))

    def test_empty_batches_and_many_batches_make_one_target(self, bench: Workbench) -> None:
        batches = [
            pa.record_batch({"id": [n] * (n % 3), "name": [str(n)] * (n % 3)}, schema=OLD.schema) for n in range(90)
        ]
        report = self.write(bench, pa.RecordBatchReader.from_batches(OLD.schema, iter(batches)))
        assert report.rows_written == 90
        assert self.read(bench).equals(pa.Table.from_batches(batches))

    def test_a_hundred_thousands_of_rows_come_back_in_their_order(self, bench: Workbench) -> None:
        written = pa.table({"id": range(150_000), "name": [str(number % 1000) for number in range(150_000)]})
        assert self.write(bench, written).rows_written == 150_000
        assert self.read(bench).equals(written)

    def test_two_readings_agree(self, bench: Workbench) -> None:
        self.write(bench, OLD)
        assert self.read(bench).equals(self.read(bench))

    def test_rows_without_columns_are_refused(self, bench: Workbench) -> None:
        with pytest.raises(DriverError) as caught:
            self.write(bench, pa.table({}))
        assert caught.value.first.code == "DRV037"

    # -- faults --------------------------------------------------------------------------------------------------

    def test_an_error_in_mid_stream_leaves_the_old_rows_and_nothing_else(self, bench: Workbench) -> None:
        self.write(bench, OLD)
        with pytest.raises(BrokenError, match="no more rows"):
            self.write(bench, _failing())
        assert self.read(bench).equals(OLD)
        assert self.litter(bench) == []

    def test_an_error_before_the_first_target_leaves_none(self, bench: Workbench) -> None:
        with pytest.raises(BrokenError):
            self.write(bench, _failing())
        with pytest.raises(DriverError):
            self.read(bench)
        assert self.litter(bench) == []

    def test_canceling_a_write_in_mid_stream_ends_it_and_leaves_the_old_rows(self, bench: Workbench) -> None:
        self.write(bench, OLD)
        config = {**self.store.place("t"), "write_mode": "replace"}
        with bench.opened(self.store.writer, config) as driver:

            def rows() -> Iterator[pa.RecordBatch]:
                yield from NEW.to_batches()
                other = threading.Thread(target=driver.cancel)
                other.start()
                other.join()
                yield from NEW.to_batches()

            with pytest.raises(DriverError) as caught:
                driver.write(pa.RecordBatchReader.from_batches(NEW.schema, rows()))
            driver.cancel()
        assert caught.value.first.code == "DRV028"
        assert self.read(bench).equals(OLD)
        assert self.litter(bench) == []

    def test_canceling_a_reading_ends_it(self, bench: Workbench) -> None:
        batch = pa.record_batch({"id": list(range(1500)), "name": ["x" * 4000] * 1500})
        self.write(bench, pa.RecordBatchReader.from_batches(batch.schema, iter([batch] * 4)))
        with bench.opened(self.store.extractor, self.reader_config()) as driver:
            reader = driver.read()
            reader.read_next_batch()
            driver.cancel()
            with pytest.raises(DriverError) as caught:
                reader.read_all()
        assert caught.value.first.code == "DRV028"

    def test_a_target_can_be_written_after_a_reading_that_was_not_finished(self, bench: Workbench) -> None:
        batch = pa.record_batch({"id": list(range(1500)), "name": ["x" * 4000] * 1500})
        self.write(bench, pa.RecordBatchReader.from_batches(batch.schema, iter([batch] * 4)))
        with bench.opened(self.store.extractor, self.reader_config()) as driver:
            driver.read().read_next_batch()
        self.write(bench, OLD)
        assert self.read(bench).equals(OLD)

    def test_a_missing_source_is_an_error_with_a_way_out(self, bench: Workbench) -> None:
        for use in (bench.read, bench.schema):
            with pytest.raises(DriverError) as caught:
                use(self.store.extractor, self.reader_config())
            assert caught.value.first.fix

    def test_an_unknown_column_is_an_error_that_offers_the_nearest(self, bench: Workbench) -> None:
        self.write(bench, OLD)
        with pytest.raises(DriverError, match="nam") as caught:
            bench.read(self.store.extractor, self.reader_config(columns=["nam"]))
        assert "name" in caught.value.first.fix

    def test_errors_hold_no_secret_of_the_connection(self, bench: Workbench) -> None:
        with pytest.raises(DriverError) as caught:
            self.read(bench)
        errors: list[BaseException] = [caught.value]
        while (cause := errors[-1].__cause__) is not None:
            errors.append(cause)
        assert SECRET not in "".join(f"{error!r} {error}" for error in errors)

    # -- options -------------------------------------------------------------------------------------------------

    def test_columns_are_read_in_the_order_asked_for(self, bench: Workbench) -> None:
        self.write(bench, OLD)
        found = bench.read(self.store.extractor, self.reader_config(columns=["name", "id"]))
        assert found.equals(OLD.select(["name", "id"]))

    def test_columns_that_nobody_reads_may_be_left_out(self, bench: Workbench) -> None:
        self.write(bench, OLD)
        found = bench.read(self.store.extractor, self.reader_config(), wanted=("name",))
        assert found.select(["name"]).equals(OLD.select(["name"]))
        assert found.column_names in (["name"], OLD.column_names)

    def test_all_columns_are_read_when_one_that_is_wanted_has_gone(self, bench: Workbench) -> None:
        self.write(bench, OLD)
        assert bench.read(self.store.extractor, self.reader_config(), wanted=("name", "gone")).equals(OLD)

    def test_limit_bounds_the_rows(self, bench: Workbench) -> None:
        self.write(bench, OLD)
        assert bench.read(self.store.extractor, self.reader_config(limit=2)).equals(OLD.slice(0, 2))

    def test_every_option_declared_is_read_and_every_option_read_is_declared(self, bench: Workbench) -> None:
        self.write(bench, OLD, run_id="run")
        for options in self.store.variants:
            bench.read(self.store.extractor, self.reader_config(**options))
        for component in (self.store.extractor, self.store.writer):
            declared = set(spec_file(component)["configSchema"]["properties"])
            assert bench.asked[component] == declared


class AppendConformance(DriverConformance):
    """A store that rows can be added to."""

    def test_append_adds_the_rows(self, bench: Workbench) -> None:
        assert self.write(bench, OLD, write_mode="append").rows_written == 3
        assert self.write(bench, NEW, write_mode="append").rows_written == 2
        assert self.read(bench).equals(pa.concat_tables([OLD, NEW]))

    def test_appending_no_rows_changes_nothing(self, bench: Workbench) -> None:
        self.write(bench, OLD)
        self.write(bench, OLD.slice(0, 0), write_mode="append")
        assert self.read(bench).equals(OLD)

    def test_an_error_in_mid_append_leaves_the_old_rows(self, bench: Workbench) -> None:
        self.write(bench, OLD)
        with pytest.raises(BrokenError):
            self.write(bench, _failing(), write_mode="append")
        assert self.read(bench).equals(OLD)
        assert self.litter(bench) == []

    def test_a_retry_of_an_append_that_was_committed_writes_nothing_twice(self, bench: Workbench) -> None:
        options = {"write_mode": "append", "root_run_id": "root"}
        self.write(bench, OLD, run_id="root", **options)
        again = self.write(bench, OLD, run_id="second", retry_of="root", **options)
        same = self.write(bench, OLD, run_id="root", **options)
        assert (again.rows_written, same.rows_written) == (3, 3)
        assert again.notes
        assert same.notes
        assert self.read(bench).equals(OLD)

    def test_executing_everything_again_is_a_new_append(self, bench: Workbench) -> None:
        for run in ("root", "second"):
            self.write(bench, OLD, write_mode="append", run_id=run, root_run_id="root")
        assert self.read(bench).num_rows == 6

    def test_a_retry_of_an_append_that_failed_does_it(self, bench: Workbench) -> None:
        with pytest.raises(BrokenError):
            self.write(bench, _failing(), write_mode="append", run_id="root", root_run_id="root")
        self.write(bench, OLD, write_mode="append", run_id="second", root_run_id="root", retry_of="root")
        assert self.read(bench).equals(OLD)


def _failing() -> pa.RecordBatchReader:
    def batches() -> Iterator[pa.RecordBatch]:
        for _ in range(20):
            yield from NEW.to_batches()
        raise BrokenError("no more rows")

    return pa.RecordBatchReader.from_batches(NEW.schema, batches())
