"""The filesystem family: CSV and Parquet files below the project as source and target."""

from __future__ import annotations

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.filesystem.csv_read import CsvReading
from osiris_dagster.drivers.filesystem.csv_write import CsvWriting
from osiris_dagster.drivers.filesystem.parquet import ParquetReading, ParquetWriting
from osiris_dagster.drivers.roles import RoleDriver

__all__ = ["FilesystemDriver"]

_WORK: dict[str, type[CsvReading | CsvWriting | ParquetReading | ParquetWriting]] = {
    "filesystem.csv_extractor": CsvReading,
    "filesystem.csv_writer": CsvWriting,
    "filesystem.parquet_extractor": ParquetReading,
    "filesystem.parquet_writer": ParquetWriting,
}


class FilesystemDriver(RoleDriver):
    """Runs the components of the family; opens nothing before its first method."""

    def __init__(self, call: StepCall) -> None:
        super().__init__(call.component, _WORK[call.component](call))
