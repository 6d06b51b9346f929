"""The filesystem family: CSV and Parquet files below the project as source and target."""

from __future__ import annotations

from typing import NoReturn

import pyarrow as pa

from osiris_dagster.drivers.base import StepCall, TransformInput, WriteReport
from osiris_dagster.drivers.filesystem.csv_read import CsvReading
from osiris_dagster.drivers.filesystem.csv_write import CsvWriting
from osiris_dagster.drivers.filesystem.parquet import ParquetReading, ParquetWriting
from osiris_dagster.errors import DriverError

__all__ = ["FilesystemDriver"]

_WORK: dict[str, type[CsvReading | CsvWriting | ParquetReading | ParquetWriting]] = {
    "filesystem.csv_extractor": CsvReading,
    "filesystem.csv_writer": CsvWriting,
    "filesystem.parquet_extractor": ParquetReading,
    "filesystem.parquet_writer": ParquetWriting,
}


class FilesystemDriver:
    """Runs the components of the family; opens nothing before its first method."""

    def __init__(self, call: StepCall) -> None:
        self._component = call.component
        self._work = _WORK[call.component](call)

    def schema(self) -> pa.Schema:
        """Return the columns of the file."""
        return self._work.schema() if isinstance(self._work, CsvReading | ParquetReading) else self._refuse("schema")

    def read(self) -> pa.RecordBatchReader:
        """Open the file."""
        return self._work.read() if isinstance(self._work, CsvReading | ParquetReading) else self._refuse("read")

    def transform(self, inputs: tuple[TransformInput, ...]) -> pa.RecordBatchReader:
        """Refuse: files do not compute."""
        del inputs
        return self._refuse("transform")

    def write(self, rows: pa.RecordBatchReader) -> WriteReport:
        """Write the rows to the file."""
        return self._work.write(rows) if isinstance(self._work, CsvWriting | ParquetWriting) else self._refuse("write")

    def cancel(self) -> None:
        """End the work at the next batch."""
        self._work.cancel()

    def close(self) -> None:
        """Close the file."""
        self._work.close()

    def _refuse(self, what: str) -> NoReturn:
        raise DriverError(
            f"{self._component} cannot {what}",
            code="DRV003",
            found=what,
            expected="what the modes of the component say",
            fix="use another component of the family",
        )
