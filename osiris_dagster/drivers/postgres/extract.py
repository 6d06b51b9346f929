"""A table or a SELECT in, a stream of batches out, read in one transaction that cannot write."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.batches import stream
from osiris_dagster.drivers.postgres.catalogue import find_table
from osiris_dagster.drivers.postgres.copy_blocks import blocks
from osiris_dagster.drivers.postgres.copy_decode import Decoder
from osiris_dagster.drivers.postgres.endpoint import endpoint_of, schema_of
from osiris_dagster.drivers.postgres.read_types import Field, fields_of, select_list
from osiris_dagster.drivers.postgres.session import Session, Switch
from osiris_dagster.drivers.tables.reading import query_of, selection, unknown
from osiris_dagster.sql.quoting import quoted

_SNAPSHOT = "isolation level repeatable read read only"


class Extraction:
    """One reading of one step."""

    def __init__(self, call: StepCall) -> None:
        self._call = call
        self._switch = Switch()
        self._notes: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What became NULL because other stores have no such value."""
        return self._notes

    def schema(self) -> pa.Schema:
        """Return the columns without reading rows."""
        try:
            _, _, fields = self._opened()
            return pa.schema([pa.field(field.name, field.type) for field in fields])
        finally:
            self._switch.close()

    def read(self) -> pa.RecordBatchReader:
        """Open the source. The session ends after the last batch, at the latest with `close`."""
        config = self._call.config
        session, query, fields = self._opened()
        decoder = Decoder(fields, special_to_null=config["special_values"] == "null")
        return stream(decoder.schema, self._batches(session, query, decoder, fields), config.get("batch_rows"))

    def _batches(
        self, session: Session, query: str, decoder: Decoder, fields: tuple[Field, ...]
    ) -> Iterator[pa.RecordBatch]:
        statement = f"copy (select {select_list(fields)} from (\n{query}\n) q) to stdout (format binary)"
        for block in blocks(session, statement, self._call.config["batch_bytes"]):
            self._switch.stopped.check()
            batch = decoder.batch(block)
            if batch is not None:
                yield batch
        self._notes = tuple(
            f"column {name}: {count} values that other stores do not have became NULL"
            for name, count in decoder.nulled.items()
        )
        session.commit()
        self._switch.close()

    def cancel(self) -> None:
        """End the statement under way and refuse further ones."""
        self._switch.cancel()

    def close(self) -> None:
        """End the session. The server gives up a result that was not read to its end."""
        self._switch.close()

    def _opened(self) -> tuple[Session, str, tuple[Field, ...]]:
        """Return a session in a transaction, the query to read there, and its columns."""
        config = self._call.config
        query = query_of(config, "postgres")  # before anybody is called
        session = self._switch.open(endpoint_of(self._call))
        session.begin(_SNAPSHOT)
        source = f"(\n{query}\n) osiris_source" if query else self._table(session)
        columns = self._columns(session, source)
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
            names = [name if owner == schema else f"{owner}.{name}" for owner, name in listed]
            raise unknown("table", f"{schema}.{table} in {session.place}", table, names)
        return quoted(schema, table)

    def _columns(self, session: Session, source: str) -> tuple[str, ...]:
        """Return the columns to read, none for all; DriverError for one that is not there."""
        if not (self._call.wanted or self._call.config.get("columns")):
            return ()
        known = [column.name for column in session.describe(f"select * from {source} limit 0")]
        columns = self._call.selected(known)
        for column in columns:
            if column not in known:
                where = "the query" if self._call.config.get("query") else self._call.config["table"]
                raise unknown("column", f"{column} in {where} of {session.place}", column, known)
        return columns
