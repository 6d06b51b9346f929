"""The staging table of a write to PostgreSQL. Only this transaction sees it, and it ends with it, however that ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from osiris_dagster.drivers.batches import Watched
from osiris_dagster.drivers.postgres.copy_encode import HEADER, TRAILER, encode
from osiris_dagster.drivers.postgres.faults import named_faults
from osiris_dagster.drivers.postgres.session import Session
from osiris_dagster.drivers.stopping import StopSign
from osiris_dagster.drivers.tables.dialect import TableColumn
from osiris_dagster.drivers.tables.drift import Move
from osiris_dagster.drivers.tables.refusals import values_do_not_fit
from osiris_dagster.drivers.tables.store import Stage
from osiris_dagster.errors import DriverError
from osiris_dagster.sql.quoting import listed, quoted

_READ_AS_VALUES = (
    "smallint", "integer", "bigint", "real", "double precision", "numeric", "boolean", "bytea", "date", "timestamp",
    "time", "interval",
)  # fmt: skip
"""Types whose text has many forms of one value; text that goes there has to be the form that comes back."""
_CHUNK = 1 << 20  # bytes handed to libpq at once


class Staging(Stage):
    """The staging table of one write, `table` in SQL."""

    def __init__(self, session: Session, table: str, columns: tuple[TableColumn, ...], *, temporary: bool) -> None:
        self.table = table
        self.columns = columns
        self.temporary = temporary
        self._session = session

    def create(self, table: str) -> None:
        """Make an empty table with the columns of this one."""
        columns = ", ".join(f"{quoted(column.name)} {column.type}" for column in self.columns)
        kind, end = ("temporary ", " on commit drop") if self.temporary and table == self.table else ("", "")
        self._session.execute(f"create {kind}table {table} ({columns}){end}")

    def fill(self, rows: Watched) -> int:
        """Make the table and stream all rows in."""
        self.create(self.table)
        session, source = self._session, _Source(rows, self._session.stopped)
        names = listed(column.name for column in self.columns)
        try:
            with named_faults(session.place, session.stopped), session.connection.cursor() as cursor:
                cursor.copy_expert(f"copy {self.table} ({names}) from stdin (format binary)", source, _CHUNK)
                return int(cursor.rowcount)
        except DriverError:
            if source.error is not None:  # libpq only says that reading failed
                raise source.error from None
            raise

    def keep_one(self, keys: Sequence[str], kept: str) -> int:
        """Drop all rows of a key but the first or last, by their places in the table. Return the rows dropped."""
        order = "" if kept == "first" else " desc"
        ranked = f"select ctid as place, row_number() over (partition by {listed(keys)} order by ctid{order}) as rank"
        return self._session.number(
            f"with gone as (delete from {self.table} s using ({ranked} from {self.table}) r "
            "where s.ctid = r.place and r.rank > 1 returning 1) select count(*) from gone"
        )

    def number(self, statement: str) -> int:
        """Execute a statement; return the one number that it gives."""
        return self._session.number(statement)

    def misfits(self, move: Move, own: str) -> int:
        """Return how many values the type of their target column does not hold exactly."""
        try:
            with self._session.savepoint():
                return self._session.number(f"select count(*) from {self.table} s where {_changed(move, own)}")
        except DriverError as error:
            if error.first.code not in ("DRV025", "DRV069"):
                raise
            raise values_do_not_fit(move.source, own, move.type) from error


def _changed(move: Move, own: str) -> str:
    """Return the condition that holds for values which the type of the target would change."""
    value, there = f"s.{quoted(move.source)}", f"(s.{quoted(move.source)})::{move.type}"
    if own != "text" or move.type.startswith(_READ_AS_VALUES):
        return f"({there})::{own} is distinct from {value}"
    if move.type.startswith("character("):  # padded, and spaces at the end mean nothing there
        return f"rtrim({there}::text, ' ') is distinct from rtrim({value}, ' ')"
    if move.type.startswith(("character varying", "bit")):  # a cast cuts or fills up
        return f"{there}::text is distinct from {value}"
    return f"{value} is not null and {there} is null"  # JSON, uuid, ...: what the type takes, it keeps


class _Source:
    """The file that libpq reads COPY data from: header, one encoded batch after the other, trailer."""

    def __init__(self, watched: Watched, stopped: StopSign) -> None:
        self.error: BaseException | None = None
        self._chunks = self._encoded(watched, stopped)
        self._held = memoryview(b"")

    @staticmethod
    def _encoded(watched: Watched, stopped: StopSign) -> Iterator[bytes | pa.Buffer]:
        yield HEADER
        for batch in watched:
            stopped.check()
            if batch.num_rows:
                yield encode(batch)
        stopped.check()
        yield TRAILER

    def readline(self, size: int = -1) -> bytes:
        """Part of what psycopg2 asks of a file; it never calls it."""
        return self.read(size)

    def read(self, size: int = -1, /) -> bytes:
        try:
            while not self._held:
                self._held = memoryview(next(self._chunks))
        except StopIteration:
            return b""
        except BaseException as error:
            self.error = error
            raise
        piece, self._held = self._held[:size].tobytes(), self._held[size:]
        return piece
