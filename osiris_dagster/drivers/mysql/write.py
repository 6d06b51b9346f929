"""Writes a table of MySQL in one step: rows are staged, checked, committed once, or not at all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial

import pyarrow as pa

from osiris_dagster.drivers.base import StepCall, WriteReport
from osiris_dagster.drivers.batches import Watched, plain_schema
from osiris_dagster.drivers.mysql.apply import Change, comment_without_mark, marked_rows
from osiris_dagster.drivers.mysql.dialect import DIALECT
from osiris_dagster.drivers.mysql.loadable import row_columns, value_check
from osiris_dagster.drivers.mysql.names import quoted
from osiris_dagster.drivers.mysql.records import find_position, prepare_positions, records_of
from osiris_dagster.drivers.mysql.session import Session, kill, program_of
from osiris_dagster.drivers.mysql.settings import settings_of
from osiris_dagster.drivers.mysql.side import (
    claim_stage,
    forget_old_loads,
    open_transactions,
    side_of,
    take_lease,
)
from osiris_dagster.drivers.mysql.stage import Staging
from osiris_dagster.drivers.mysql.table import TableFacts, look_up
from osiris_dagster.drivers.positions import Position
from osiris_dagster.drivers.stopping import StopSign
from osiris_dagster.drivers.tables.dialect import TableColumn
from osiris_dagster.drivers.tables.drift import Drift
from osiris_dagster.drivers.tables.loads import stage_name
from osiris_dagster.drivers.tables.lost_answer import unless_committed
from osiris_dagster.drivers.tables.refusals import kept_waiting
from osiris_dagster.drivers.tables.staged_then_changed import write
from osiris_dagster.drivers.tables.store import StagedStore
from osiris_dagster.drivers.tables.target import Target, asked_target, target_of
from osiris_dagster.errors import DriverError

# Values arrive as they are or not at all; 0 stays 0 in a column that numbers itself.
_SQL_MODE = "STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_VALUE_ON_ZERO"
_COUNTED = 500_000  # rows up to which counting a table is cheap
_GONE_SECONDS = 10.0  # to wait for a session whose connection broke


class Loading:
    """One write of one step."""

    def __init__(self, call: StepCall) -> None:
        self._call = call
        self._stop = StopSign()
        self._session: Session | None = None

    def write(self, rows: pa.RecordBatchReader) -> WriteReport:
        """Write all rows and commit once."""
        settings = settings_of(self._call)
        target = asked_target(self._call, self._call.config.get("database") or settings.database, rows.schema, DIALECT)
        columns = row_columns(rows.schema, target.keys)
        session = self._session = Session(program_of(self._call), settings, self._stop, f"table {target.name}")
        try:
            return write(_MySQLStore(session, self._call, target, columns), rows)
        finally:
            session.close()

    def position(self, step: str) -> Position | None:
        """Return how far the rows of an incremental step are in the target."""
        settings = settings_of(self._call)
        target = target_of(self._call.config, self._call.config.get("database") or settings.database)
        session = self._session = Session(program_of(self._call), settings, self._stop, f"table {target.name}")
        try:
            session.open()
            return find_position(session, self._call, step, target) if look_up(session, target) else None
        finally:
            session.close()

    def cancel(self) -> None:
        """End the session on both sides; what is not committed is undone."""
        self._stop.set()
        if self._session is not None:
            self._session.cancel()

    def close(self) -> None:
        """Nothing outlives `write`."""
        if self._session is not None:
            self._session.close()


class _MySQLStore(StagedStore[TableFacts]):
    """One session, opened with its lease."""

    dialect = DIALECT

    def __init__(self, session: Session, call: StepCall, target: Target, columns: tuple[TableColumn, ...]) -> None:
        super().__init__(call, target, columns)
        self._session = session

    def lease(self) -> None:
        wait = float(self.call.config["lock_timeout"])
        self._collation = _opened(self._session, wait)
        take_lease(self._session, self.target, wait)

    def prepare(self) -> bool:
        self._side, self._recorded = side_of(self._session, self.target)
        return self._recorded

    def find(self) -> TableFacts | None:
        return look_up(self._session, self.target)

    def columns(self, found: TableFacts) -> tuple[TableColumn, ...]:
        return found.plain

    def committed(self, found: TableFacts | None) -> int | None:
        return self._committed(self._session, found)

    def _committed(self, session: Session, found: TableFacts | None) -> int | None:
        marked = marked_rows(found, self.call, self.target)
        if marked is not None or not self._recorded:
            return marked
        return records_of(session, self._side).committed_rows(self.call, self.target.name)

    def make_room(self) -> None:
        if self._recorded:
            forget_old_loads(self._session, self._side)
        prepare_positions(self._session, self._side, self.call)

    def stage(self, found: TableFacts | None, drift: Drift) -> Staging:
        name = stage_name(self.call)
        claim_stage(self._session, self._side, name)
        keep_places = bool(self.target.keys) and self.target.on_duplicate != "error"
        self._stage = Staging(
            self._session, self._side.table(name), self.row_columns, keep_places, self._collation, drift, found
        )
        return self._stage

    def watched(self, rows: pa.RecordBatchReader, drift: Drift) -> Watched:
        schema = plain_schema(rows.schema)
        checked = {move.source: move.type for move in drift.moves if move.checked}
        return Watched(rows, schema, value_check(schema, checked))

    def change(self, found: TableFacts | None, drift: Drift, rows: int) -> None:
        facts = found and replace(found, comment=comment_without_mark(found.comment))
        records = records_of(self._session, self._side)
        change = Change(self._session, self.call, records, self._recorded, self.target, facts, drift, self._stage)
        try:
            change.apply(rows)
        except DriverError as error:
            if error.first.code == "DRV094" and not self._session.broken:
                raise kept_waiting(error, open_transactions(self._session)) from error
            if not self._session.committing or not self._session.broken or self._session.stop.event.is_set():
                raise
            unless_committed(error, self._happened, partial(self._unknown_end, error.first.message))

    def _happened(self) -> bool:
        """Tell by the mark of the load, or its record, over another connection what became of the commit."""
        if not (self.call.run_id and self._recorded):
            raise DriverError("there is neither mark nor record of this load")
        with self._second_session(self._session.stop) as second:
            return self._committed(second, look_up(second, self.target)) is not None

    def _unknown_end(self, found: str, _reason: str) -> DriverError:
        return DriverError(
            f"the answer to the commit of {self.target.name} was lost, and what became of it cannot be asked",
            code="DRV102",
            found=found,
            expected="an answer to COMMIT",
            fix="retry the run from its failure: it looks for the mark of this load before it writes",
            retryable="ambiguous",
        )

    def total(self, found: TableFacts | None, rows: int) -> int | None:
        """Count the target where that is cheap; what is committed does not fail because of it."""
        if self._session.broken or (found is not None and found.rows > _COUNTED):
            return None
        if self.target.emptied:
            return rows
        with suppress(DriverError):
            table = quoted(self.target.schema, self.target.table)
            return int(self._session.value(f"select count(*) from {table}"))
        return None

    def clean(self) -> None:
        """Drop the staging table, on another connection if this one broke; the next run drops what stays."""
        with suppress(DriverError):
            if not self._session.broken and not self._session.stop.event.is_set():
                self._session.run("rollback")
                self._stage.drop()
                return
            self._session.close()
            with self._second_session(StopSign()) as second:
                second.run(f"drop table if exists {self._stage.table}")

    @contextmanager
    def _second_session(self, stop: StopSign) -> Iterator[Session]:
        """Open another session, when this one is at its end."""
        second = Session(program_of(self.call), self._session.settings, stop)
        try:
            second.open()
            _wait_for_end(second, self._session.number)
            yield second
        finally:
            second.close()


def _opened(session: Session, wait: float) -> str:
    """Connect with the settings that a write needs; return the character set and collation of new text columns."""
    session.open(local_infile=True)
    session.refuse_files()
    with suppress(DriverError):  # unknown to MariaDB, and not everybody may: then the server says what it wants
        session.run("set session sql_require_primary_key = 0")
    seconds = max(1, int(wait))
    session.run(
        f"set session sql_mode = '{_SQL_MODE}', innodb_lock_wait_timeout = {seconds}, lock_wait_timeout = {seconds}"
    )
    known = {
        str(name)
        for (name,) in session.rows(
            "select collation_name from information_schema.collations where character_set_name = 'utf8mb4'"
        )
    }
    # Where trailing spaces count, as they do for everybody else.
    found = next((name for name in ("utf8mb4_0900_bin", "utf8mb4_nopad_bin") if name in known), "utf8mb4_bin")
    return f"character set utf8mb4 collate {found}"


def _wait_for_end(session: Session, number: int) -> None:
    """End another session of this user and wait until the server has taken back, or committed, what it did."""
    kill(session.settings, number)
    deadline = time.monotonic() + _GONE_SECONDS
    query = f"select 1 from information_schema.processlist where id = {int(number)}"
    while session.rows(query) and time.monotonic() < deadline:
        time.sleep(0.05)
