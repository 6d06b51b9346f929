"""Writes a table of a DuckDB file in one transaction: rows are staged, checked, committed once, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress

import duckdb
import pyarrow as pa

from osiris_dagster.drivers.base import StepCall, WriteReport
from osiris_dagster.drivers.batches import Watched, spooled
from osiris_dagster.drivers.duckdb.dialect import DIALECT
from osiris_dagster.drivers.duckdb.faults import named_faults
from osiris_dagster.drivers.duckdb.pool import Connect, Lease, acquire, held_by_readers
from osiris_dagster.drivers.duckdb.records import records_of
from osiris_dagster.drivers.duckdb.session import Switch, catalogue_of, transaction
from osiris_dagster.drivers.duckdb.staging import Staging, described, prepare
from osiris_dagster.drivers.duckdb.types import carried, import_check
from osiris_dagster.drivers.duckdb.upsert import alterations, moved, upsert_statements
from osiris_dagster.drivers.positions import Position
from osiris_dagster.drivers.stopping import Switched
from osiris_dagster.drivers.tables.database_file import file_of_step
from osiris_dagster.drivers.tables.dialect import TableColumn
from osiris_dagster.drivers.tables.drift import Drift, Move
from osiris_dagster.drivers.tables.loads import stage_name
from osiris_dagster.drivers.tables.one_transaction import write
from osiris_dagster.drivers.tables.store import TransactionStore
from osiris_dagster.drivers.tables.target import Target, asked_target, not_a_table, target_of
from osiris_dagster.sql.quoting import literal, quoted


class Loading(Switched[duckdb.DuckDBPyConnection]):
    """One write of one step."""

    def __init__(self, call: StepCall, connect: Connect) -> None:
        super().__init__(Switch())
        self._call = call
        self._connect = connect

    def write(self, rows: pa.RecordBatchReader) -> WriteReport:
        """Write all rows and commit once."""
        target = asked_target(self._call, self._call.config["schema"], rows.schema, DIALECT)
        watched = Watched(rows, carried(rows.schema), import_check(rows.schema))
        with self._leased(watched) as (held, watched), self._switch.session(held.cursor()) as session, named_faults():
            columns = described(session, watched)
            store = _DuckDBStore(session, held, self._switch, self._call, target, columns)
            return write(store, watched)

    def position(self, step: str) -> Position | None:
        """Return how far an incremental step has come in the table; None when the table is not there."""
        path, name = file_of_step(self._call, "duckdb")
        if not path.is_file():
            return None
        target = target_of(self._call.config, self._call.config["schema"])
        wait = self._call.config["lock_timeout"]
        held = acquire(path, self._connect, self._switch.stopped, write=False, wait=wait, name=name)
        with closing(held), self._switch.session(held.cursor()) as session, named_faults():
            there = _table_columns(session, target) is not None
            return records_of(session).position(self._call, step, target.name) if there else None

    @contextmanager
    def _leased(self, watched: Watched) -> Iterator[tuple[Lease, Watched]]:
        """Open the file for writing; while readers of this process hold it, set aside the rows that they may feed."""
        path, name = file_of_step(self._call, "duckdb", write=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        if held_by_readers(path):
            aside = spooled(watched, self._call.scratch / "rows.arrow")
            watched = Watched(aside, watched.schema)
        held = acquire(
            path,
            self._connect,
            self._switch.stopped,
            write=True,
            wait=self._call.config["lock_timeout"],
            name=name,
        )
        try:
            yield held, watched
        finally:
            held.close()


class _DuckDBStore(TransactionStore[tuple[TableColumn, ...]]):
    """The rows are staged in one transaction of the file, and change the target in another."""

    dialect = DIALECT
    staging: Staging

    def __init__(
        self, session: duckdb.DuckDBPyConnection, held: Lease, switch: Switch, call: StepCall, target: Target,
        columns: tuple[TableColumn, ...],
    ) -> None:  # fmt: skip
        super().__init__(call, target, columns)
        self._session = session
        self._held = held
        self._switch = switch
        self._catalogue = catalogue_of(session)
        self._stage_name = stage_name(call)
        self.staging = Staging(session, self._stage_name, columns, switch.stopped)
        self.table = quoted(self._catalogue, target.schema, target.table)
        self.records = records_of(session)

    def run(self, statement: str) -> None:
        self._session.execute(statement)

    def prepare(self) -> bool:
        with self._alone():
            prepare(self._session, self._held.staging)
            if self.call.run_id:
                self.records.make(self.records.loads)
        return bool(self.call.run_id)

    def find(self) -> tuple[TableColumn, ...] | None:
        return _table_columns(self._session, self.target)

    def columns(self, found: tuple[TableColumn, ...]) -> tuple[TableColumn, ...]:
        return found

    @contextmanager
    def undoing(self) -> Iterator[None]:
        self._held.staging.add(self._stage_name)
        try:
            yield
        finally:
            self._held.staging.discard(self._stage_name)
            with suppress(duckdb.Error):
                self.staging.drop()

    def stage(self, *_: object) -> Staging:
        return self.staging

    @contextmanager
    def committing(self) -> Iterator[None]:
        with self._alone(), transaction(self._session):
            yield
            self.staging.drop()
            self._switch.stopped.check()

    def appear(self, drift: Drift) -> None:
        self.run(f"create schema if not exists {quoted(self._catalogue, self.target.schema)}")
        self.staging.create_like(self.table)
        self.run(self.insertion(drift))

    def alterations(self, drift: Drift) -> Iterator[str]:
        return alterations(self.table, drift)

    def value(self, move: Move) -> str:
        return moved(move)

    def upsert(self, drift: Drift, keys: Sequence[str]) -> Iterator[str]:
        return upsert_statements(self.table, self.staging.table, self.staging.kept, keys, drift)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let nobody else of this process change the catalogue: DuckDB fails the second of two who do."""
        while not self._held.catalogue_lock.acquire(timeout=0.1):
            self._switch.stopped.check()
        try:
            yield
        finally:
            self._held.catalogue_lock.release()


def _table_columns(session: duckdb.DuckDBPyConnection, target: Target) -> tuple[TableColumn, ...] | None:
    here = f"database_name = current_catalog() and lower(schema_name) = lower({literal(target.schema)})"
    named = f"lower({literal(target.table)})"
    if session.sql(f"select 1 from duckdb_views() where {here} and lower(view_name) = {named}").fetchall():
        raise not_a_table(target, "a view")
    columns = session.sql(
        "select column_name, data_type, is_nullable or column_default is not null from duckdb_columns() "
        f"where {here} and lower(table_name) = {named} order by column_index"
    ).fetchall()
    return tuple(TableColumn(*column) for column in columns) or None
