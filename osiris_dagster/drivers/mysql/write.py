"""Rows in, a table changed in one step out: staged, checked, committed once, or not at all."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, replace

import pyarrow as pa

from osiris_dagster.drivers.base import StepCall, WriteReport
from osiris_dagster.drivers.batches import Watched, plain_schema
from osiris_dagster.drivers.mysql.apply import Change, comment_without_mark, marked_rows
from osiris_dagster.drivers.mysql.dialect import DIALECT
from osiris_dagster.drivers.mysql.loadable import row_columns, value_check
from osiris_dagster.drivers.mysql.names import check_name
from osiris_dagster.drivers.mysql.positions import find_position, prepare_positions
from osiris_dagster.drivers.mysql.session import Session, kill, program_of
from osiris_dagster.drivers.mysql.settings import Settings, settings_of
from osiris_dagster.drivers.mysql.side import (
    Side,
    claim_stage,
    committed_rows,
    forget_old_loads,
    open_transactions,
    side_of,
    take_lease,
)
from osiris_dagster.drivers.mysql.stage import Stage
from osiris_dagster.drivers.mysql.table import TableFacts, look_up
from osiris_dagster.drivers.positions import Position
from osiris_dagster.drivers.stopping import StopSign
from osiris_dagster.drivers.tables.dialect import TableColumn
from osiris_dagster.drivers.tables.loads import stage_name
from osiris_dagster.drivers.tables.refusals import ALREADY_COMMITTED, AT_LEAST_ONCE, kept_waiting, left_out
from osiris_dagster.drivers.tables.target import (
    Target,
    check_names,
    plan_write,
    target_of,
    with_keys_as_spelt,
    with_slice,
)
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
        target = target_of(self._call.config, self._call.config.get("database") or settings.database)
        names = rows.schema.names
        check_names(names, DIALECT)
        check_name(target.table, "table")
        for name in names:
            check_name(name, "column")
        target = with_slice(with_keys_as_spelt(target, names, DIALECT), self._call, rows.schema)
        columns = row_columns(rows.schema, target.keys)
        session = self._session = Session(program_of(self._call), settings, self._stop, f"table {target.name}")
        try:
            return _Transfer(self._call, settings, session, target, columns).run(rows)
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


@dataclass
class _Transfer:
    """From the rows to the commit, in one session."""

    call: StepCall
    settings: Settings
    session: Session
    target: Target
    columns: tuple[TableColumn, ...]

    def run(self, rows: pa.RecordBatchReader) -> WriteReport:
        collation = self._open(self.session)
        take_lease(self.session, self.target, float(self.call.config["lock_timeout"]))
        side, recorded = side_of(self.session, self.target)
        facts = look_up(self.session, self.target)
        done = self._done(self.session, side, facts, recorded=recorded)
        if done is not None:
            return WriteReport(done, notes=(ALREADY_COMMITTED,))
        if recorded:
            forget_old_loads(self.session, side)
        prepare_positions(self.session, side, self.call)
        drift = plan_write(self.target, facts.plain if facts else None, self.columns, DIALECT)
        name = stage_name(self.call)
        claim_stage(self.session, side, name)
        keep_places = bool(self.target.keys) and self.target.on_duplicate != "error"
        stage = Stage(self.session, side.table(name), self.columns, keep_places, collation)
        change = Change(self.session, self.call, side, recorded, self.target, facts, drift, stage)
        try:
            return self._move(rows, change)
        finally:
            self._clean(stage)

    def _open(self, session: Session) -> str:
        """Connect with the settings that a write needs; return the character set and collation of new text columns."""
        session.open(local_infile=True)
        session.refuse_files()
        with suppress(DriverError):  # unknown to MariaDB, and not everybody may: then the server says what it wants
            session.run("set session sql_require_primary_key = 0")
        wait = max(1, int(self.call.config["lock_timeout"]))
        session.run(
            f"set session sql_mode = '{_SQL_MODE}', innodb_lock_wait_timeout = {wait}, lock_wait_timeout = {wait}"
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

    def _done(self, session: Session, side: Side, facts: TableFacts | None, *, recorded: bool) -> int | None:
        """Return the rows that an earlier try of this load committed."""
        marked = marked_rows(facts, self.call, self.target)
        if marked is not None:
            return marked
        return committed_rows(session, side, self.call, self.target) if recorded else None

    def _move(self, rows: pa.RecordBatchReader, change: Change) -> WriteReport:
        stage, drift = change.stage, change.drift
        schema = plain_schema(rows.schema)
        checked = {move.source: move.type for move in drift.moves if move.checked}
        watched = Watched(rows, schema, value_check(schema, checked))
        stage.create(drift, change.facts)
        stage.fill(watched)
        notes = []
        if self.target.keys and (dropped := stage.check_keys(self.target.keys, self.target.on_duplicate)):
            notes.append(left_out(dropped, self.target.on_duplicate))
        stage.check_fit(drift.moves)
        count = watched.rows - dropped if notes else watched.rows
        self._committed(change, count)
        if not change.recorded:
            notes.append(AT_LEAST_ONCE)
        return WriteReport(count, rows_total=self._total(change, count), notes=(*notes, *drift.notes))

    def _committed(self, change: Change, rows: int) -> None:
        """Change the target. When the answer to the commit was lost, the mark of the load tells what became of it."""
        facts = change.facts
        if facts is not None:
            change.facts = replace(facts, comment=comment_without_mark(facts.comment))
        try:
            change.apply(rows)
        except DriverError as error:
            if error.first.code == "DRV094" and not self.session.broken:
                raise kept_waiting(error, open_transactions(self.session)) from error
            unknown = self.session.committing and self.session.broken and not self.session.stop.event.is_set()
            if not unknown or not self._was_committed(change, error):
                raise

    def _was_committed(self, change: Change, error: DriverError) -> bool:
        if not (self.call.run_id and change.recorded):
            raise self._unknown_end(error) from error
        second = Session(program_of(self.call), self.settings, self.session.stop)
        try:
            second.open()
            _wait_for_end(second, self.session.number)
            done = self._done(second, change.side, look_up(second, self.target), recorded=change.recorded)
        except DriverError as other:
            raise self._unknown_end(error) from other
        finally:
            second.close()
        return done is not None

    def _unknown_end(self, error: DriverError) -> DriverError:
        return DriverError(
            f"the answer to the commit of {self.target.name} was lost, and what became of it cannot be asked",
            code="DRV102",
            found=error.first.message,
            expected="an answer to COMMIT",
            fix="retry the run from its failure: it looks for the mark of this load before it writes",
            retryable="ambiguous",
        )

    def _total(self, change: Change, rows: int) -> int | None:
        """Count the target where that is cheap; what is committed does not fail because of it."""
        if self.session.broken or (change.facts is not None and change.facts.rows > _COUNTED):
            return None
        if self.target.emptied:
            return rows
        try:
            return int(self.session.value(f"select count(*) from {change.table}"))
        except DriverError:
            return None

    def _clean(self, stage: Stage) -> None:
        """Drop the staging table, on another connection if this one broke; the next run drops what stays."""
        with suppress(DriverError):
            if not self.session.broken and not self.session.stop.event.is_set():
                self.session.run("rollback")
                stage.drop()
                return
            self.session.close()
            second = Session(program_of(self.call), self.settings, StopSign())
            try:
                second.open()
                _wait_for_end(second, self.session.number)
                second.run(f"drop table if exists {stage.table}")
            finally:
                second.close()


def _wait_for_end(session: Session, number: int) -> None:
    """End another session of this user and wait until the server has taken back, or committed, what it did."""
    kill(session.settings, number)
    deadline = time.monotonic() + _GONE_SECONDS
    query = f"select 1 from information_schema.processlist where id = {int(number)}"
    while session.rows(query) and time.monotonic() < deadline:
        time.sleep(0.05)
