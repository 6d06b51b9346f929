"""Rows in, a table of a DuckDB file changed in one transaction out: staged, checked, committed once, or not at all."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import duckdb
import pyarrow as pa

from osiris_dagster.drivers.base import StepCall, WriteReport
from osiris_dagster.drivers.batches import Watched, spooled
from osiris_dagster.drivers.duckdb.drift import Drift, Move, Policy, TableColumn, plan_drift
from osiris_dagster.drivers.duckdb.faults import named_faults
from osiris_dagster.drivers.duckdb.loads import committed_rows, record_load
from osiris_dagster.drivers.duckdb.pool import Connect, Lease, acquire, held_by_readers
from osiris_dagster.drivers.duckdb.session import Switch, database_file
from osiris_dagster.drivers.duckdb.sql import listed, literal, quoted
from osiris_dagster.drivers.duckdb.staging import SCHEMA, Staging, drop_stale, stage_name
from osiris_dagster.drivers.duckdb.types import carried, import_check
from osiris_dagster.errors import DriverError


@dataclass(frozen=True, slots=True)
class Target:
    """What the configuration says about the table."""

    schema: str
    table: str
    mode: str  # append, replace or upsert
    keys: tuple[str, ...]
    create: bool
    policy: Policy
    on_duplicate: str  # error, first or last

    @property
    def name(self) -> str:
        """The name for messages and for the record of loads."""
        return f"{self.schema}.{self.table}"

    @property
    def sql(self) -> str:
        """The qualified identifier."""
        return quoted(self.schema, self.table)


class Loading:
    """One write of one step."""

    def __init__(self, call: StepCall, connect: Connect) -> None:
        self._call = call
        self._connect = connect
        self._switch = Switch()

    def write(self, rows: pa.RecordBatchReader) -> WriteReport:
        """Write all rows and commit once."""
        target = target_of(self._call.config)
        watched = Watched(rows, _loadable(rows.schema), import_check(rows.schema))
        target = replace(target, keys=_keys(target.keys, watched.schema.names))
        with self._leased(watched) as (held, watched), self._switch.session(held.cursor()) as session:
            with named_faults():
                done = committed_rows(session, self._call, target.name)
            if done is not None:
                return WriteReport(done, notes=("already committed by an earlier try of this load",))
            return _Transfer(session, held, self._switch, self._call, target).run(watched)

    @contextmanager
    def _leased(self, watched: Watched) -> Iterator[tuple[Lease, Watched]]:
        """Open the file for writing; while readers of this process hold it, set aside the rows that they may feed."""
        path, name = database_file(self._call)
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
        self._notes: list[str] = []

    def run(self, watched: Watched) -> WriteReport:
        name = stage_name(self._call)
        staging = Staging(self._session, name)
        with named_faults(), _alone(self._held.catalogue_lock, self._switch):
            drop_stale(self._session, self._held.staging)
            self._held.staging.add(name)
        try:
            with named_faults():
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
            self._notes.append(f"{dropped} rows with a repeated key left out, the {target.on_duplicate} one kept")
        rows = staging.count()
        with _alone(self._held.catalogue_lock, self._switch), self._transaction():
            drift = self._drift(staging)
            staging.check_fit(drift.moves)
            self._apply(drift, staging)
            record_load(self._session, self._call, target.name, rows)
            self._switch.check()
        total = self._session.sql(f"select count(*) from {target.sql}").fetchall()[0][0]
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
        """Compare the table, as it is now, with the rows. Without a table there is nothing to compare."""
        table = self._table_columns()
        if table is None:
            if not self._target.create:
                raise DriverError(
                    f"the table {self._target.name} does not exist",
                    code="DRV035",
                    found="no such table",
                    expected="an existing table, as create_if_missing is false",
                    fix="create the table, or set create_if_missing: true",
                )
            return Drift(tuple(Move(column.name, column.name, column.type) for column in staging.columns))
        mode = self._target.mode
        _check_keys_known(self._target, table)
        return plan_drift(table, staging.columns, self._target.policy, emptied=mode == "replace", kept=mode == "upsert")

    def _table_columns(self) -> tuple[TableColumn, ...] | None:
        where = (
            f"database_name = current_catalog() and lower(schema_name) = lower({literal(self._target.schema)}) "
            f"and lower({{}}) = lower({literal(self._target.table)})"
        )
        views = self._session.sql(f"select 1 from duckdb_views() where {where.format('view_name')}").fetchall()
        if views:
            raise DriverError(
                f"{self._target.name} is a view",
                code="DRV035",
                found="a view",
                expected="a table",
                fix="write to the table behind it, or choose another name",
            )
        columns = self._session.sql(
            "select column_name, data_type, is_nullable or column_default is not null from duckdb_columns() "
            f"where {where.format('table_name')} order by column_index"
        ).fetchall()
        return tuple(TableColumn(*column) for column in columns) or None

    def _apply(self, drift: Drift, staging: Staging) -> None:
        target, run = self._target, self._session.execute
        if self._table_columns() is None:
            run(f"create schema if not exists {quoted(target.schema)}")
            run(f"create table {target.sql} as from {staging.table} limit 0")
        elif target.mode == "replace":
            run(f"delete from {target.sql}")
        for alteration in drift.alterations:
            run(f"alter table {target.sql} {alteration}")
        into = listed(tuple(move.target for move in drift.moves))
        values = ", ".join(move.expression for move in drift.moves)
        if target.mode == "upsert":
            run(_merge(target, staging.table, drift.moves))
        else:
            run(f"insert into {target.sql} ({into}) select {values} from {staging.table} s")


def _merge(target: Target, source: str, moves: tuple[Move, ...]) -> str:
    """Return the statement that updates rows whose key is known and inserts the others."""
    keys = {key.lower() for key in target.keys}
    same = " and ".join(f"t.{quoted(m.target)} = {m.expression}" for m in moves if m.source.lower() in keys)
    changes = ", ".join(f"{quoted(m.target)} = {m.expression}" for m in moves if m.source.lower() not in keys)
    update = f"when matched then update set {changes} " if changes else ""
    return (
        f"merge into {target.sql} as t using {source} as s on ({same}) {update}"
        f"when not matched then insert ({listed(tuple(m.target for m in moves))}) "
        f"values ({', '.join(m.expression for m in moves)})"
    )


def target_of(config: Mapping[str, Any]) -> Target:
    """Read the configuration. Raises DriverError for an upsert without keys and for the schema that is ours."""
    keys = config.get("primary_key") or ()
    target = Target(
        schema=config["schema"],
        table=config["table"],
        mode=config["write_mode"],
        keys=(keys,) if isinstance(keys, str) else tuple(keys),
        create=config["create_if_missing"],
        policy=config["schema_drift"],
        on_duplicate=config["on_duplicate"],
    )
    if target.mode == "upsert" and not target.keys:
        raise DriverError(
            "an upsert needs to know the key of a row",
            code="DRV030",
            found="no primary_key",
            expected="primary_key with one or more columns",
            fix="add `primary_key: <column>`",
        )
    if target.schema.lower() == SCHEMA:
        raise DriverError(
            f"the schema {SCHEMA} holds staging tables and the record of loads",
            code="DRV022",
            found=target.name,
            expected="a schema of your own",
            fix="choose another schema",
        )
    return target


def _loadable(schema: pa.Schema) -> pa.Schema:
    """Return the schema for DuckDB; DriverError without columns or with two that DuckDB takes for one."""
    if not schema.names:
        raise DriverError(
            "the rows have no columns",
            code="DRV037",
            found="no column",
            expected="at least one column",
            fix="select at least one column in the step before",
        )
    seen: dict[str, str] = {}
    for name in schema.names:
        twin = seen.setdefault(name.lower(), name)
        if twin is not name:
            raise DriverError(
                f"the columns {twin!r} and {name!r} are one name for DuckDB",
                code="DRV037",
                found=f"{twin}, {name}",
                expected="names that differ in more than case",
                fix="rename one of them in the step before",
            )
    return carried(schema)


def _keys(wanted: tuple[str, ...], names: list[str]) -> tuple[str, ...]:
    """Return the keys as the rows spell them."""
    spelt = {name.lower(): name for name in names}
    for key in wanted:
        if key.lower() not in spelt:
            raise DriverError(
                f"the rows have no key column {key!r}",
                code="DRV030",
                found=", ".join(names),
                expected=f"the column {key}",
                fix="select the key in the step before, or correct primary_key",
            )
    return tuple(spelt[key.lower()] for key in wanted)


def _check_keys_known(target: Target, table: tuple[TableColumn, ...]) -> None:
    known = {column.name.lower() for column in table}
    for key in target.keys if target.mode == "upsert" else ():
        if key.lower() not in known:
            raise DriverError(
                f"the table {target.name} has no key column {key!r}",
                code="DRV030",
                found=", ".join(column.name for column in table),
                expected=f"the column {key}",
                fix="correct primary_key, or add the column to the table",
            )


@contextmanager
def _alone(lock: threading.Lock, switch: Switch) -> Iterator[None]:
    while not lock.acquire(timeout=0.1):
        switch.check()
    try:
        yield
    finally:
        lock.release()
