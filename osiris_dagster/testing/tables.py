"""What every store of tables has to do, as tests to inherit:

    class TestShop(TableConformance):
        store = Store("shop.extractor", "shop.writer", place=lambda name: {"table": name})

Beside what holds for all stores (`conformance`) these are keys, columns that come and go, and partitions.
"""

from __future__ import annotations

import threading
from typing import Any

import pyarrow as pa
import pytest

from osiris_dagster.drivers.base import WriteReport
from osiris_dagster.errors import DriverError
from osiris_dagster.testing.conformance import NEW, OLD
from osiris_dagster.testing.partitions import PartitionConformance
from osiris_dagster.testing.workbench import Workbench


class TableConformance(PartitionConformance):
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
