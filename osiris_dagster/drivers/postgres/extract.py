"""Reads a table or a SELECT as a stream of batches, in one transaction that cannot write."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.postgres.catalogue import find_table
from osiris_dagster.drivers.postgres.copy_blocks import blocks
from osiris_dagster.drivers.postgres.copy_decode import Decoder
from osiris_dagster.drivers.postgres.endpoint import endpoint_of, schema_of
from osiris_dagster.drivers.postgres.read_types import Field, fields_of, select_list
from osiris_dagster.drivers.postgres.session import Session, Switch
from osiris_dagster.drivers.stopping import Switched
from osiris_dagster.drivers.tables.extraction import TableReading, nulled
from osiris_dagster.drivers.tables.reading import columns_to_read, query_of, selection, unknown_table
from osiris_dagster.sql.quoting import quoted

_SNAPSHOT = "isolation level repeatable read read only"


class Extraction(Switched[Session], TableReading):
    """One reading of one step."""

    most_rows = "batch_rows"
    _switch: Switch

    def __init__(self, call: StepCall) -> None:
        TableReading.__init__(self, call)
        Switched.__init__(self, Switch())
        self._decoder: Decoder | None = None

    def _columns(self) -> pa.Schema:
        """Return the columns without reading rows."""
        _, _, fields = self._opened()
        return pa.schema([pa.field(field.name, field.type) for field in fields])

    def _rows(self) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """Open the source. The session ends after the last batch, at the latest with `close`."""
        session, query, fields = self._opened()
        decoder = self._decoder = Decoder(fields, special_to_null=self._call.config["special_values"] == "null")
        return decoder.schema, self._batches(session, query, decoder, fields)

    def _batches(
        self, session: Session, query: str, decoder: Decoder, fields: tuple[Field, ...]
    ) -> Iterator[pa.RecordBatch]:
        statement = f"copy (select {select_list(fields)} from (\n{query}\n) q) to stdout (format binary)"
        for block in blocks(session, statement, self._call.config["batch_bytes"]):
            self._switch.stopped.check()
            batch = decoder.batch(block)
            if batch is not None:
                yield batch
        session.commit()
        self._switch.close()

    def _noted(self) -> Iterator[str]:
        """Yield what became NULL because other stores have no such value."""
        yield from nulled(self._decoder.nulled if self._decoder else {})

    def _opened(self) -> tuple[Session, str, tuple[Field, ...]]:
        """Return a session in a transaction, the query to read there, and its columns."""
        config = self._call.config
        query = query_of(config, "postgres")  # before anybody is called
        session = self._switch.open(endpoint_of(self._call))
        session.begin(_SNAPSHOT)
        source = f"(\n{query}\n) osiris_source" if query else self._table(session)
        columns = self._chosen(session, source)
        chosen = selection(config, source, quoted, columns, self._call.since)
        return session, chosen, fields_of(session, chosen, config["unbounded_numeric"])

    def _table(self, session: Session) -> str:
        schema, table = schema_of(self._call), self._call.config["table"]
        if find_table(session, schema, table) is None:
            listed = session.rows(
                "select n.nspname, c.relname from pg_catalog.pg_class c join pg_catalog.pg_namespace n "
                "on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^pg_' "
                "and n.nspname not in ('information_schema', '_osiris') order by 1, 2 limit 5000"
            )
            raise unknown_table(schema, table, listed, f" in {session.place}")
        return quoted(schema, table)

    def _chosen(self, session: Session, source: str) -> tuple[str, ...]:
        where = "the query" if self._call.config.get("query") else self._call.config["table"]
        return columns_to_read(
            self._call,
            lambda: [column.name for column in session.describe(f"select * from {source} limit 0")],
            shown=lambda column: f"{column} in {where} of {session.place}",
        )
