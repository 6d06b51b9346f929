"""The PostgreSQL family: tables and queries of a server as source, its tables as target, by COPY in both directions."""

from __future__ import annotations

from typing import NoReturn

import pyarrow as pa

from osiris_dagster.drivers.base import StepCall, TransformInput, WriteReport
from osiris_dagster.drivers.positions import Position
from osiris_dagster.drivers.postgres.extract import Extraction
from osiris_dagster.drivers.postgres.write import Loading
from osiris_dagster.errors import DriverError

__all__ = ["PostgresDriver"]


class PostgresDriver:
    """Runs `postgres.extractor` and `postgres.writer`; connects to nothing before its first method."""

    def __init__(self, call: StepCall) -> None:
        self._call = call
        writes = call.component.endswith(".writer")
        self._work: Extraction | Loading = Loading(call) if writes else Extraction(call)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a policy changed in the rows that were read."""
        return self._work.notes if isinstance(self._work, Extraction) else ()

    def schema(self) -> pa.Schema:
        """Return the columns of the table or query."""
        return self._work.schema() if isinstance(self._work, Extraction) else self._refuse("schema")

    def read(self) -> pa.RecordBatchReader:
        """Open the table or query."""
        return self._work.read() if isinstance(self._work, Extraction) else self._refuse("read")

    def transform(self, inputs: tuple[TransformInput, ...]) -> pa.RecordBatchReader:  # noqa: ARG002 - of the protocol
        """Refuse: the family has no processor."""
        self._refuse("transform")

    def write(self, rows: pa.RecordBatchReader) -> WriteReport:
        """Write the rows to the table."""
        return self._work.write(rows) if isinstance(self._work, Loading) else self._refuse("write")

    def position(self, step: str) -> Position | None:
        """Return how far an incremental step has come in the table to write."""
        return self._work.position(step) if isinstance(self._work, Loading) else self._refuse("position")

    def cancel(self) -> None:
        """End the statement under way on the server; one that comes after it is refused."""
        self._work.cancel()

    def close(self) -> None:
        """End the sessions."""
        self._work.close()

    def _refuse(self, what: str) -> NoReturn:
        raise DriverError(
            f"{self._call.component} cannot {what}",
            code="DRV003",
            found=what,
            expected="what the modes of the component say",
            fix="use another component of the family",
        )
