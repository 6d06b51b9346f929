"""Reads a table or a SELECT of a DuckDB file as a stream of batches, in one read-only transaction."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pyarrow as pa

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.batches import rows_per_batch
from osiris_dagster.drivers.duckdb.faults import check_syntax, named_faults
from osiris_dagster.drivers.duckdb.pool import Connect, Lease, acquire
from osiris_dagster.drivers.duckdb.session import Switch, catalogue_of
from osiris_dagster.drivers.duckdb.types import check_exported, export_check
from osiris_dagster.drivers.stopping import Switched
from osiris_dagster.drivers.tables.database_file import file_of_step, nothing_to_read
from osiris_dagster.drivers.tables.extraction import TableReading
from osiris_dagster.drivers.tables.reading import (
    check_filter,
    check_source,
    columns_to_read,
    one_select,
    selection,
    unknown_table,
)
from osiris_dagster.sql.dialects import DUCKDB
from osiris_dagster.sql.quoting import quoted


class Extraction(Switched[duckdb.DuckDBPyConnection], TableReading):
    """One reading of one step."""

    def __init__(self, call: StepCall, connect: Connect) -> None:
        TableReading.__init__(self, call)
        self._connect = connect
        Switched.__init__(self, Switch())
        self._lease: Lease | None = None
        self._reader: pa.RecordBatchReader | None = None

    def _columns(self) -> pa.Schema:
        """Return the columns without reading rows."""
        return self._relation()[1]

    def _rows(self) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """Open the source. The file is given back after the last batch, at the latest by `close`."""
        relation, schema = self._relation()
        return schema, self._batches(relation, schema)

    def _batches(self, relation: duckdb.DuckDBPyRelation, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The query starts with the first batch: making a reader computes whatever comes before the first row."""
        check = export_check(schema)
        self._switch.stopped.check()
        with named_faults():
            reader = self._reader = relation.to_arrow_reader(rows_per_batch(schema))
        while True:
            self._switch.stopped.check()
            with named_faults():
                batch = next(reader, None)
            if batch is None:
                break
            if check is not None:
                check(batch)
            yield batch
        self.close()

    def close(self) -> None:
        """End the transaction and give the file back; a result that is still open keeps it open, so it goes first."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()
        Switched.close(self)
        held, self._lease = self._lease, None
        if held is not None:
            held.close()

    def _relation(self) -> tuple[duckdb.DuckDBPyRelation, pa.Schema]:
        """Return the rows to read, not yet executed, and their columns."""
        session = self._session()
        with named_faults():
            session.execute("begin transaction read only")
            relation = session.sql(self._statement(session))
            check_exported(relation.columns, relation.types)
            return relation, relation.limit(0).to_arrow_table().schema

    def _session(self) -> duckdb.DuckDBPyConnection:
        path, name = file_of_step(self._call, "duckdb")
        if not path.is_file():
            raise nothing_to_read(name, "a DuckDB database", self._call.setup)
        self._lease = acquire(
            path,
            self._connect,
            self._switch.stopped,
            write=self._call.store_written,
            wait=self._call.config["lock_timeout"],
            name=name,
        )
        return self._switch.add(self._lease.cursor())

    def _statement(self, session: duckdb.DuckDBPyConnection) -> str:
        config = self._call.config
        check_source(config)
        query = config.get("query")
        if query:
            check_syntax(query)
        source = f"(\n{one_select(query, DUCKDB)}\n)" if query else self._table(session)
        chosen = selection(config, source, quoted, self._chosen(session, source), self._call.since)
        check_syntax(chosen)
        check_filter(config, DUCKDB)
        return chosen

    def _table(self, session: duckdb.DuckDBPyConnection) -> str:
        """Return the qualified table; DriverError with the nearest name when it is not there."""
        schema, table = self._call.config["schema"], self._call.config["table"]
        listing = (
            "select table_schema, table_name from information_schema.tables where table_catalog = current_catalog()"
        )
        known = session.sql(listing).fetchall()
        if (schema.lower(), table.lower()) in {(owner.lower(), name.lower()) for owner, name in known}:
            return quoted(catalogue_of(session), schema, table)
        raise unknown_table(schema, table, known)

    def _chosen(self, session: duckdb.DuckDBPyConnection, source: str) -> tuple[str, ...]:
        return columns_to_read(self._call, lambda: session.sql(f"from {source}").columns, str.lower)
