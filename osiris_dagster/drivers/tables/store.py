"""What a family supplies so that its tables can be written: where to run SQL, and the SQL that only it has.

The courses (`one_transaction`, `staged_then_changed`) say what happens in which order; a store says how. Between them
pass frozen values: the target, the columns found, the plan of drift. A family whose database undoes DDL with a
transaction derives from `TransactionStore`, one whose server commits with every DDL from `StagedStore`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import ClassVar, Generic, Protocol, TypeVar

import pyarrow as pa

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.batches import Watched
from osiris_dagster.drivers.tables.dialect import Dialect, TableColumn
from osiris_dagster.drivers.tables.drift import Drift, Move
from osiris_dagster.drivers.tables.insertion import Insertion
from osiris_dagster.drivers.tables.records import Records
from osiris_dagster.drivers.tables.slices import condition
from osiris_dagster.drivers.tables.target import Target
from osiris_dagster.oml.partition_slice import Slice
from osiris_dagster.sql.quoting import listed, quoted

Found = TypeVar("Found")
"""What a family knows about a table that is there."""
Result = TypeVar("Result")


class KeyedRows(Protocol):
    """Rows that were set aside to be checked."""

    def nulls(self, keys: Sequence[str]) -> Iterable[int]:
        """Yield for each key column how many rows have none; asks only as far as it is iterated."""
        ...

    def repeated(self, keys: Sequence[str]) -> int:
        """Return how many keys stand in several rows."""
        ...

    def keep_one(self, keys: Sequence[str], kept: str) -> int:
        """Drop all rows of a key but the `first` or `last` that came. Return the rows dropped."""
        ...


class Stage(KeyedRows, ABC):
    """A table that holds the rows of one write until they are checked; nobody else sees it."""

    table: str  # qualified and quoted
    columns: tuple[TableColumn, ...]  # of the rows, with the types of the database

    @abstractmethod
    def number(self, statement: str) -> int:
        """Execute a statement; return the one number that it gives."""

    @abstractmethod
    def fill(self, rows: Watched) -> int:
        """Make the table and stream all rows in. Return how many the database says there are."""

    def nulls(self, keys: Sequence[str]) -> Iterator[int]:
        """Yield for each key column how many rows have none."""
        for key in keys:
            yield self.number(f"select count(*) from {self.table} where {quoted(key)} is null")

    def repeated(self, keys: Sequence[str]) -> int:
        """Return how many keys stand in several rows."""
        grouped = f"select 1 from {self.table} group by {listed(keys)} having count(*) > 1"
        return self.number(f"select count(*) from ({grouped}) twice")

    def keep_one(self, keys: Sequence[str], kept: str) -> int:
        """Drop all rows of a key but the first or last, where rows have an id in the order in which they came."""
        end = "min" if kept == "first" else "max"
        left = f"select {end}(rowid) from {self.table} group by {listed(keys)}"
        return self.number(f"delete from {self.table} where rowid not in ({left})")

    @abstractmethod
    def misfits(self, move: Move, own: str) -> int:
        """Return how many values of a column of type `own` another type would change; may raise the refusal itself."""


class ChangeSql(Protocol):
    """The statements that change the rows of a table that is there, by those of a staging table."""

    table: str  # the qualified target

    def alterations(self, drift: Drift) -> Iterable[str]:
        """Yield the statements that give the table the planned columns."""
        ...

    def in_slice(self, rows: Slice, column: str) -> str:
        """Return the condition of a partition on a column of the table."""
        ...

    def insertion(self, drift: Drift) -> str:
        """Return the statement that adds all staged rows."""
        ...

    def upsert(self, drift: Drift, keys: Sequence[str]) -> Iterable[str]:
        """Yield the statements that update known keys and add the others; `keys` are named as the rows do."""
        ...


class Store(ABC, Generic[Found]):
    """One write of one step, in one session."""

    dialect: ClassVar[Dialect]

    def __init__(self, call: StepCall, target: Target, row_columns: tuple[TableColumn, ...]) -> None:
        """`row_columns` are those that the rows will have in the staging table."""
        self.call = call
        self.target = target
        self.row_columns = row_columns

    @abstractmethod
    def prepare(self) -> bool:
        """Make the record of loads; tell whether it can be kept."""

    @abstractmethod
    def find(self) -> Found | None:
        """Look the target up. DriverError for what is no table."""

    @abstractmethod
    def columns(self, found: Found) -> tuple[TableColumn, ...]:
        """Return the columns of the target that rows can bring."""

    @abstractmethod
    def stage(self, found: Found | None, drift: Drift) -> Stage:
        """Return the staging table, not yet made; `drift` is the plan as long as the target stays as it is."""


class TransactionStore(Store[Found], ChangeSql):
    """A database in which making and changing a table is undone with the transaction."""

    table: str
    records: Records
    staging: Stage
    renamed: ClassVar[str] = " t"  # how an UPDATE calls its table `t`

    @abstractmethod
    def run(self, statement: str) -> object:
        """Execute a statement whose rows nobody wants."""

    def undoing(self) -> AbstractContextManager[None]:
        """Around everything from here on: on any error nothing of it stays."""
        return nullcontext()

    @abstractmethod
    def committing(self) -> AbstractContextManager[None]:
        """Take the right to change the target; commit at the end of the block, or undo it."""

    def tried(self, change: Callable[[], Result]) -> Result:
        """Make the change, again where the database undid it at our expense."""
        return change()

    def value(self, move: Move) -> str:
        """Return what to insert for a column of the rows, of the staging table `s`."""
        return f"s.{quoted(move.source)}"

    def overriding(self, drift: Drift) -> str:  # noqa: ARG002 - most databases take every value
        """Return what stands between the columns of an INSERT and its values."""
        return ""

    def in_slice(self, rows: Slice, column: str) -> str:
        """Return the condition of a partition on a column of the table."""
        return condition(rows, quoted(column))

    def insertion(self, drift: Drift) -> str:
        """Return the statement that adds all staged rows."""
        return self._insertion(drift).insert()

    def upsert(self, drift: Drift, keys: Sequence[str]) -> Iterator[str]:
        """Yield the statements that update known keys and add the others."""
        insertion = self._insertion(drift)
        yield from insertion.upsert(keys, unique=self.is_unique([insertion.targets[key] for key in keys]))

    def _insertion(self, drift: Drift) -> Insertion:
        targets = {move.source: move.target for move in drift.moves}
        values = {move.source: self.value(move) for move in drift.moves}
        return Insertion(self.table, self.staging.table, targets, values, self.overriding(drift), self.renamed)

    def is_unique(self, columns: Sequence[str]) -> bool:  # noqa: ARG002 - where nobody knows, keys are looked up
        """Tell whether the table that was found keeps these columns unique itself, at once and for all rows."""
        return False

    @abstractmethod
    def appear(self, drift: Drift) -> None:
        """Make the target of the staged rows; it was not there a moment ago."""

    def total(self) -> int | None:
        """Return the rows of the target, None where counting is dear."""
        return self.staging.number(f"select count(*) from {self.table}")


class StagedStore(Store[Found]):
    """A database that commits with every DDL: all of it happens apart from the rows, before they change."""

    @abstractmethod
    def lease(self) -> None:
        """Open the session, and wait until no other run writes the target. DriverError when that takes too long."""

    @abstractmethod
    def committed(self, found: Found | None) -> int | None:
        """Return the rows that this load committed already, however that shows; None when it has to be done."""

    @abstractmethod
    def make_room(self) -> None:
        """Tidy the record, and make what the load needs beside the target."""

    @abstractmethod
    def watched(self, rows: pa.RecordBatchReader, drift: Drift) -> Watched:
        """Return the rows with the checks that their types leave open."""

    @abstractmethod
    def change(self, found: Found | None, drift: Drift, rows: int) -> None:
        """Change the target in one step; returns when that is committed, also if the answer was lost."""

    @abstractmethod
    def total(self, found: Found | None, rows: int) -> int | None:
        """Return the rows of the target after `rows` were written, None where counting is dear."""

    @abstractmethod
    def clean(self) -> None:
        """Drop the staging table, whatever happened; what stays, the next run drops."""
