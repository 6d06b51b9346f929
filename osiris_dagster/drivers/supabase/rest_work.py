"""Reads and writes tables over REST: pages become batches, rows become requests that are each one transaction.

The slow way, for a project of which only url and key are known. What it cannot do safely it refuses.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from osiris_dagster.drivers.base import StepCall, WriteReport
from osiris_dagster.drivers.batches import Watched, plain_schema
from osiris_dagster.drivers.positions import Position
from osiris_dagster.drivers.stopping import StopSign
from osiris_dagster.drivers.supabase.rest import Rest
from osiris_dagster.drivers.supabase.rest_pages import PAGE, pages
from osiris_dagster.drivers.supabase.rest_types import RestDecoder, RestTable, describe, schema_of
from osiris_dagster.drivers.supabase.rest_write import RestWriting
from osiris_dagster.drivers.tables.extraction import TableReading, nulled
from osiris_dagster.drivers.tables.reading import check_columns, check_source
from osiris_dagster.errors import DriverError


class _OverRest:
    """A step and its line to the interface."""

    def __init__(self, call: StepCall) -> None:
        self._call = call
        self._stopped = StopSign()
        self._rest: Rest | None = None

    def cancel(self) -> None:
        """End the request under way and refuse further ones."""
        self._stopped.set()
        self.close()

    def close(self) -> None:
        """End the line."""
        if self._rest is not None:
            self._rest.cut()

    def _opened(self) -> Rest:
        self._rest = Rest(self._call, self._stopped)
        return self._rest


class RestReading(_OverRest, TableReading):
    """One reading of one step."""

    most_rows = "batch_rows"

    def __init__(self, call: StepCall) -> None:
        super().__init__(call)
        self._notes: tuple[str, ...] = ()

    def _noted(self) -> tuple[str, ...]:
        """Return what became NULL because other stores have no such value, and what is uncertain."""
        return self._notes

    def _columns(self) -> pa.Schema:
        """Return the columns without reading rows."""
        return self._described()[2]

    def _rows(self) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """Open the table."""
        rest, table, schema = self._described()
        decoder = RestDecoder(schema, special_to_null=self._call.config["special_values"] == "null")
        return schema, self._batches(rest, table, decoder)

    def _described(self) -> tuple[Rest, RestTable, pa.Schema]:
        config = self._call.config
        check_source(config)
        for option in ("query", "filter"):
            if config.get(option):
                raise _not_over_rest(f"`{option}` is SQL")
        rest = self._opened()
        table = describe(rest, config["table"])
        columns = self._call.selected(table.columns)
        check_columns(columns, table.columns)
        return rest, table, schema_of({name: table.columns[name] for name in columns}, config["unbounded_numeric"])

    def _batches(self, rest: Rest, table: RestTable, decoder: RestDecoder) -> Iterator[pa.RecordBatch]:
        read = 0
        for page in pages(rest, self._call.config, table, decoder.schema.names):
            read += len(page)
            yield decoder.batch(page)
        self._notes = (
            *nulled(decoder.nulled),
            *([] if table.keys or read <= PAGE else ["the table has no key: its pages were read in no certain order"]),
        )


class RestLoading(_OverRest):
    """One write of one step."""

    def write(self, rows: pa.RecordBatchReader) -> WriteReport:
        """Write the rows to the table."""
        return RestWriting(self._opened(), self._call).run(Watched(rows, plain_schema(rows.schema)))

    def position(self, step: str) -> Position | None:
        """Refuse: there is no place for it that an interface of tables could reach."""
        raise _not_over_rest(f"the position of the incremental step {step!r} has no place there")


def _not_over_rest(reason: str) -> DriverError:
    return DriverError(
        f"this cannot be done over REST: {reason}",
        code="DRV075",
        found="a connection with only `url` and `key`",
        expected="a connection with the project's PostgreSQL address",
        fix="add `dsn` to the connection; the project's settings show it",
    )
