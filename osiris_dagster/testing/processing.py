"""What every processor has to do, as tests to inherit:

    class TestShop(ProcessorConformance):
        processor = Processor("shop.processor", passing={"query": "select * from df_rows"}, endless={...})

`Processor` says how the component is told to hand on the rows of its input `df_rows`, and to work for hours.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from osiris_dagster.drivers.base import TARGET_BATCH_BYTES, TransformInput
from osiris_dagster.errors import DriverError
from osiris_dagster.testing.workbench import Workbench, spec_file

ROWS = pa.table({"id": [1, 2, 3], "name": ["a", None, "c"]})


def large(letters: int = 100) -> pa.RecordBatchReader:
    batch = pa.record_batch({"n": list(range(50_000)), "text": ["x" * letters] * 50_000})
    return pa.RecordBatchReader.from_batches(batch.schema, iter([batch] * 20))


@dataclass(frozen=True)
class Processor:
    """What a component declares: options that hand on `df_rows` as it is, and options whose work takes hours."""

    component: str
    passing: Mapping[str, Any]
    endless: Mapping[str, Any]


class ProcessorConformance:
    """A subclass sets `processor`."""

    processor: ClassVar[Processor]

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Workbench:
        return Workbench(tmp_path)

    def passed(self, bench: Workbench, rows: pa.RecordBatchReader, scans: int = 1) -> pa.Table:
        with bench.opened(self.processor.component, self.processor.passing) as driver:
            return driver.transform((TransformInput(("df_rows",), rows, scans),)).read_all()

    def test_rows_keep_their_order(self, bench: Workbench) -> None:
        assert self.passed(bench, large())["n"].to_pylist() == list(range(50_000)) * 20

    def test_batches_are_bounded(self, bench: Workbench) -> None:
        with bench.opened(self.processor.component, self.processor.passing) as driver:
            reader = driver.transform((TransformInput(("df_rows",), large(1000), 1),))
            assert max(batch.nbytes for batch in reader) <= TARGET_BATCH_BYTES * 3 // 2

    def test_the_schema_is_known_before_any_input_is_read(self, bench: Workbench) -> None:
        def never() -> Iterator[pa.RecordBatch]:
            assert not ROWS.num_rows, "read too early"
            yield from ROWS.to_batches()

        source = TransformInput(("df_rows",), pa.RecordBatchReader.from_batches(ROWS.schema, never()), 1)
        with bench.opened(self.processor.component, self.processor.passing) as driver:
            assert driver.transform((source,)).schema.equals(ROWS.schema)

    def test_no_rows_give_typed_columns(self, bench: Workbench) -> None:
        assert self.passed(bench, ROWS.slice(0, 0).to_reader(), scans=0).equals(ROWS.slice(0, 0))

    @pytest.mark.parametrize("scans", [0, 1])
    def test_an_error_of_an_input_comes_out_as_it_was(self, bench: Workbench, scans: int) -> None:
        def failing() -> Iterator[pa.RecordBatch]:
            yield from ROWS.to_batches()
            raise ZeroDivisionError("of the step before")

        with pytest.raises(ZeroDivisionError, match="of the step before"):
            self.passed(bench, pa.RecordBatchReader.from_batches(ROWS.schema, failing()), scans)

    def test_cancel_ends_work_that_would_take_hours(self, bench: Workbench) -> None:
        with bench.opened(self.processor.component, self.processor.endless) as driver:
            reader = driver.transform(())
            timer = threading.Timer(0.2, driver.cancel)
            timer.start()
            with pytest.raises(DriverError) as caught:
                reader.read_all()
            timer.join()
        assert caught.value.first.code == "DRV028"

    def test_cancel_before_the_work_begins_keeps_it_from_beginning(self, bench: Workbench) -> None:
        with bench.opened(self.processor.component, self.processor.passing) as driver:
            driver.cancel()
            with pytest.raises(DriverError) as caught:
                driver.transform((TransformInput(("df_rows",), ROWS.to_reader()),))
        assert caught.value.first.code == "DRV028"

    def test_closing_a_result_that_was_not_read_to_its_end_frees_it(self, bench: Workbench) -> None:
        with bench.opened(self.processor.component, self.processor.passing) as driver:
            reader = driver.transform((TransformInput(("df_rows",), large(), 1),))
            reader.read_next_batch()
        with pytest.raises(Exception, match=r".+"):
            reader.read_all()

    def test_every_option_is_read(self, bench: Workbench) -> None:
        self.passed(bench, ROWS.to_reader())
        declared = set(spec_file(self.processor.component)["configSchema"]["properties"])
        assert bench.asked[self.processor.component] == declared

    @pytest.mark.parametrize("method", ["schema", "read", "write"])
    def test_a_processor_does_nothing_but_transform(self, bench: Workbench, method: str) -> None:
        opened = bench.opened(self.processor.component, self.processor.passing)
        with opened as driver, pytest.raises(DriverError, match=method):
            getattr(driver, method)(*([ROWS.to_reader()] if method == "write" else []))
