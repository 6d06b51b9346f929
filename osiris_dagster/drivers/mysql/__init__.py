"""The MySQL family, for MySQL 8 and MariaDB: tables and queries as source, tables as target."""

from __future__ import annotations

from typing import NoReturn

import pyarrow as pa

from osiris_dagster.drivers.base import StepCall, TransformInput, WriteReport
from osiris_dagster.drivers.mysql.extract import Extraction
from osiris_dagster.drivers.mysql.write import Loading
from osiris_dagster.drivers.positions import Position
from osiris_dagster.errors import DriverError

__all__ = ["MySQLDriver"]


class MySQLDriver:
    """Runs `mysql.extractor` and `mysql.writer`; connects with its first method."""

    def __init__(self, call: StepCall) -> None:
        self._call = call
        self._work: Extraction | Loading = Loading(call) if call.component == "mysql.writer" else Extraction(call)

    def schema(self) -> pa.Schema:
        """Return the columns of the table or query."""
        return self._work.schema() if isinstance(self._work, Extraction) else self._refuse("schema")

    def read(self) -> pa.RecordBatchReader:
        """Open the table or query."""
        return self._work.read() if isinstance(self._work, Extraction) else self._refuse("read")

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what a person should know about the rows read."""
        return self._work.notes if isinstance(self._work, Extraction) else ()

    def transform(self, inputs: tuple[TransformInput, ...]) -> pa.RecordBatchReader:  # noqa: ARG002 - the shape of Driver
        """Raise DriverError: the family has no processor."""
        self._refuse("transform")

    def write(self, rows: pa.RecordBatchReader) -> WriteReport:
        """Write the rows to the table."""
        return self._work.write(rows) if isinstance(self._work, Loading) else self._refuse("write")

    def position(self, step: str) -> Position | None:
        """Return how far the rows of an incremental step are in the target."""
        return self._work.position(step) if isinstance(self._work, Loading) else self._refuse("position")

    def cancel(self) -> None:
        """End the session on both sides."""
        self._work.cancel()

    def close(self) -> None:
        """End the session."""
        self._work.close()

    def _refuse(self, what: str) -> NoReturn:
        raise DriverError(
            f"{self._call.component} cannot {what}",
            code="DRV003",
            found=what,
            expected="what the modes of the component say",
            fix="use another component of the family",
        )
