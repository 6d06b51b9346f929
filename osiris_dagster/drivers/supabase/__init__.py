"""The Supabase family: the project's PostgreSQL where its address is known, else its REST interface."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from osiris_dagster.drivers.base import Driver, StepCall, TransformInput, WriteReport
from osiris_dagster.drivers.positions import Position
from osiris_dagster.drivers.postgres import PostgresDriver
from osiris_dagster.drivers.supabase.rest_driver import RestDriver
from osiris_dagster.drivers.supabase.route import connection_of, database_fields

__all__ = ["SupabaseDriver"]


class SupabaseDriver:
    """Runs `supabase.extractor` and `supabase.writer` by the better of the two ways that the connection allows."""

    def __init__(self, call: StepCall) -> None:
        call = replace(call, connection=connection_of(call))
        fields = database_fields(call.connection)
        self._driver: Driver = RestDriver(call) if fields is None else PostgresDriver(replace(call, connection=fields))

    @property
    def notes(self) -> tuple[str, ...]:
        """What a policy changed in the rows that were read."""
        assert isinstance(self._driver, PostgresDriver | RestDriver)
        return self._driver.notes

    def schema(self) -> pa.Schema:
        """Return the columns of the table or query."""
        return self._driver.schema()

    def read(self) -> pa.RecordBatchReader:
        """Open the table or query."""
        return self._driver.read()

    def transform(self, inputs: tuple[TransformInput, ...]) -> pa.RecordBatchReader:
        """Refuse: the family has no processor."""
        return self._driver.transform(inputs)

    def write(self, rows: pa.RecordBatchReader) -> WriteReport:
        """Write the rows to the table."""
        return self._driver.write(rows)

    def position(self, step: str) -> Position | None:
        """Return how far an incremental step has come in the table to write."""
        assert isinstance(self._driver, PostgresDriver | RestDriver)
        return self._driver.position(step)

    def cancel(self) -> None:
        """End what is under way."""
        self._driver.cancel()

    def close(self) -> None:
        """Release everything."""
        self._driver.close()
