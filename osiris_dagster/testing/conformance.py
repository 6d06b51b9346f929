"""What every connector has to do, as tests to inherit:

    class TestShop(TableConformance):
        store = Store("shop.extractor", "shop.writer", place=lambda name: {"table": name})

`Store` says where things lie and what the store cannot hold; everything else is the same for all connectors.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from osiris_dagster.arrow import type_name
from osiris_dagster.drivers.base import TARGET_BATCH_BYTES, WriteReport
from osiris_dagster.errors import DriverError
from osiris_dagster.oml.partition import Partition
from osiris_dagster.oml.placeholders import as_sql, filled
from osiris_dagster.testing.values import VALUES
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
        assert _plain(found["value"]) == _plain(written["value"])

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


class TableConformance(AppendConformance):
    """A store of tables: rows have keys, and tables columns of their own."""

    def rows(self, bench: Workbench, schema: pa.Schema | None = None) -> list[dict[str, Any]]:
        return sorted(self.read(bench, schema).to_pylist(), key=lambda row: (row["id"] is None, row["id"]))

    def upsert(self, bench: Workbench, rows: pa.Table, **options: Any) -> WriteReport:
        return self.write(bench, rows, **{"write_mode": "upsert", "primary_key": "id", **options})

    def test_upsert_updates_known_keys_and_adds_the_others(self, bench: Workbench) -> None:
        self.upsert(bench, OLD)
        report = self.upsert(bench, NEW)
        assert (report.rows_written, report.rows_total) == (2, 4)
        assert [row["name"] for row in self.rows(bench)] == ["a", None, "changed", "d"]

    def test_upsert_of_some_columns_keeps_the_others(self, bench: Workbench) -> None:
        self.upsert(bench, OLD.append_column("n", pa.array([10, 20, 30])))
        report = self.upsert(bench, NEW)
        assert [row["n"] for row in self.rows(bench)] == [10, 20, 30, None]
        assert "column n is not in the rows" in " ".join(report.notes)

    def test_upsert_of_nothing_but_keys_adds_the_new_ones(self, bench: Workbench) -> None:
        self.upsert(bench, OLD)
        self.upsert(bench, NEW.select(["id"]))
        assert [row["name"] for row in self.rows(bench)] == ["a", None, "", None]

    def test_upsert_by_several_columns(self, bench: Workbench) -> None:
        first = pa.table({"id": [1, 1, 2], "k": ["x", "y", "x"], "v": [1, 2, 3]})
        self.upsert(bench, first, primary_key=["id", "k"])
        self.upsert(bench, pa.table({"id": [1, 2], "k": ["y", "z"], "v": [20, 4]}), primary_key=["id", "k"])
        found = [(row["id"], row["k"], row["v"]) for row in self.read(bench, first.schema).to_pylist()]
        assert sorted(found) == [(1, "x", 1), (1, "y", 20), (2, "x", 3), (2, "z", 4)]

    def test_upsert_of_no_rows_changes_nothing(self, bench: Workbench) -> None:
        self.upsert(bench, OLD)
        self.upsert(bench, NEW.slice(0, 0))
        assert self.read(bench).equals(OLD)

    @pytest.mark.parametrize("mode", ["append", "replace", "upsert"])
    def test_a_null_key_is_refused_with_its_column_and_count(self, bench: Workbench, mode: str) -> None:
        self.write(bench, OLD)
        rows = pa.table({"id": pa.array([7, None, None], pa.int64()), "name": ["x", "y", "z"]})
        with pytest.raises(DriverError, match="'id' is NULL in 2 rows") as caught:
            self.write(bench, rows, write_mode=mode, primary_key=["id"])
        assert caught.value.first.code == "DRV031"
        assert self.read(bench).equals(OLD)

    @pytest.mark.parametrize("mode", ["append", "replace", "upsert"])
    def test_a_repeated_key_is_refused_with_a_count_and_no_value(self, bench: Workbench, mode: str) -> None:
        self.write(bench, OLD)
        rows = pa.table({"id": [771, 771, 772], "name": ["x", "y", "z"]})
        with pytest.raises(DriverError, match=r"1 values of the key \(id\)") as caught:
            self.write(bench, rows, write_mode=mode, primary_key="id")
        assert caught.value.first.code == "DRV032"
        assert "771" not in str(caught.value)
        assert self.read(bench).equals(OLD)

    @pytest.mark.parametrize(("kept", "name"), [("first", "x"), ("last", "z")])
    def test_on_duplicate_keeps_the_row_that_came_first_or_last(self, bench: Workbench, kept: str, name: str) -> None:
        self.write(bench, OLD)
        rows = pa.table({"id": [3, 3, 3, 4], "name": ["x", "y", "z", "w"]})
        report = self.upsert(bench, rows, on_duplicate=kept)
        assert report.rows_written == 2
        assert "2 rows" in " ".join(report.notes)
        assert [row["name"] for row in self.rows(bench)][2:] == [name, "w"]

    def test_an_upsert_without_a_key_is_refused(self, bench: Workbench) -> None:
        with pytest.raises(DriverError) as caught:
            self.write(bench, OLD, write_mode="upsert")
        assert caught.value.first.code == "DRV030"

    def test_a_key_that_the_rows_or_the_table_lack_is_refused(self, bench: Workbench) -> None:
        self.write(bench, OLD.rename_columns(["nr", "name"]))
        for rows in (OLD.rename_columns(["nr", "name"]), OLD):
            with pytest.raises(DriverError, match="no key column 'id'"):
                self.upsert(bench, rows)

    def test_a_missing_table_is_made_only_if_that_is_allowed(self, bench: Workbench) -> None:
        with pytest.raises(DriverError) as caught:
            self.write(bench, OLD, create_if_missing=False)
        assert caught.value.first.code == "DRV035"
        self.write(bench, OLD)
        self.write(bench, OLD, create_if_missing=False)
        assert self.read(bench).equals(OLD)

    def test_evolve_adds_columns_and_widens_types(self, bench: Workbench) -> None:
        self.write(bench, pa.table({"id": pa.array([1], pa.int16()), "v": pa.array([1.5], pa.float32())}))
        rows = pa.table({"id": pa.array([2**40], pa.int64()), "v": [0.1], "extra": ["new"]})
        report = self.write(bench, rows, write_mode="append")
        found = self.read(bench, rows.schema)
        assert found.schema.equals(rows.schema)
        assert found.to_pylist() == [{"id": 1, "v": 1.5, "extra": None}, {"id": 2**40, "v": 0.1, "extra": "new"}]
        assert "column extra" in " ".join(report.notes)
        assert "column id changed" in " ".join(report.notes)

    @pytest.mark.parametrize("mode", ["append", "upsert"])
    def test_narrower_rows_leave_the_table_wide(self, bench: Workbench, mode: str) -> None:
        self.write(bench, OLD)
        rows = pa.table({"id": pa.array([9], pa.int8()), "name": ["x"]})
        assert self.write(bench, rows, write_mode=mode, primary_key="id").notes == ()
        assert self.read(bench).schema.equals(OLD.schema)

    @pytest.mark.parametrize("policy", ["evolve", "ignore"])
    @pytest.mark.parametrize("value", [1.5, 1e300, float("nan")])
    def test_a_value_that_would_be_clipped_is_refused_by_column(
        self, bench: Workbench, policy: str, value: float
    ) -> None:
        self.write(bench, OLD)
        with pytest.raises(DriverError, match="'id'") as caught:
            self.write(bench, pa.table({"id": [7.0, value]}), write_mode="append", schema_drift=policy)
        assert caught.value.first.code == "DRV034"
        assert self.read(bench).equals(OLD)

    def test_values_of_another_type_that_fit_exactly_are_taken(self, bench: Workbench) -> None:
        self.write(bench, OLD)
        self.write(bench, pa.table({"id": [7.0], "name": ["x"]}), write_mode="append")
        assert self.rows(bench)[-1] == {"id": 7, "name": "x"}

    def test_replace_may_change_any_type(self, bench: Workbench) -> None:
        self.write(bench, OLD)
        rows = pa.table({"id": ["x"], "name": pa.array([None], pa.string())})
        self.write(bench, rows)
        assert self.read(bench, rows.schema).equals(rows)

    def test_fail_refuses_new_missing_and_other_columns(self, bench: Workbench) -> None:
        self.write(bench, OLD)
        rows = pa.table({"id": [0.5], "extra": [1]})
        with pytest.raises(DriverError) as caught:
            self.write(bench, rows, write_mode="append", schema_drift="fail")
        message = str(caught.value)
        assert all(part in message for part in ("extra", "is new", "name is missing", "column id is"))
        assert self.read(bench).equals(OLD)

    def test_ignore_leaves_new_columns_out_and_says_so(self, bench: Workbench) -> None:
        self.write(bench, OLD)
        report = self.write(
            bench, NEW.append_column("extra", pa.array([1, 2])), write_mode="append", schema_drift="ignore"
        )
        assert self.read(bench).equals(pa.concat_tables([OLD, NEW]))
        assert "extra" in " ".join(report.notes)

    @pytest.mark.parametrize("mode", ["append", "upsert"])
    def test_a_column_that_the_rows_lack_stays_and_is_null_in_new_rows(self, bench: Workbench, mode: str) -> None:
        self.write(bench, OLD)
        report = self.write(bench, pa.table({"id": [9]}), write_mode=mode, primary_key="id")
        assert "column name is not in the rows" in " ".join(report.notes)
        assert self.read(bench).schema.equals(OLD.schema)
        assert self.rows(bench)[-1] == {"id": 9, "name": None}

    # -- partitions ----------------------------------------------------------------------------------------------

    def replace(
        self, bench: Workbench, rows: pa.Table | pa.RecordBatchReader, part: Partition, **more: Any
    ) -> WriteReport:
        return self.write(bench, rows, **{"partition": part, "partition_column": "day", **more})

    def test_a_replace_of_a_partition_replaces_its_rows_and_no_others(self, bench: Workbench) -> None:
        self.write(bench, _days(None, 1, 2, 2, 3))
        report = self.replace(bench, _days(2, word="new"), _day(2))
        assert (report.rows_written, report.rows_total) == (1, 4)
        assert self.by_day(bench) == [(None, "old"), (1, "old"), (2, "new"), (3, "old")]

    def by_day(self, bench: Workbench) -> list[tuple[int | None, str]]:
        found = self.read(bench, _days().schema).select(["day", "word"]).to_pylist()
        return sorted(
            ((row["day"] and row["day"].day, row["word"]) for row in found), key=lambda row: (row[0] or 0, row[1])
        )

    def test_a_window_in_a_filter_reads_the_rows_of_its_partition(self, bench: Workbench) -> None:
        self.write(bench, _days(1, 2, 3, None))
        dialect = spec_file(self.store.extractor)["x-sql"]["dialect"]
        text = as_sql("day >= ${partition.start} and day < '${partition.end}'", dialect, hourly=False)
        found = bench.read(self.store.extractor, self.reader_config(filter=filled(text, _day(2))))
        assert found["day"].to_pylist() == [date(2025, 1, 2)]

    def test_a_range_replaces_exactly_the_range(self, bench: Workbench) -> None:
        self.write(bench, _days(*range(1, 8)))
        report = self.replace(bench, _days(3, 5, word="new"), _day(3, 5))
        assert report.rows_written == 2
        assert self.by_day(bench) == [
            (1, "old"), (2, "old"), (3, "new"), (5, "new"), (6, "old"), (7, "old")
        ]  # fmt: skip

    def test_a_partition_without_rows_is_emptied(self, bench: Workbench) -> None:
        self.write(bench, _days(1, 2))
        self.replace(bench, _days(), _day(2))
        assert self.by_day(bench) == [(1, "old")]

    def test_the_first_partition_makes_the_table(self, bench: Workbench) -> None:
        self.replace(bench, _days(1), _day(1))
        self.replace(bench, _days(2), _day(2))
        assert self.by_day(bench) == [(1, "old"), (2, "old")]

    def test_a_partition_that_fails_in_mid_stream_leaves_the_old_rows(self, bench: Workbench) -> None:
        self.write(bench, _days(1, 2))

        def batches() -> Iterator[pa.RecordBatch]:
            yield from _days(2, word="new").to_batches()
            raise BrokenError("no more rows")

        with pytest.raises(BrokenError):
            self.replace(bench, pa.RecordBatchReader.from_batches(_days().schema, batches()), _day(2))
        assert self.by_day(bench) == [(1, "old"), (2, "old")]

    @pytest.mark.parametrize("zone", [None, "UTC"])
    def test_a_moment_belongs_to_the_day_that_begins_with_it(self, bench: Workbench, zone: str | None) -> None:
        """Wall clock without a zone, instants with one: midnight in Prague is an hour before that in UTC."""
        hours = [
            datetime(2025, 1, 1, 22, 30),
            datetime(2025, 1, 1, 23),
            datetime(2025, 1, 2, 22, 59, 59),
            datetime(2025, 1, 2, 23),
        ]
        if zone is None:
            hours = [moment + timedelta(hours=1) for moment in hours]
        kind = pa.timestamp("us", zone)
        old = pa.table({"id": [1, 2, 3, 4], "day": pa.array(hours, kind)})
        self.write(bench, old)
        self.replace(bench, pa.table({"id": [9], "day": pa.array([hours[1]], kind)}), _day(2, zone="Europe/Prague"))
        assert sorted(self.read(bench, old.schema)["id"].to_pylist()) == [1, 4, 9]

    def test_static_partitions_are_equal_to_the_letter(self, bench: Workbench) -> None:
        rows = pa.table({"id": [1, 2, 3, 4], "land": ["cz", "CZ", "č", None]})
        self.write(bench, rows)
        self.replace(bench, pa.table({"id": [9], "land": ["cz"]}), Partition(("cz",)), partition_column="land")
        assert sorted(self.read(bench, rows.schema)["id"].to_pylist()) == [2, 3, 4, 9]

    def test_static_partitions_of_numbers(self, bench: Workbench) -> None:
        rows = pa.table({"id": [1, 2, 3], "shop": [1, 2, 30]})
        self.write(bench, rows)
        self.replace(bench, rows.slice(0, 0), Partition(("1", "2")), partition_column="shop")
        assert self.read(bench, rows.schema)["id"].to_pylist() == [3]

    def test_a_retry_of_a_partition_is_told_from_that_of_another(self, bench: Workbench) -> None:
        more = {"root_run_id": "root", "write_mode": "append"}
        self.replace(bench, _days(1), _day(1), run_id="root", **more)
        again = self.replace(bench, _days(1), _day(1), run_id="second", retry_of="root", **more)
        other = self.replace(bench, _days(2), _day(2), run_id="second", retry_of="root", **more)
        whole = self.replace(bench, _days(1, 2), _day(1, 2), run_id="second", retry_of="root", **more)
        assert [bool(report.notes) for report in (again, other, whole)] == [True, False, False]
        assert self.by_day(bench) == [(1, "old"), (1, "old"), (2, "old"), (2, "old")]

    def test_a_partition_column_that_the_table_gets_now_has_no_rows_yet(self, bench: Workbench) -> None:
        self.write(bench, OLD)
        rows = pa.table({"id": [4], "name": ["d"], "day": pa.array([date(2025, 1, 1)], pa.date32())})
        for _ in range(2):
            self.replace(bench, rows, _day(1))
        assert self.read(bench, rows.schema)["id"].to_pylist() == [1, 2, 3, 4]

    def test_a_partition_column_that_cannot_tell_is_refused(self, bench: Workbench) -> None:
        self.write(bench, OLD)
        for column in ("day", "name"):
            with pytest.raises(DriverError, match=column) as caught:
                self.replace(bench, NEW, _day(1), partition_column=column)
            assert caught.value.first.code == "RUN081"
        assert self.read(bench).equals(OLD)

    def test_a_table_without_the_partition_column_is_refused(self, bench: Workbench) -> None:
        self.write(bench, OLD)
        rows = pa.table({"id": [4], "name": ["d"], "day": pa.array([date(2025, 1, 1)], pa.date32())})
        with pytest.raises(DriverError, match="no partition column 'day'") as caught:
            self.replace(bench, rows, _day(1), schema_drift="ignore")
        assert caught.value.first.code == "RUN081"
        assert self.read(bench).equals(OLD)


def _day(first: int, last: int = 0, zone: str = "UTC") -> Partition:
    """The partition of a day of January 2025, or of the days up to another."""
    days = range(first, (last or first) + 1)
    start, end = (datetime(2025, 1, number, tzinfo=ZoneInfo(zone)) for number in (days[0], days[-1] + 1))
    return Partition(tuple(f"2025-01-{number:02}" for number in days), start, end)


def _days(*numbers: int | None, word: str = "old") -> pa.Table:
    days = [None if number is None else date(2025, 1, number) for number in numbers]
    return pa.table(
        {
            "id": pa.array(range(len(days)), pa.int64()),
            "day": pa.array(days, pa.date32()),
            "word": pa.array([word] * len(days), pa.string()),
        }
    )


class ServerConformance(TableConformance):
    """A store of tables that others use meanwhile."""

    def test_readers_see_the_old_rows_or_the_new_ones_during_a_replace(self, bench: Workbench) -> None:
        def filled(name: str) -> pa.Table:
            return pa.table({"id": range(5_000), "name": [name] * 5_000})

        self.write(bench, filled("first"))
        seen: list[tuple[int, int]] = []
        done = threading.Event()

        def look() -> None:
            other = Workbench(bench.root / "reader", bench.connection)
            while not done.is_set():
                found = self.read(other)
                seen.append((found.num_rows, len(found["name"].unique())))

        looking = threading.Thread(target=look)
        looking.start()
        try:
            for name in ("second", "third", "fourth"):
                self.write(bench, filled(name))
        finally:
            done.set()
            looking.join()
        assert set(seen) == {(5_000, 1)}


def _failing() -> pa.RecordBatchReader:
    def batches() -> Iterator[pa.RecordBatch]:
        for _ in range(20):
            yield from NEW.to_batches()
        raise BrokenError("no more rows")

    return pa.RecordBatchReader.from_batches(NEW.schema, batches())


def _plain(column: pa.ChunkedArray) -> list[Any]:
    """The values in a form that is equal for equal values of different layouts, spans of time included."""
    kind = column.type
    array = column.combine_chunks()
    if pa.types.is_temporal(kind) and not pa.types.is_interval(kind):
        return [None if value is None else _ticks(value, kind) for value in _integers(array)]
    return [_span(value) if isinstance(value, pa.MonthDayNano) else value for value in array.to_pylist()]


def _integers(array: pa.Array) -> list[int | None]:
    width = pa.int32() if array.type.bit_width == 32 else pa.int64()
    return list(array.view(width).to_pylist())


def _ticks(value: int, kind: pa.DataType) -> int:
    """Nanoseconds, days for dates."""
    unit = getattr(kind, "unit", "ns")
    return value if unit == "day" else value * {"s": 10**9, "ms": 10**6, "us": 1000, "ns": 1}[unit]


def _span(value: pa.MonthDayNano) -> Any:
    return value.nanoseconds if not value.months and not value.days else tuple(value)
