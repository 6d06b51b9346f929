"""Writes a table of a SQLite file in one transaction. Others may write to the file until all rows are there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime

import pyarrow as pa

from osiris_dagster.drivers.base import StepCall, WriteReport
from osiris_dagster.drivers.batches import Watched, plain_schema
from osiris_dagster.drivers.positions import Position
from osiris_dagster.drivers.sqlite import catalogue
from osiris_dagster.drivers.sqlite.catalogue import Relation
from osiris_dagster.drivers.sqlite.cells import storage
from osiris_dagster.drivers.sqlite.dialect import DIALECT, row_columns
from osiris_dagster.drivers.sqlite.renewal import in_place, made, renewal
from osiris_dagster.drivers.sqlite.session import Session, opened
from osiris_dagster.drivers.sqlite.staging import Staging
from osiris_dagster.drivers.stopping import Switch, Switched
from osiris_dagster.drivers.tables.database_file import file_of_step
from osiris_dagster.drivers.tables.dialect import TableColumn
from osiris_dagster.drivers.tables.drift import Drift
from osiris_dagster.drivers.tables.one_transaction import write
from osiris_dagster.drivers.tables.slices import condition
from osiris_dagster.drivers.tables.store import TransactionStore
from osiris_dagster.drivers.tables.target import Target, asked_target, not_a_table, target_of
from osiris_dagster.errors import DriverError
from osiris_dagster.oml.partition_slice import Slice
from osiris_dagster.sql.quoting import literal, quoted


class Loading(Switched[Session]):
    """One write of one step."""

    def __init__(self, call: StepCall) -> None:
        super().__init__(Switch())
        self._call = call

    def write(self, rows: pa.RecordBatchReader) -> WriteReport:
        """Write all rows and commit once."""
        target = asked_target(self._call, "main", rows.schema, DIALECT)
        watched = Watched(rows, plain_schema(rows.schema))
        columns = row_columns(watched.schema)
        session = opened(self._call, self._switch, write=True)
        return write(_SQLiteStore(session, self._call, target, columns), watched)

    def position(self, step: str) -> Position | None:
        """Return how far an incremental step has come in the table; None when the table is not there."""
        target = target_of(self._call.config, "main")
        if not file_of_step(self._call, "sqlite")[0].is_file():
            return None
        session = opened(self._call, self._switch, write=False)
        there = catalogue.look_up(session, target.table) is not None
        return catalogue.records_of(session).position(self._call, step, target.name) if there else None


def _as_text(value: date | datetime) -> str:
    """Return a day or moment as a text that stands where its cell would; an instant's Z changes no order."""
    return literal(f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else f"{value:%Y-%m-%d}")


class _SQLiteStore(TransactionStore[Relation]):
    """Rows are staged in the connection's own temporary file, which ends with it, then change the target at once."""

    dialect = DIALECT
    renamed = " as t"
    staging: Staging

    def __init__(self, session: Session, call: StepCall, target: Target, columns: tuple[TableColumn, ...]) -> None:
        super().__init__(call, target, columns)
        self.table = quoted("main", target.table)
        self.records = catalogue.records_of(session)
        self._session = session

    def run(self, statement: str) -> None:
        self._session.rows(statement)

    def prepare(self) -> bool:
        if self.call.run_id:
            self.records.make(self.records.loads)
        return bool(self.call.run_id)

    def find(self) -> Relation | None:
        found = catalogue.look_up(self._session, self.target.table)
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
        keys = self.target.keys if self.target.mode == "upsert" else ()
        self.run(made(self.table, {move.target: move.type for move in drift.moves}, keys))
        self.run(catalogue.MAKE_TYPES)
        self.run(catalogue.forget_types(self.target.table))
        for move in drift.moves:
            self.run(catalogue.keep_type(self.target.table, move.target, move.type))
        self.run(self.insertion(drift))

    def alterations(self, drift: Drift) -> Iterator[str]:
        self._check_staged(drift)
        if drift.added or drift.changed:
            yield catalogue.MAKE_TYPES
        for column in drift.added:
            yield f"alter table {self.table} add column {quoted(column.name)} {storage(column.type)}"
        if not in_place(self._found, drift):
            yield from renewal(self._session, self._found, drift)
        for column in (*drift.added, *drift.changed):
            yield catalogue.keep_type(self.target.table, column.name, column.type)

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
        return condition(rows, f"{quoted(column)} collate binary", _as_text)

    def is_unique(self, columns: Sequence[str]) -> bool:
        return catalogue.is_unique(self._session, self._found, frozenset(map(str.lower, columns)))
