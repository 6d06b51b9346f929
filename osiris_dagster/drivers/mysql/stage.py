"""Rows in, a checked staging table out. It has no key, so that no row is dropped unsaid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from osiris_dagster.drivers.batches import Watched
from osiris_dagster.drivers.mysql.dialect import WHOLE, is_bytes, is_text
from osiris_dagster.drivers.mysql.encode import numbered
from osiris_dagster.drivers.mysql.names import listed, quoted
from osiris_dagster.drivers.mysql.send import load_by_file, load_by_insert
from osiris_dagster.drivers.mysql.session import Session
from osiris_dagster.drivers.mysql.table import TableFacts
from osiris_dagster.drivers.tables.dialect import TableColumn
from osiris_dagster.drivers.tables.drift import Drift, Move
from osiris_dagster.drivers.tables.refusals import null_key, repeated_keys, rows_lost, values_do_not_fit

_PREFIX = 191  # letters of a text that an index holds, whatever the row format
_NUMBER = "_osiris_row"
"""Column with the place of each row, where `on_duplicate` wants the first or last."""


@dataclass
class Stage:
    """The staging table of one write."""

    session: Session
    table: str  # qualified and quoted
    columns: tuple[TableColumn, ...]
    numbered: bool  # whether rows carry their place
    collation: str  # of new text columns: equal texts are equal bytes

    def create(self, drift: Drift, facts: TableFacts | None) -> None:
        """Make the empty table: with the types of the rows, and of the target where it holds texts and bytes.

        So texts compare as they will in the target, and what is too long for it shows while rows are loaded.
        """
        there = {move.source: facts.column(move.target) for move in drift.moves} if facts else {}
        changed = {column.name for column in drift.changed}
        columns = []
        for column in self.columns:
            found = there.get(column.name)
            alike = found and found.name not in changed and _same_sort(found.kind, column.type)
            columns.append(
                f"{quoted(column.name)} {found.definition if found and alike else self.typed(column.type)} null"
            )
        if self.numbered:
            columns.append(f"{_NUMBER} bigint not null")
        self.session.run(f"create table {self.table} ({', '.join(columns)}) engine = InnoDB {self.collation}")

    def typed(self, kind: str) -> str:
        """Return the type as a declaration, with the character set that texts get."""
        return f"{kind} {self.collation}" if is_text(kind) else kind

    def fill(self, watched: Watched) -> None:
        """Stream all rows in; DriverError when not all of them arrive."""
        schema = watched.schema.append(pa.field(_NUMBER, pa.int64())) if self.numbered else watched.schema
        load = load_by_file if self.session.value("select @@local_infile") else load_by_insert
        arrived = load(self.session, self.table, self._batches(watched), schema)
        if arrived != watched.rows:
            raise rows_lost(watched.rows, arrived)

    def _batches(self, watched: Watched) -> Iterator[pa.RecordBatch]:
        for batch in watched:
            self.session.stop.check()
            if batch.num_rows:
                yield numbered(batch, _NUMBER, watched.rows - batch.num_rows) if self.numbered else batch

    def check_keys(self, keys: Sequence[str], on_duplicate: str) -> int:
        """Refuse NULL keys; refuse duplicates or drop all but the first or last. Return the rows dropped."""
        nulls = ", ".join(f"coalesce(sum({quoted(key)} is null), 0)" for key in keys)
        for key, missing in zip(keys, self.session.rows(f"select {nulls} from {self.table}")[0], strict=True):
            if missing:
                raise null_key(key, int(missing))
        same = listed(keys)
        twice = self.session.value(
            f"select count(*) from (select 1 from {self.table} group by {same} having count(*) > 1) q"
        )
        if not twice:
            return 0
        if on_duplicate == "error":
            raise repeated_keys(keys, int(twice))
        kept = "min" if on_duplicate == "first" else "max"
        joined = " and ".join(f"s.{quoted(key)} = d.{quoted(key)}" for key in keys)
        return self.session.run(
            f"delete s from {self.table} s join (select {same}, {kept}({_NUMBER}) as kept from {self.table} "
            f"group by {same} having count(*) > 1) d on {joined} where s.{_NUMBER} <> d.kept"
        )

    def index(self, keys: Sequence[str]) -> None:
        """Make rows quick to find by their key, which may still occur twice."""
        kinds = {column.name: column.type for column in self.columns}
        long = {key for key in keys if is_text(kinds[key]) or is_bytes(kinds[key])}
        parts = (quoted(key) + (f"({_PREFIX})" if key in long else "") for key in keys)
        self.session.run(f"alter table {self.table} add key ({', '.join(parts)})")

    def drop_numbers(self) -> None:
        """Leave nothing but the columns of the rows."""
        if self.numbered:
            self.session.run(f"alter table {self.table} drop column {_NUMBER}")

    def count(self) -> int:
        """Return the number of rows."""
        return int(self.session.value(f"select count(*) from {self.table}"))

    def check_fit(self, moves: Sequence[Move]) -> None:
        """Refuse values that the type of their target column does not hold exactly."""
        own: Mapping[str, str] = {column.name: column.type for column in self.columns}
        for move in moves:
            if not move.checked or _same_sort(move.type, own[move.source]):
                continue
            column = f"s.{quoted(move.source)}"
            lost = self.session.value(
                f"select count(*) from {self.table} s where {column} is not null "
                f"and coalesce({_changed(column, own[move.source], move.type)}, true)"
            )
            if lost:
                raise values_do_not_fit(move.source, own[move.source], move.type, int(lost))

    def drop(self) -> None:
        """Remove the table if it is there."""
        self.session.run(f"drop table if exists {self.table}")


def _same_sort(table: str, rows: str) -> bool:
    """Tell whether the column is staged as the target has it, so that loading itself shows what does not fit."""
    return (is_text(table) and is_text(rows)) or (is_bytes(table) and (is_bytes(rows)))


def _changed(column: str, own: str, there: str) -> str:
    """Return the condition under which a value is another one as the type `there`."""
    number = own in WHOLE or own.startswith(("decimal", "float", "double"))
    moment = own.startswith(("date", "time"))
    if number and there in WHOLE:
        least, most = WHOLE[there]
        return f"{column} not between {least} and {most} or {column} <> floor({column})"
    if number and there.startswith("decimal"):
        return f"cast({column} as {there}) <> {column}"
    if number and there.startswith("bit("):
        most = 2 ** int(there[4:-1]) - 1
        return f"{column} not between 0 and {most} or {column} <> floor({column})"
    if number and there == "year":
        return f"{column} not between 1901 and 2155 and {column} <> 0 or {column} <> floor({column})"
    if moment and there.startswith(("date", "timestamp")) and own.startswith("date"):
        return f"cast({column} as {there.replace('timestamp', 'datetime')}) <> {column}"
    if moment and there.startswith("time") and own.startswith("time"):
        return f"cast({column} as {there}) <> {column}"
    if is_text(there):
        return "false"  # every value has a text, and strict mode refuses one that is too long
    if own.startswith(("longtext", "varchar")) and (there in WHOLE or there.startswith("decimal")):
        wide = "decimal(65,30)" if there.startswith("decimal") else "decimal(65,0)"
        shape = r"'^-?[0-9]{1,35}(\\.[0-9]{1,30})?$'" if there.startswith("decimal") else "'^-?[0-9]{1,35}$'"
        return f"{column} not regexp {shape} or ({_changed(f'cast({column} as {wide})', 'decimal', there)})"
    return "true"
