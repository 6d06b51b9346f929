"""Writes a table of PostgreSQL in one transaction: rows are staged, checked, committed once, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa

from osiris_dagster.drivers.base import StepCall, WriteReport
from osiris_dagster.drivers.batches import Watched, plain_schema
from osiris_dagster.drivers.positions import Position
from osiris_dagster.drivers.postgres.catalogue import Relation, columns_of, find_table, has_unique_key
from osiris_dagster.drivers.postgres.commit import commit
from osiris_dagster.drivers.postgres.dialect import DIALECT, stage_columns
from osiris_dagster.drivers.postgres.endpoint import Endpoint, endpoint_of, schema_of
from osiris_dagster.drivers.postgres.lease import holders, take_lease
from osiris_dagster.drivers.postgres.names import check_name
from osiris_dagster.drivers.postgres.records import prepare_record, records_of
from osiris_dagster.drivers.postgres.session import Session, Switch
from osiris_dagster.drivers.postgres.staging import Staging
from osiris_dagster.drivers.postgres.statements import alterations, moved
from osiris_dagster.drivers.stopping import Switched
from osiris_dagster.drivers.tables.change import past_deadlocks
from osiris_dagster.drivers.tables.dialect import TableColumn
from osiris_dagster.drivers.tables.drift import Drift, Move
from osiris_dagster.drivers.tables.loads import stage_name
from osiris_dagster.drivers.tables.one_transaction import write
from osiris_dagster.drivers.tables.refusals import kept_waiting, located
from osiris_dagster.drivers.tables.store import Result, TransactionStore
from osiris_dagster.drivers.tables.target import Target, asked_target, not_a_table, target_of
from osiris_dagster.errors import DriverError
from osiris_dagster.sql.quoting import listed, quoted

_COUNTED = 64 * 1024 * 1024  # bytes of a table that are counted at no price worth speaking of


class Loading(Switched[Session]):
    """One write of one step."""

    _switch: Switch

    def __init__(self, call: StepCall) -> None:
        super().__init__(Switch())
        self._call = call

    def write(self, rows: pa.RecordBatchReader) -> WriteReport:
        """Write all rows and commit once."""
        schema = schema_of(self._call)
        check_name(schema, "schema")
        target = asked_target(self._call, schema, rows.schema, DIALECT)
        watched = Watched(rows, plain_schema(rows.schema))
        store = _PostgresStore(self._switch, endpoint_of(self._call), self._call, target, watched)
        return write(store, watched)

    def position(self, step: str) -> Position | None:
        """Return how far an incremental step has come in the table; None when the table is not there."""
        target = target_of(self._call.config, schema_of(self._call))
        session = self._switch.open(endpoint_of(self._call))
        if find_table(session, target.schema, target.table) is None:
            return None
        return records_of(session).position(self._call, step, target.name)


class _PostgresStore(TransactionStore[Relation]):
    """One transaction from the first row to the commit."""

    dialect = DIALECT
    staging: Staging

    def __init__(self, switch: Switch, endpoint: Endpoint, call: StepCall, target: Target, rows: Watched) -> None:
        super().__init__(call, target, stage_columns(rows.schema))
        self.table = quoted(target.schema, target.table)
        self._switch = switch
        self._endpoint = endpoint
        self._rows = rows
        self._recorded = False
        self._numbered: frozenset[str] = frozenset()  # columns that number rows themselves, always
        self._session = switch.open(endpoint)
        self.records = records_of(self._session)

    def run(self, statement: str) -> None:
        self._session.execute(statement)

    def prepare(self) -> bool:
        self._recorded = prepare_record(self._session, self.records, self.call)
        return self._recorded

    @contextmanager
    def undoing(self) -> Iterator[None]:
        session, wait = self._session, self.call.config["lock_timeout"]
        session.begin()
        try:
            session.execute(f"set local lock_timeout = '{max(1, int(wait * 1000))}ms'")
            yield
        except DriverError as error:
            session.rollback()
            if error is self._rows.error:  # of a step before
                raise
            raise located(error, self.target.name, self._endpoint.name) from error.__cause__
        except BaseException:
            session.rollback()
            raise

    def find(self) -> Relation | None:
        found = find_table(self._session, self.target.schema, self.target.table)
        if found is not None and not found.is_table:
            raise not_a_table(self.target, "a view" if found.kind == "v" else "a materialized view")
        return found

    def columns(self, found: Relation) -> tuple[TableColumn, ...]:
        table = columns_of(self._session, found)
        self._found, self._numbered = found, table.always_identity
        return table.columns

    def stage(self, found: Relation | None, drift: Drift) -> Staging:  # noqa: ARG002 - rows are staged as they are
        """Stage rows of a table that is not there yet in its own schema, under another name."""
        name, schema = stage_name(self.call), self.target.schema
        if found is None:
            self._make_schema(schema)
        table = quoted(name) if found else quoted(schema, name)
        self.staging = Staging(self._session, table, self.row_columns, temporary=found is not None)
        return self.staging

    def _make_schema(self, schema: str) -> None:
        """`if not exists` would ask for the right to make one even where it is there."""
        if not self._session.rows("select 1 from pg_catalog.pg_namespace where nspname = %s", [schema]):
            self.run(f"create schema if not exists {quoted(schema)}")

    @contextmanager
    def committing(self) -> Iterator[None]:
        name = self.target.name
        take_lease(self._session, name, self.call.config["lock_timeout"])
        yield
        commit(self._session, self._switch, self._endpoint, self.call, name if self._recorded else "")

    def tried(self, change: Callable[[], Result]) -> Result:
        """Change the table in a savepoint; other sessions may get into a deadlock with that."""

        def once() -> Result:
            with self._session.savepoint():
                return change()

        self.run(f"analyze {self.staging.table}")
        try:
            result = past_deadlocks(once, lambda error: error.first.code == "DRV065")
        except DriverError as error:
            if error.first.code == "DRV064":
                raise kept_waiting(error, holders(self._session, self.table)) from error
            raise
        if not self.staging.temporary:
            self.run(f"drop table {self.staging.table}")
        return result

    def appear(self, drift: Drift) -> None:
        """The rows are where they belong; only the name is not. Nobody else saw it."""
        if self.staging.temporary:  # the table was there when the rows began to come
            self.staging.create(self.table)
            self.run(self.insertion(drift))
        else:
            self.run(f"alter table {self.staging.table} rename to {quoted(self.target.table)}")
        if self.target.mode == "upsert":
            self.run(f"alter table {self.table} add primary key ({listed(self.target.keys)})")

    def alterations(self, drift: Drift) -> Iterator[str]:
        return alterations(self.table, drift, emptied=self.target.emptied)

    def value(self, move: Move) -> str:
        return moved(move, next(column.type for column in self.row_columns if column.name == move.source))

    def overriding(self, drift: Drift) -> str:
        return " overriding system value" if any(move.target in self._numbered for move in drift.moves) else ""

    def is_unique(self, columns: Sequence[str]) -> bool:
        return has_unique_key(self._session, self._found, columns)

    def total(self) -> int | None:
        size = self._session.number("select coalesce(pg_relation_size(to_regclass(%s)), 0)", [self.table])
        return self._session.number(f"select count(*) from {self.table}") if size <= _COUNTED else None
