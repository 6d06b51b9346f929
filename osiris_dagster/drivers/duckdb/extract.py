"""A table or a SELECT of a DuckDB file in, a stream of batches out, read in one read-only transaction."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pyarrow as pa

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.batches import plain_schema, rows_per_batch, stream
from osiris_dagster.drivers.duckdb.faults import check_syntax, named_faults
from osiris_dagster.drivers.duckdb.pool import Connect, Lease, acquire
from osiris_dagster.drivers.duckdb.session import Switch, catalogue_of, database_file
from osiris_dagster.drivers.duckdb.types import check_exported, export_check
from osiris_dagster.drivers.tables.reading import check_filter, check_source, one_select, selection, unknown
from osiris_dagster.errors import DriverError
from osiris_dagster.sql.dialects import DUCKDB
from osiris_dagster.sql.quoting import quoted


class Extraction:
    """One reading of one step."""

    def __init__(self, call: StepCall, connect: Connect) -> None:
        self._call = call
        self._connect = connect
        self._switch = Switch()
        self._lease: Lease | None = None
        self._reader: pa.RecordBatchReader | None = None

    def schema(self) -> pa.Schema:
        """Return the columns without reading rows."""
        try:
            return plain_schema(self._relation()[1])
        finally:
            self._release()

    def read(self) -> pa.RecordBatchReader:
        """Open the source. The file is given back after the last batch, at the latest by `close`."""
        relation, schema = self._relation()
        return stream(schema, self._batches(relation, schema))

    def _batches(self, relation: duckdb.DuckDBPyRelation, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The query starts with the first batch: making a reader computes whatever comes before the first row."""
        check = export_check(schema)
        self._switch.check()
        with named_faults():
            reader = self._reader = relation.to_arrow_reader(rows_per_batch(schema))
        while True:
            self._switch.check()
            with named_faults():
                batch = next(reader, None)
            if batch is None:
                break
            if check is not None:
                check(batch)
            yield batch
        self._release()

    def cancel(self) -> None:
        """Interrupt the statement under way and refuse further ones."""
        self._switch.cancel()

    def close(self) -> None:
        """End the transaction and give the file back. Idempotent."""
        self._release()

    def _release(self) -> None:
        """A result that is still open keeps the file open, whoever holds it, so it goes first."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()
        self._switch.close()
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
        path, name = database_file(self._call)
        if not path.is_file():
            raise DriverError(
                f"the database file {name} does not exist",
                code="DRV020",
                found="no such file",
                expected="a DuckDB database",
                fix="check `path` of the connection or step, or run first what creates the file",
            )
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
        chosen = selection(config, source, quoted, self._columns(session, source), self._call.since)
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
        names = [name if owner == schema else f"{owner}.{name}" for owner, name in known]
        raise unknown("table", f"{schema}.{table}", table, names)

    def _columns(self, session: duckdb.DuckDBPyConnection, source: str) -> tuple[str, ...]:
        """Return the columns to read, none for all; DriverError for one that is not there."""
        if not (self._call.wanted or self._call.config.get("columns")):
            return ()
        known = session.sql(f"from {source}").columns
        columns = self._call.selected(known)
        folded = {name.lower() for name in known}
        for column in columns:
            if column.lower() not in folded:
                raise unknown("column", column, column, known)
        return columns
