"""Reads a table or a SELECT as a stream of batches, in one read-only transaction of one session."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pymysql
from pymysql.cursors import SSCursor

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.mysql.rows.binary import BinaryRows
from osiris_dagster.drivers.mysql.rows.fields import Policies, schema_of_fields
from osiris_dagster.drivers.mysql.rows.packets import RowPackets
from osiris_dagster.drivers.mysql.rows.plain import PlainRows, described, give_up
from osiris_dagster.drivers.mysql.rows.prepared import (
    CANNOT_BE_PREPARED,
    Prepared,
    available,
    execute,
    fail,
    forget,
    prepare,
    receiver,
)
from osiris_dagster.drivers.mysql.session import Session, program_of
from osiris_dagster.drivers.mysql.settings import settings_of
from osiris_dagster.drivers.mysql.source import Source, source_of
from osiris_dagster.drivers.stopping import StopSign
from osiris_dagster.drivers.tables.extraction import TableReading
from osiris_dagster.drivers.tables.reading import query_of


class Extraction(TableReading):
    """One reading of one step."""

    most_rows = "batch_size"

    def __init__(self, call: StepCall) -> None:
        super().__init__(call)
        self._stop = StopSign()
        self._session: Session | None = None
        self._read: list[BinaryRows | PlainRows] = []

    def _columns(self) -> pa.Schema:
        """Return the columns without reading rows; the statement is prepared and not executed."""
        session, source = self._opened()
        with session.faults():
            return self._described(session, source)

    def _rows(self) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """Open the source. The session ends after the last batch, at the latest by `close`."""
        session, source = self._opened()
        with session.faults():
            schema, batches = self._executed(session, source)
        return schema, source.cut(batches)

    def _noted(self) -> Iterator[str]:
        """Say how many zero dates became NULL."""
        for rows in self._read:
            for name, count in rows.zeros.count.items():
                yield f"column {name}: {count} zero dates read as NULL"

    def cancel(self) -> None:
        """End the session on both sides. Idempotent."""
        self._stop.set()
        if self._session is not None:
            self._session.cancel()

    def close(self) -> None:
        """End the session. Idempotent."""
        if self._session is not None:
            self._session.close()

    def _opened(self) -> tuple[Session, Source]:
        query = query_of(self._call.config, "mysql")  # before anybody is called
        settings = settings_of(self._call)
        session = self._session = Session(program_of(self._call), settings, self._stop, self._subject)
        session.open()
        source = source_of(self._call, session, query)
        session.run("start transaction read only")
        if source.most is not None:
            session.run(f"set session sql_select_limit = {source.most}")
        return session, source

    @property
    def _subject(self) -> str:
        table = self._call.config.get("table")
        return f"table {table}" if table else "the query"

    @property
    def _policies(self) -> Policies:
        return Policies(**{name: self._call.config[name] for name in ("tinyint1", "zero_dates", "time")})

    def _executed(self, session: Session, source: Source) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        prepared = self._prepared(session, source)
        if prepared is None:
            return self._plain_rows(session, source)
        schema_of_fields(prepared.fields, self._policies)  # what is refused is refused before anything is executed
        session.busy = True
        rows = BinaryRows(execute(session.connection, prepared), self._policies)
        self._read.append(rows)
        return rows.schema, self._binary_batches(session, rows)

    def _described(self, session: Session, source: Source) -> pa.Schema:
        prepared = self._prepared(session, source)
        if prepared is None:
            return self._plain_rows(session, source)[0]
        forget(session.connection, prepared)
        return schema_of_fields(prepared.fields, self._policies)

    def _prepared(self, session: Session, source: Source) -> Prepared | None:
        """Return the prepared statement, None when it has to go through the public API."""
        if self._call.config["protocol"] == "text" or not available():
            return None
        try:
            return prepare(session.connection, source.statement)
        except pymysql.Error as error:
            if error.args[0] in CANNOT_BE_PREPARED:
                return None
            raise

    def _binary_batches(self, session: Session, rows: BinaryRows) -> Iterator[pa.RecordBatch]:
        packets = RowPackets(receiver(session.connection), fail, self._call.config["batch_bytes"])
        blocks = iter(packets)
        while True:
            session.stop.check()
            with session.faults():
                block = next(blocks, None)
            if block is None:
                break
            yield rows.batch(block)
        session.busy = False
        session.close()

    def _plain_rows(self, session: Session, source: Source) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        with session.connection.cursor() as probe:
            probe.execute(f"select * from (\n{source.statement}\n) q limit 0")
            rows = PlainRows(described(probe), self._policies)
        self._read.append(rows)
        return rows.schema, self._plain_batches(session, rows, rows.statement(source.statement))

    def _plain_batches(self, session: Session, rows: PlainRows, statement: str) -> Iterator[pa.RecordBatch]:
        cursor = session.connection.cursor(SSCursor)
        with session.faults():
            session.connection.use_unicode, session.connection.decoders = False, {}
            cursor.execute(statement)
        session.busy = True
        batches = rows.batches(cursor, self._call.config["batch_bytes"])
        try:
            while True:
                session.stop.check()
                with session.faults():
                    batch = next(batches, None)
                if batch is None:
                    break
                yield batch
            session.busy = False
        finally:
            give_up(cursor)
        session.close()
