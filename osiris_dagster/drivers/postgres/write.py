"""Rows in, a table changed in one transaction out: staged, checked, committed once, or not at all."""

from __future__ import annotations

import random
import time

import pyarrow as pa

from osiris_dagster.drivers.base import StepCall, WriteReport
from osiris_dagster.drivers.batches import Watched, plain_schema
from osiris_dagster.drivers.positions import Position
from osiris_dagster.drivers.postgres.catalogue import Columns, Relation, columns_of, find_table, has_unique_key
from osiris_dagster.drivers.postgres.commit import commit
from osiris_dagster.drivers.postgres.dialect import DIALECT, stage_columns
from osiris_dagster.drivers.postgres.endpoint import endpoint_of, schema_of
from osiris_dagster.drivers.postgres.lease import holders, take_lease
from osiris_dagster.drivers.postgres.loads import committed_rows, prepare_record, record_load
from osiris_dagster.drivers.postgres.names import check_name
from osiris_dagster.drivers.postgres.positions import read_position, record_positions
from osiris_dagster.drivers.postgres.session import Session, Switch
from osiris_dagster.drivers.postgres.staging import Staging
from osiris_dagster.drivers.postgres.upsert import Insertion, alterations
from osiris_dagster.drivers.tables.drift import Drift
from osiris_dagster.drivers.tables.loads import stage_name
from osiris_dagster.drivers.tables.refusals import ALREADY_COMMITTED, AT_LEAST_ONCE, kept_waiting, left_out, located
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
from osiris_dagster.errors import DriverError
from osiris_dagster.sql.quoting import listed, quoted

_COUNTED = 64 * 1024 * 1024  # bytes of a table that are counted at no price worth speaking of
_DEADLOCKS = 5  # times that the last part of a write is tried


class Loading:
    """One write of one step."""

    def __init__(self, call: StepCall) -> None:
        self._call = call
        self._switch = Switch()

    def write(self, rows: pa.RecordBatchReader) -> WriteReport:
        """Write all rows and commit once."""
        target = target_of(self._call.config, schema_of(self._call))
        check_name(target.schema, "schema")
        check_name(target.table, "table")
        names = rows.schema.names
        check_names(names, DIALECT)
        for name in names:
            check_name(name, "column")
        target = with_slice(with_keys_as_spelt(target, names, DIALECT), self._call, rows.schema)
        watched = Watched(rows, plain_schema(rows.schema))
        columns = stage_columns(watched.schema)
        endpoint = endpoint_of(self._call)
        session = self._switch.open(endpoint)
        transfer = _Transfer(session, self._call, target)
        staging = Staging(session, quoted(stage_name(self._call)), columns)
        recorded = prepare_record(session, self._call)
        if recorded and (done := committed_rows(session, self._call, target.name)) is not None:
            return WriteReport(done, notes=(ALREADY_COMMITTED,))
        session.begin()
        try:
            report = transfer.run(watched, staging, recorded=recorded)
            if report is None:
                session.rollback()
                done = committed_rows(session, self._call, target.name)
                return WriteReport(done or 0, notes=(ALREADY_COMMITTED,))
            commit(session, self._switch, endpoint, self._call, target.name if recorded else "")
        except DriverError as error:
            session.rollback()
            if error is watched.error:  # of a step before
                raise
            raise located(error, target.name, endpoint.name) from error.__cause__
        except BaseException:
            session.rollback()
            raise
        return report

    def position(self, step: str) -> Position | None:
        """Return how far an incremental step has come in the table; None when the table is not there."""
        target = target_of(self._call.config, schema_of(self._call))
        session = self._switch.open(endpoint_of(self._call))
        if find_table(session, target.schema, target.table) is None:
            return None
        return read_position(session, self._call, step, target.name)

    def cancel(self) -> None:
        """End the statement under way; what is not committed is undone."""
        self._switch.cancel()

    def close(self) -> None:
        """End the sessions."""
        self._switch.close()


class _Transfer:
    """From the rows to the moment before the commit, in one transaction."""

    def __init__(self, session: Session, call: StepCall, target: Target) -> None:
        self._session = session
        self._call = call
        self._target = target
        self._table = quoted(target.schema, target.table)
        self._notes: list[str] = []

    def run(self, watched: Watched, staging: Staging, *, recorded: bool) -> WriteReport | None:
        """Do everything but the commit. None when an earlier try turns out to have committed meanwhile."""
        session, target, wait = self._session, self._target, self._call.config["lock_timeout"]
        session.execute(f"set local lock_timeout = '{max(1, int(wait * 1000))}ms'")
        relation = self._relation()
        self._plan(relation, staging)  # what cannot work fails before the first row moves
        if relation is None:
            self._make_schema()
            staging.table = quoted(target.schema, stage_name(self._call))
        staging.create(temporary=relation is not None)
        staging.fill(watched)
        rows = watched.rows
        if target.keys:
            dropped = staging.check_keys(target.keys, target.on_duplicate)
            rows -= dropped
            self._notes += [left_out(dropped, target.on_duplicate)] if dropped else []
        take_lease(session, target.name, wait)
        if recorded and committed_rows(session, self._call, target.name) is not None:
            return None
        made, relation = relation is None, self._relation()
        if relation is None:
            self._become_table(staging)
        else:
            self._apply(relation, staging, drop=made)
        if recorded:
            record_load(session, self._call, target.name, rows)
        elif self._call.run_id:
            self._notes.append(AT_LEAST_ONCE)
        record_positions(session, self._call, target.name, fresh=relation is None)
        total = rows if relation is None or target.emptied else self._total()
        return WriteReport(rows, rows_total=total, notes=tuple(self._notes))

    def _relation(self) -> Relation | None:
        found = find_table(self._session, self._target.schema, self._target.table)
        if found is not None and not found.is_table:
            raise not_a_table(self._target, "a view" if found.kind == "v" else "a materialized view")
        return found

    def _plan(self, relation: Relation | None, staging: Staging) -> tuple[Drift, Columns | None]:
        """Compare the table, as it is now, with the rows."""
        table = columns_of(self._session, relation) if relation else None
        return plan_write(self._target, table.columns if table else None, staging.columns, DIALECT), table

    def _make_schema(self) -> None:
        """`if not exists` would ask for the right to make one even where it is there."""
        schema = self._target.schema
        if not self._session.rows("select 1 from pg_catalog.pg_namespace where nspname = %s", [schema]):
            self._session.execute(f"create schema if not exists {quoted(schema)}")

    def _become_table(self, staging: Staging) -> None:
        """The rows are where they belong; only the name is not. Nobody else saw it."""
        self._session.execute(f"alter table {staging.table} rename to {quoted(self._target.table)}")
        if self._target.mode == "upsert":
            self._session.execute(f"alter table {self._table} add primary key ({listed(self._target.keys)})")

    def _apply(self, relation: Relation, staging: Staging, *, drop: bool) -> None:
        """Move the rows from the staging table to the table; other sessions may get into a deadlock with that."""
        self._session.execute(f"analyze {staging.table}")
        for attempt in range(1, _DEADLOCKS + 1):
            try:
                with self._session.savepoint():
                    notes = self._move(relation, staging)
                break
            except DriverError as error:
                if error.first.code == "DRV064":
                    raise kept_waiting(error, holders(self._session, self._table)) from error
                if error.first.code != "DRV065" or attempt == _DEADLOCKS:
                    raise
                time.sleep(random.uniform(0.05, 0.2) * attempt)  # noqa: S311 - so that two do not meet again
        self._notes += notes
        if drop:
            self._session.execute(f"drop table {staging.table}")

    def _move(self, relation: Relation, staging: Staging) -> tuple[str, ...]:
        target, run = self._target, self._session.execute
        drift, table = self._plan(relation, staging)
        staging.check_fit(drift.moves)
        if target.emptied:
            run(f"delete from {self._table}")
        for statement in alterations(self._table, drift, emptied=target.emptied):
            run(statement)
        if target.slice:
            column = quoted(sliced_column(target, drift.moves))
            run(f"delete from {self._table} where {condition(target.slice, column)}")
        numbered = table is not None and any(move.target in table.always_identity for move in drift.moves)
        insertion = Insertion(self._table, staging.table, staging.columns, drift, identity=numbered)
        if target.mode != "upsert":
            run(insertion.insert())
        elif has_unique_key(self._session, relation, target.keys):
            run(insertion.upsert_by_index(target.keys))
        else:
            for statement in insertion.upsert_by_lookup(target.keys):
                run(statement)
        return drift.notes

    def _total(self) -> int | None:
        size = self._session.number("select coalesce(pg_relation_size(to_regclass(%s)), 0)", [self._table])
        return self._session.number(f"select count(*) from {self._table}") if size <= _COUNTED else None
