"""Rows in, a table of a SQLite file changed in one transaction out. Others may write until all rows are there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import date, datetime

import pyarrow as pa

from osiris_dagster.drivers.base import StepCall, WriteReport
from osiris_dagster.drivers.batches import Watched, plain_schema
from osiris_dagster.drivers.positions import Position
from osiris_dagster.drivers.sqlite.catalogue import (
    MAKE_TYPES,
    Relation,
    forget_types,
    is_unique,
    keep_type,
    look_up,
)
from osiris_dagster.drivers.sqlite.cells import storage
from osiris_dagster.drivers.sqlite.dialect import DIALECT, row_columns
from osiris_dagster.drivers.sqlite.records import records_of
from osiris_dagster.drivers.sqlite.renewal import in_place, renewal
from osiris_dagster.drivers.sqlite.session import Session
from osiris_dagster.drivers.sqlite.staging import Staging
from osiris_dagster.drivers.stopping import Switch, Switched
from osiris_dagster.drivers.tables.database_file import file_of_step
from osiris_dagster.drivers.tables.dialect import TableColumn
from osiris_dagster.drivers.tables.drift import Drift
from osiris_dagster.drivers.tables.names import listed, literal, quoted
from osiris_dagster.drivers.tables.one_transaction import write
from osiris_dagster.drivers.tables.slices import condition
from osiris_dagster.drivers.tables.store import TransactionStore
from osiris_dagster.drivers.tables.target import Target, asked_target, not_a_table, target_of
from osiris_dagster.errors import DriverError
from osiris_dagster.oml.partition_slice import Slice

_SCHEMA = "main"


class Loading(Switched[Session]):
    """One write of one step."""

    def __init__(self, call: StepCall) -> None:
        super().__init__(Switch())
        self._call = call

    def write(self, rows: pa.RecordBatchReader) -> WriteReport:
        """Write all rows and commit once."""
        target = asked_target(self._call, _SCHEMA, rows.schema, DIALECT)
        watched = Watched(rows, plain_schema(rows.schema))
        columns = row_columns(watched.schema)
        path, _ = file_of_step(self._call, "sqlite")
        path.parent.mkdir(parents=True, exist_ok=True)
        session = self._opened(write=True)
        return write(_SQLiteStore(session, self._call, target, columns), self._call, target, watched)

    def position(self, step: str) -> Position | None:
        """Return how far an incremental step has come in the table; None when the table is not there."""
        target = target_of(self._call.config, _SCHEMA)
        if not file_of_step(self._call, "sqlite")[0].is_file():
            return None
        session = self._opened(write=False)
        there = look_up(session, target.table) is not None
        return records_of(session).position(self._call, step, target.name) if there else None

    def _opened(self, *, write: bool) -> Session:
        path, name = file_of_step(self._call, "sqlite")
        wait, stopped = self._call.config["lock_timeout"], self._switch.stopped
        return self._switch.add(Session(path, name, write=write, wait=wait, stopped=stopped))


def _as_text(value: date | datetime) -> str:
    """Return a day or moment as a text that stands where its cell would; an instant's Z changes no order."""
    return literal(f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else f"{value:%Y-%m-%d}")


class _SQLiteStore(TransactionStore[Relation]):
    """Rows are staged in the connection's own temporary file, then change the target at once."""

    dialect = DIALECT
    renamed = " as t"
    staging: Staging

    def __init__(self, session: Session, call: StepCall, target: Target, columns: tuple[TableColumn, ...]) -> None:
        super().__init__(call, target, columns)
        self.table = quoted(_SCHEMA, target.table)
        self.records = records_of(session)
        self._session = session

    def run(self, statement: str) -> None:
        self._session.run(statement)

    def prepare(self) -> bool:
        if self.call.run_id:
            self.records.make(self.records.loads)
        return bool(self.call.run_id)

    def undoing(self) -> AbstractContextManager[None]:
        return nullcontext()  # the staging table ends with the connection

    def find(self) -> Relation | None:
        found = look_up(self._session, self.target.table)
        if found is not None and found.kind == "view":
            raise not_a_table(self.target, "a view")
        return found

    def columns(self, found: Relation) -> tuple[TableColumn, ...]:
        self._found = found
        return found.plain

    def stage(self, _: Relation | None, drift: Drift) -> Staging:
        self.staging = Staging(self._session, self.row_columns, drift.moves)
        return self.staging

    def committing(self) -> AbstractContextManager[None]:
        return self._session.transaction("immediate")

    def appear(self, drift: Drift) -> None:
        self._check_staged(drift)
        columns = [f"{quoted(move.target)} {storage(move.type)}" for move in drift.moves]
        if self.target.mode == "upsert":
            columns.append(f"primary key ({listed(self.target.keys)})")
        self.run(f"create table {self.table} ({', '.join(columns)}) strict")
        self.run(MAKE_TYPES)
        self.run(forget_types(self.target.table))
        for move in drift.moves:
            self.run(keep_type(self.target.table, move.target, move.type))
        self.run(self.insertion(drift))

    def alterations(self, drift: Drift) -> Iterator[str]:
        self._check_staged(drift)
        if drift.added or drift.changed:
            yield MAKE_TYPES
        for column in drift.added:
            yield f"alter table {self.table} add column {quoted(column.name)} {storage(column.type)}"
        if not in_place(self._found, drift):
            yield from renewal(self._session, self._found, drift)
        for column in (*drift.added, *drift.changed):
            yield keep_type(self.target.table, column.name, column.type)

    def _check_staged(self, drift: Drift) -> None:
        """Rows are staged in the types of the target, as they were when the first row came."""
        if drift.moves != self.staging.moves:
            raise DriverError(
                f"the columns of {self.target.name} have changed while the rows came",
                code="DRV033",
                found="other columns than a moment ago",
                expected="one writer of the table at a time",
                fix="run the step again",
                retryable="transient",
            )

    def in_slice(self, rows: Slice, column: str) -> str:
        return condition(rows, quoted(column), _as_text)

    def is_unique(self, columns: Sequence[str]) -> bool:
        return is_unique(self._session, self._found, frozenset(map(str.lower, columns)))

    def total(self) -> int:
        return self._session.number(f"select count(*) from {self.table}")
