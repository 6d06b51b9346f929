"""Rows in, a table of a DuckDB file changed in one transaction out: staged, checked, committed once, or not at all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import duckdb
import pyarrow as pa

from osiris_dagster.drivers.base import StepCall, WriteReport
from osiris_dagster.drivers.batches import Watched, spooled
from osiris_dagster.drivers.duckdb.dialect import DIALECT
from osiris_dagster.drivers.duckdb.faults import named_faults
from osiris_dagster.drivers.duckdb.loads import committed_rows, record_load
from osiris_dagster.drivers.duckdb.pool import Connect, Lease, acquire, held_by_readers
from osiris_dagster.drivers.duckdb.positions import read_position, record_positions
from osiris_dagster.drivers.duckdb.session import Switch, catalogue_of, database_file
from osiris_dagster.drivers.duckdb.staging import Staging, prepare
from osiris_dagster.drivers.duckdb.types import carried, import_check
from osiris_dagster.drivers.duckdb.upsert import alterations, insertion, upsert_statements
from osiris_dagster.drivers.positions import Position
from osiris_dagster.drivers.tables.dialect import TableColumn
from osiris_dagster.drivers.tables.drift import Drift
from osiris_dagster.drivers.tables.loads import stage_name
from osiris_dagster.drivers.tables.refusals import ALREADY_COMMITTED, left_out
from osiris_dagster.drivers.tables.slices import condition
from osiris_dagster.drivers.tables.target import (
    Target,
    check_names,
    not_a_table,
    plan_write,
    sliced_column,
    target_of,
    with_keys_as_spelt,
    with_slice,
)
from osiris_dagster.sql.quoting import literal, quoted


class Loading:
    """One write of one step."""

    def __init__(self, call: StepCall, connect: Connect) -> None:
        self._call = call
        self._connect = connect
        self._switch = Switch()

    def write(self, rows: pa.RecordBatchReader) -> WriteReport:
        """Write all rows and commit once."""
        target = target_of(self._call.config, self._call.config["schema"])
        check_names(rows.schema.names, DIALECT)
        watched = Watched(rows, carried(rows.schema), import_check(rows.schema))
        target = with_keys_as_spelt(target, watched.schema.names, DIALECT)
        target = with_slice(target, self._call, rows.schema)
        with self._leased(watched) as (held, watched), self._switch.session(held.cursor()) as session:
            return _Transfer(session, held, self._switch, self._call, target).run(watched)

    def position(self, step: str) -> Position | None:
        """Return how far an incremental step has come in the table; None when the table is not there."""
        path, name = database_file(self._call)
        if not path.is_file():
            return None
        target = target_of(self._call.config, self._call.config["schema"])
        wait = self._call.config["lock_timeout"]
        held = acquire(path, self._connect, self._switch.stopped, write=False, wait=wait, name=name)
        with closing(held), self._switch.session(held.cursor()) as session, named_faults():
            return read_position(session, self._call, step, target.name) if _table_columns(session, target) else None

    @contextmanager
    def _leased(self, watched: Watched) -> Iterator[tuple[Lease, Watched]]:
        """Open the file for writing; while readers of this process hold it, set aside the rows that they may feed."""
        path, name = database_file(self._call, write=True)
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

    def cancel(self) -> None:
        """Interrupt the statement under way; what is not committed is undone."""
        self._switch.cancel()

    def close(self) -> None:
        """Nothing outlives `write`."""
        self._switch.close()


class _Transfer:
    """From the rows to the commit, in one session."""

    def __init__(
        self, session: duckdb.DuckDBPyConnection, held: Lease, switch: Switch, call: StepCall, target: Target
    ) -> None:
        self._session = session
        self._held = held
        self._switch = switch
        self._call = call
        self._target = target
        self._catalogue = catalogue_of(session)
        self._table = quoted(self._catalogue, target.schema, target.table)
        self._notes: list[str] = []

    def run(self, watched: Watched) -> WriteReport:
        name = stage_name(self._call)
        staging = Staging(self._session, name)
        with named_faults(), _alone(self._held.catalogue_lock, self._switch):
            prepare(self._session, self._held.staging)
            done = committed_rows(self._session, self._call, self._target.name)
            if done is not None:
                return WriteReport(done, notes=(ALREADY_COMMITTED,))
            self._held.staging.add(name)
        try:
            with named_faults():
                with self._transaction():
                    staging.create(watched)
                    self._drift(staging)  # what cannot work fails before the first row moves
                    self._switch.check()
                    staging.fill(watched)
                return self._commit(staging)
        finally:
            self._held.staging.discard(name)
            with suppress(duckdb.Error):
                staging.drop()

    def _commit(self, staging: Staging) -> WriteReport:
        target = self._target
        if target.keys and (dropped := staging.check_keys(target.keys, target.on_duplicate)):
            self._notes.append(left_out(dropped, target.on_duplicate))
        rows = staging.count()
        with _alone(self._held.catalogue_lock, self._switch), self._transaction():
            drift = self._drift(staging)
            staging.check_fit(drift.moves)
            fresh = _table_columns(self._session, target) is None
            self._apply(drift, staging)
            record_load(self._session, self._call, target.name, rows)
            record_positions(self._session, self._call, target.name, fresh=fresh)
            total = self._session.sql(f"select count(*) from {self._table}").fetchall()[0][0]
            staging.drop()
            self._switch.check()
        return WriteReport(rows, rows_total=int(total), notes=(*self._notes, *drift.notes))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._session.execute("begin transaction")
        try:
            yield
            self._session.execute("commit")
        except BaseException:
            with suppress(duckdb.Error):
                self._session.execute("rollback")
            raise

    def _drift(self, staging: Staging) -> Drift:
        """Compare the table, as it is now, with the rows."""
        return plan_write(self._target, _table_columns(self._session, self._target), staging.columns, DIALECT)

    def _apply(self, drift: Drift, staging: Staging) -> None:
        target, run = self._target, self._session.execute
        if _table_columns(self._session, self._target) is None:
            run(f"create schema if not exists {quoted(self._catalogue, target.schema)}")
            staging.create_like(self._table)
        elif target.emptied:
            run(f"delete from {self._table}")
        for alteration in alterations(drift):
            run(f"alter table {self._table} {alteration}")
        if target.slice:
            column = quoted(sliced_column(target, drift.moves))
            run(f"delete from {self._table} where {condition(target.slice, column)}")
        if target.mode == "upsert":
            for statement in upsert_statements(self._table, staging.table, staging.kept, target.keys, drift):
                run(statement)
        else:
            run(insertion(self._table, drift.moves, f"{staging.table} s"))


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


@contextmanager
def _alone(lock: threading.Lock, switch: Switch) -> Iterator[None]:
    while not lock.acquire(timeout=0.1):
        switch.check()
    try:
        yield
    finally:
        lock.release()
