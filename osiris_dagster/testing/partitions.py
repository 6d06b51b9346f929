"""What every store of tables does with the rows of a partition, as tests to inherit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from osiris_dagster.drivers.base import WriteReport
from osiris_dagster.errors import DriverError
from osiris_dagster.oml.partition import Partition
from osiris_dagster.oml.placeholders import as_sql, filled
from osiris_dagster.testing.conformance import NEW, OLD, AppendConformance, BrokenError
from osiris_dagster.testing.workbench import Workbench, spec_file


class PartitionConformance(AppendConformance):
    """A store in which the rows of a partition can be told from the others."""

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
