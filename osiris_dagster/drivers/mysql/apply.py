"""Changes the target by a filled staging table in one step: by one transaction, or by the change of a name.

The server commits whenever a table is made or altered. So that happens before the first row of the target changes, and
a table that appears under its name at once carries the mark of its load in its comment until the record has it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.mysql.dialect import DIALECT
from osiris_dagster.drivers.mysql.names import listed, quoted
from osiris_dagster.drivers.mysql.records import digest_of
from osiris_dagster.drivers.mysql.session import Session
from osiris_dagster.drivers.mysql.side import NEW, OLD
from osiris_dagster.drivers.mysql.stage import Staging
from osiris_dagster.drivers.mysql.table import TableFacts
from osiris_dagster.drivers.tables.change import past_deadlocks, statements
from osiris_dagster.drivers.tables.drift import Drift
from osiris_dagster.drivers.tables.insertion import insert
from osiris_dagster.drivers.tables.loads import is_same_load
from osiris_dagster.drivers.tables.records import Records
from osiris_dagster.drivers.tables.slices import condition, typed
from osiris_dagster.drivers.tables.target import Target
from osiris_dagster.errors import DriverError
from osiris_dagster.oml.partition_slice import Slice

_LARGE = 200_000  # rows from which deleting them takes longer than making a table anew
_MARK = re.compile(
    r"osiris load (?P<digest>[0-9a-f]{64}) of (?P<run>\S*): (?P<rows>\d+) rows\. ?(?P<comment>.*)", re.DOTALL
)


@dataclass
class Change:
    """What is going to happen to the target."""

    session: Session
    call: StepCall
    records: Records
    recorded: bool
    target: Target
    facts: TableFacts | None
    drift: Drift
    stage: Staging

    def __post_init__(self) -> None:
        self.table = quoted(self.target.schema, self.target.table)

    def apply(self, rows: int) -> None:
        """Make the change; returns when it is committed."""
        if self.facts is None:
            self._appear(rows)
        elif self.target.emptied and self._by_name(self.facts):
            self._swap(self.facts, rows)
        else:
            for statement in self._column_changes(self.facts):
                self.session.run(f"alter table {self.table} {statement}")
            if self.target.mode == "upsert" and not self._keyed():
                self.stage.index(self.target.keys)
            self._transaction(self._change_rows, rows)

    # -- in one transaction ------------------------------------------------------------------------------------------

    def _transaction(self, change: Callable[[], object], rows: int) -> None:
        """Do it again, from its beginning, when a deadlock was broken at our expense."""

        def once() -> None:
            self.session.run("start transaction")
            change()
            if self.recorded:
                self.records.record_load(self.call, self.target.name, rows)
            self.records.record_positions(self.call, self.target.name, fresh=self.facts is None)
            self.session.stop.check()
            self._commit()

        past_deadlocks(once, _is_deadlock)

    def _commit(self) -> None:
        self.session.committing = True
        self.session.run("commit")
        self.session.committing = False

    def _change_rows(self) -> None:
        for statement in statements(self, self.target, self.drift):
            self.session.run(statement)

    def alterations(self, drift: Drift) -> Iterable[str]:  # noqa: ARG002 - the shape of ChangeSql
        """Return nothing: the server would commit, so columns change before the transaction."""
        return ()

    def in_slice(self, rows: Slice, column: str) -> str:
        """Return the condition of a partition; equal texts are equal to the letter, whatever the column's collation."""
        name = quoted(column)
        found = condition(rows, name, _wall_clock)
        if any(isinstance(value, str) for value in rows.values):
            found += f" and {condition(rows, f'convert({name} using utf8mb4) collate utf8mb4_bin', _wall_clock)}"
        return found

    def insertion(self, drift: Drift) -> str:
        """Return the statement that adds all staged rows."""
        return self._insertion(self.table, drift)

    def _insertion(self, table: str, drift: Drift) -> str:
        values = {quoted(move.target): f"s.{quoted(move.source)}" for move in drift.moves}
        return insert(table, values, f"{self.stage.table} s")

    def upsert(self, drift: Drift, keys: Sequence[str]) -> Iterator[str]:
        """Yield the statements. With the one unique index that is the key, the server finds known rows by itself.

        Otherwise it goes once through the table and finds each row's successor by the index of the staging table;
        what is left there then is new.
        """
        values = {move.source: (quoted(move.target), f"s.{quoted(move.source)}") for move in drift.moves}
        same = " and ".join(f"t.{values[key][0]} = {values[key][1]}" for key in values if key in keys)
        moved = [pair for source, pair in values.items() if source not in keys]
        if moved and self._keyed():
            changes = ", ".join(f"{name} = values({name})" for name, _ in moved)
            yield f"{self.insertion(drift)} on duplicate key update {changes}"
            return
        if moved:
            changes = ", ".join(f"t.{name} = {value}" for name, value in moved)
            yield f"update {self.table} t join {self.stage.table} s on {same} set {changes}"
        yield f"delete s from {self.stage.table} s join {self.table} t on {same}"
        yield self.insertion(drift)

    def _keyed(self) -> bool:
        """Tell whether the key is the only unique index of the table."""
        targets = {move.target.lower() for move in self.drift.moves if move.source in self.target.keys}
        return self.facts is not None and self.facts.unique == (frozenset(targets),)

    def _column_changes(self, facts: TableFacts) -> Iterator[str]:
        for column in self.drift.added:
            yield f"add column {quoted(column.name)} {self.stage.typed(column.type)} null"
        for column in self.drift.changed:
            found = facts.column(column.name)
            assert found is not None
            null = "null" if found.nullable else "not null"
            widened = DIALECT.lattice.wider(found.kind, column.type) == column.type
            attributes = found.attributes(widened=widened)
            yield f"modify column {quoted(found.name)} {self.stage.typed(column.type)} {null} {attributes}"

    # -- under a name ------------------------------------------------------------------------------------------------

    def _by_name(self, facts: TableFacts) -> bool:
        """Tell whether a new table takes the place of the old one: it must lose nothing, and be worth it."""
        needed = bool(self.drift.changed)
        if not needed and (facts.rows < _LARGE or self.call.advances):
            return False
        tied = facts.tied or ("position, which is committed with rows," if self.call.advances else "")
        if tied and needed:
            raise DriverError(
                f"the types of {self.target.name} change, and a new table in its place would lose its {tied}",
                code="DRV104",
                found=f"a table with {tied}",
                expected="a table that can be made anew",
                fix="alter the columns by hand, or convert the rows in a step before",
            )
        return not facts.tied

    def _appear(self, rows: int) -> None:
        """Turn the staging table into the target, which is not there yet."""
        self.stage.drop_numbers()
        if self.target.keys:
            self.session.run(f"alter table {self.stage.table} add primary key ({listed(self.target.keys)})")
        if self.call.advances:
            self._fill_new(rows)
        else:
            self._mark(self.stage.table, rows, "")
            self._rename([(self.stage.table, self.table)], rows, "")

    def _fill_new(self, rows: int) -> None:
        """Make the target and fill it in a transaction: a position is committed with its rows or not at all."""
        self.session.run(f"create table {self.table} like {self.stage.table}")
        try:
            self._transaction(lambda: self.session.run(self.insertion(self.drift)), rows)
        except DriverError:
            if not self.session.broken and not self.session.committing:
                self.session.run("rollback")
                self.session.run(f"drop table if exists {self.table}")
            raise

    def _swap(self, facts: TableFacts, rows: int) -> None:
        new, old = (self.stage.table.removesuffix("`") + f"{suffix}`" for suffix in (NEW, OLD))
        for leftover in (new, old):
            self.session.run(f"drop table if exists {leftover}")
        self.session.run(f"create table {new} like {self.table}")
        try:
            for statement in self._column_changes(facts):
                self.session.run(f"alter table {new} {statement}")
            self._mark(new, rows, facts.comment)
            self.session.run(self._insertion(new, self.drift))
            self._rename([(self.table, old), (new, self.table)], rows, facts.comment)
        finally:
            for leftover in (new, old):
                if not self.session.broken:
                    self.session.run(f"drop table if exists {leftover}")

    def _mark(self, table: str, rows: int, comment: str) -> None:
        mark = f"osiris load {digest_of(self.call, self.target)} of {self.call.run_id}: {rows} rows. {comment}"
        self.session.run(f"alter table {table} comment = {self.session.text(mark[:2048])}")

    def _rename(self, names: list[tuple[str, str]], rows: int, comment: str) -> None:
        self.session.stop.check()
        self.session.committing = True
        self.session.run("rename table " + ", ".join(f"{before} to {after}" for before, after in names))
        self.session.committing = False
        # It is done. Should the rest fail, the mark stays in the comment, where a retry looks as well.
        with suppress(DriverError):
            self._transaction(lambda: None, rows)
            self.session.run(f"alter table {self.table} comment = {self.session.text(comment)}")


def _wall_clock(value: date | datetime) -> str:
    """Instants are kept as the wall clock of UTC."""
    return typed(value.replace(tzinfo=None) if isinstance(value, datetime) else value)


def marked_rows(facts: TableFacts | None, call: StepCall, target: Target) -> int | None:
    """Return the rows of this load if the target's comment says that it is done, None otherwise."""
    found = _MARK.fullmatch(facts.comment) if facts else None
    if not found or found["digest"] != digest_of(call, target) or not is_same_load(call, found["run"]):
        return None
    return int(found["rows"])


def comment_without_mark(comment: str) -> str:
    """Return what a comment says beside the mark of a load."""
    found = _MARK.fullmatch(comment)
    return found["comment"] if found else comment


def _is_deadlock(error: DriverError) -> bool:
    return error.first.code == "DRV094" and "1213" in error.first.message
