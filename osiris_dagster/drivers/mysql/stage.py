"""The staging table of a write to MySQL, and the questions by which its rows are checked.

It has no key, and all its columns take NULL: LOAD DATA LOCAL drops a row whose key is there already, and puts something
else in place of a NULL that is not allowed, with no more than a warning. Here all rows arrive, and are counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from osiris_dagster.drivers.tables.store import Stage

_PREFIX = 191  # letters of a text that an index holds, whatever the row format: 767 bytes, four for each letter
_NUMBER = "_osiris_row"
"""Column with the place of each row, where `on_duplicate` wants the first or last."""


@dataclass
class Staging(Stage):
    """The staging table of one write."""

    session: Session
    table: str  # qualified and quoted
    columns: tuple[TableColumn, ...]
    numbered: bool  # whether rows carry their place
    collation: str  # of new text columns: equal texts are equal bytes
    drift: Drift
    facts: TableFacts | None  # of the target

    def _create(self) -> None:
        """Make the empty table: with the types of the rows, and of the target where it holds texts and bytes.

        So texts compare as they will in the target, and what is too long for it shows while rows are loaded. All other
        columns keep the type of the rows: the target's might change a value as it is loaded, and `misfits` would then
        compare what was changed with itself. A column of the target that is itself about to change is no model either.
        """
        there = {move.source: self.facts.column(move.target) for move in self.drift.moves} if self.facts else {}
        changed = {column.name for column in self.drift.changed}
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

    def fill(self, rows: Watched) -> int:
        """Make the table and stream all rows in."""
        self._create()
        schema = rows.schema.append(pa.field(_NUMBER, pa.int64())) if self.numbered else rows.schema
        load = load_by_file if self.session.value("select @@local_infile") else load_by_insert
        return load(self.session, self.table, self._batches(rows), schema)

    def _batches(self, watched: Watched) -> Iterator[pa.RecordBatch]:
        for batch in watched:
            self.session.stop.check()
            if batch.num_rows:
                yield numbered(batch, _NUMBER, watched.rows - batch.num_rows) if self.numbered else batch

    def nulls(self, keys: Sequence[str]) -> Iterator[int]:
        """Yield for each key column how many rows have none."""
        counts = ", ".join(f"coalesce(sum({quoted(key)} is null), 0)" for key in keys)
        yield from map(int, self.session.rows(f"select {counts} from {self.table}")[0])

    def repeated(self, keys: Sequence[str]) -> int:
        """Return how many keys stand in several rows."""
        grouped = f"select 1 from {self.table} group by {listed(keys)} having count(*) > 1"
        return self.number(f"select count(*) from ({grouped}) q")

    def keep_one(self, keys: Sequence[str], kept: str) -> int:
        """Drop all rows of a key but the first or last, by their numbers. Return the rows dropped.

        Keys are equal as the target compares them, and never NULL: rows with such a key were refused before.
        """
        same, end = listed(keys), "min" if kept == "first" else "max"
        joined = " and ".join(f"s.{quoted(key)} = d.{quoted(key)}" for key in keys)
        return self.session.run(
            f"delete s from {self.table} s join (select {same}, {end}({_NUMBER}) as kept from {self.table} "
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

    def number(self, statement: str) -> int:
        """Execute a statement; return the one number that it gives."""
        return int(self.session.value(statement))

    def misfits(self, move: Move, own: str) -> int:
        """Return how many values the type of their target column does not hold exactly.

        What a comparison cannot decide (NULL) counts as a misfit. Only a NULL in the rows fits everywhere.
        """
        if _same_sort(move.type, own):
            return 0
        column = f"s.{quoted(move.source)}"
        return self.number(
            f"select count(*) from {self.table} s where {column} is not null "
            f"and coalesce({_changed(column, own, move.type)}, true)"
        )

    def drop(self) -> None:
        """Remove the table if it is there."""
        self.session.run(f"drop table if exists {self.table}")


def _same_sort(table: str, rows: str) -> bool:
    """Tell whether the column is staged as the target has it, so that loading itself shows what does not fit."""
    return (is_text(table) and is_text(rows)) or (is_bytes(table) and (is_bytes(rows)))


def _changed(column: str, own: str, there: str) -> str:
    """Return the condition under which a value is another one as the type `there`.

    It must be true for every value that would change, may be NULL (see `misfits`), and is plainly true for a pair of
    types that nobody thought of: such rows are refused rather than changed. A type of whole numbers is tried by its
    bounds, for to most of them MySQL has no cast.

    A text is only a number if all of it has the shape of one; the cast alone would take the 12 of `12abc`. The shape
    has no more digits than the wide decimal that it is cast to (35 and 30 are its 65), so that this cast is exact, and
    the number is then judged as any other.
    """
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
