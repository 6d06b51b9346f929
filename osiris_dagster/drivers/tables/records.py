"""The record of loads and the positions of incremental steps, which lie beside a target and are written with its rows.

A family supplies the SQL of both tables; what is asked and recorded when, and what it means, is said here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.positions import POSITIONS, Position, moved
from osiris_dagster.drivers.tables.loads import KEY_COLUMNS, LOADS, is_same_load, load_key
from osiris_dagster.sql.quoting import listed, literal, quoted

Query = Callable[[str, Sequence[Any]], Sequence[tuple[Any, ...]]]
"""Executes a statement with arguments; returns its rows, none for one that has no result."""
POSITION_KEY = ("pipeline", "step", "target")
"""Columns of the positions that are their key, in the order in which they are asked for."""

_POSITION = ("cursor", "type", "value")


@dataclass(frozen=True, slots=True)
class RecordSql:
    """One of the two tables in the SQL of a family. `put` takes the place of an entry that is there."""

    find: str  # arguments: the key as `found_by` has it
    put: str  # arguments: the key as `put_as` has it, and the values
    exists: str = ""  # a query whose first value is true if the table is there; empty where it always is
    make: tuple[str, ...] = ()
    forget: str = ""  # drops what is too old to be asked for
    found_by: Callable[[Sequence[str]], Sequence[str]] = list
    put_as: Callable[[Sequence[str]], Sequence[str]] = list


@dataclass(frozen=True, slots=True)
class Records:
    """Both tables of one target, and the session that reads and writes them."""

    query: Query
    loads: RecordSql
    positions: RecordSql

    def make(self, table: RecordSql) -> None:
        """Make one of the two if it is not there."""
        for statement in () if self._exists(table) else table.make:
            self.query(statement, ())

    def committed_rows(self, call: StepCall, target: str) -> int | None:
        """Return the rows that this load committed already, None when it has to be done."""
        if not call.run_id:
            return None
        found = self.query(self.loads.find, self.loads.found_by(load_key(call, target)))
        return int(found[0][1]) if found and is_same_load(call, str(found[0][0])) else None

    def record_load(self, call: StepCall, target: str, rows: int) -> None:
        """Add the load to the transaction that is open, and forget loads too old to be retried."""
        if call.run_id:
            self.query(self.loads.put, [*self.loads.put_as(load_key(call, target)), call.run_id, rows])
            if self.loads.forget:
                self.query(self.loads.forget, ())

    def position(self, call: StepCall, step: str, target: str) -> Position | None:
        """Return how far the rows of an incremental step are in the target, None when nothing says so."""
        if not self._exists(self.positions):
            return None
        found = self.query(self.positions.find, self.positions.found_by([call.pipeline, step, target]))
        return Position(*map(str, found[0])) if found else None

    def record_positions(self, call: StepCall, target: str, *, fresh: bool) -> None:
        """Add the positions to the transaction that is open; a table that it made is nobody's position yet.

        Raises DriverError when another run has moved one meanwhile.
        """
        if call.advances:
            self.make(self.positions)
        for advance in call.advances:
            now = self.position(call, advance.step, target)
            if now != advance.before and not fresh:
                raise moved(advance.step, advance.before, now)
            if after := advance.after():
                key = self.positions.put_as([call.pipeline, advance.step, target])
                self.query(self.positions.put, [*key, after.cursor, after.type, after.value, call.run_id])

    def _exists(self, table: RecordSql) -> bool:
        found = self.query(table.exists, ()) if table.exists else [(True,)]
        return bool(found and found[0][0])


@dataclass(frozen=True, slots=True)
class FileSql:
    """What our tables are called and made of in a database that is a file, whose SQL has `?` and `or replace`."""

    table: Callable[[str], str]  # qualified name of one of our tables
    exists: str  # a query whose argument is in its place, {}, as a text
    now: str
    long_ago: str
    text: str = "text"
    moment: str = "text"
    ends: str = ""  # what stands behind the columns of a table


def records_in_file(query: Query, sql: FileSql) -> Records:
    """Return the records of a database that is a file."""
    loads = _in_file(LOADS, KEY_COLUMNS, {"run_id": sql.text, "rows": "bigint"}, ("run_id", "rows"), sql)
    values = dict.fromkeys((*_POSITION, "run_id"), sql.text)
    forget = f"delete from {sql.table(LOADS)} where committed_at < {sql.long_ago}"
    return Records(query, replace(loads, forget=forget), _in_file(POSITIONS, POSITION_KEY, values, _POSITION, sql))


def _in_file(
    name: str, key: Sequence[str], values: Mapping[str, str], wanted: Iterable[str], sql: FileSql
) -> RecordSql:
    table = sql.table(name)
    filled = [f"{quoted(each)} {kind} not null" for each, kind in (*values.items(), ("committed_at", sql.moment))]
    columns = [*(f"{each} {sql.text}" for each in key), *filled, f"primary key ({', '.join(key)})"]
    marks = "?, " * (len(key) + len(values))
    return RecordSql(
        find=f"select {listed(wanted)} from {table} where {equal(key, '?')}",
        put=f"insert or replace into {table} values ({marks}{sql.now})",
        exists=sql.exists.format(literal(name)),
        make=(f"create table if not exists {table} ({', '.join(columns)}){sql.ends}",),
    )


def equal(names: Iterable[str], mark: str, quoted: Callable[[str], str] = str) -> str:
    """Return the condition that columns have the values of as many arguments.

    >>> equal(("a", "b"), "?")
    'a = ? and b = ?'
    """
    return " and ".join(f"{quoted(name)} = {mark}" for name in names)
