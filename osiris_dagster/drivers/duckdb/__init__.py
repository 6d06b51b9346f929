"""The DuckDB family: tables of a file as source and target, and SQL over the rows of earlier steps."""

from __future__ import annotations

from typing import NoReturn

import pyarrow as pa

from osiris_dagster.drivers.base import StepCall, TransformInput, WriteReport
from osiris_dagster.drivers.duckdb.extract import Extraction
from osiris_dagster.drivers.duckdb.pool import MEMORY_LIMIT, Connect, connect_file
from osiris_dagster.drivers.duckdb.transform import Transformation
from osiris_dagster.drivers.duckdb.write import Loading
from osiris_dagster.drivers.positions import Position
from osiris_dagster.errors import DriverError

__all__ = ["MEMORY_LIMIT", "Connect", "DuckDBDriver", "connect_file"]


class DuckDBDriver:
    """Runs `duckdb.extractor`, `duckdb.processor` and `duckdb.writer`; opens nothing before its first method."""

    def __init__(self, call: StepCall, *, connect: Connect = connect_file) -> None:
        """`connect` opens a database file: path, and whether for writing."""
        self._call = call
        role = call.component.partition(".")[2]
        self._work: Extraction | Transformation | Loading
        if role == "processor":
            self._work = Transformation(call)
        elif role == "writer":
            self._work = Loading(call, connect)
        else:
            self._work = Extraction(call, connect)

    def schema(self) -> pa.Schema:
        """Return the columns of the table or query."""
        return self._work.schema() if isinstance(self._work, Extraction) else self._refuse("schema")

    def read(self) -> pa.RecordBatchReader:
        """Open the table or query."""
        return self._work.read() if isinstance(self._work, Extraction) else self._refuse("read")

    def transform(self, inputs: tuple[TransformInput, ...]) -> pa.RecordBatchReader:
        """Open the result of the query."""
        return self._work.transform(inputs) if isinstance(self._work, Transformation) else self._refuse("transform")

    def write(self, rows: pa.RecordBatchReader) -> WriteReport:
        """Write the rows to the table."""
        return self._work.write(rows) if isinstance(self._work, Loading) else self._refuse("write")

    def position(self, step: str) -> Position | None:
        """Return how far an incremental step has come in the table to write."""
        return self._work.position(step) if isinstance(self._work, Loading) else self._refuse("position")

    def cancel(self) -> None:
        """Interrupt DuckDB; a statement that comes after it is refused."""
        self._work.cancel()

    def close(self) -> None:
        """Close sessions and give the file back."""
        self._work.close()

    def _refuse(self, what: str) -> NoReturn:
        raise DriverError(
            f"{self._call.component} cannot {what}",
            code="DRV003",
            found=what,
            expected="what the modes of the component say",
            fix="use another component of the family",
        )
