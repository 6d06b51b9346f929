"""The staging table of a write to SQLite. It lies in a file of the connection's own: the target is not locked.

Rows are staged in the types of the target: what a type of the target does not hold exactly shows as they come.
"""

from __future__ import annotations

import pyarrow as pa

from osiris_dagster.drivers.batches import Watched
from osiris_dagster.drivers.sqlite.cells import cells_of, fitting, read_as
from osiris_dagster.drivers.sqlite.session import Session
from osiris_dagster.drivers.tables.dialect import TableColumn
from osiris_dagster.drivers.tables.drift import Move
from osiris_dagster.drivers.tables.refusals import values_do_not_fit
from osiris_dagster.drivers.tables.store import Stage
from osiris_dagster.sql.quoting import listed, quoted


class Staging(Stage):
    """The staging table of one write."""

    table = quoted("temp", "_osiris_stage")

    def __init__(self, session: Session, columns: tuple[TableColumn, ...], moves: tuple[Move, ...]) -> None:
        self.columns = columns
        self.moves = moves
        self._session = session

    def fill(self, rows: Watched) -> int:
        """Make the table and stream all rows in."""
        names = [move.source for move in self.moves]
        self._session.rows(f"create temp table {self.table.partition('.')[2]} ({listed(names)})")
        insert = f"insert into {self.table} values ({', '.join('?' * len(names))})"
        with self._session.transaction():
            for batch in rows:
                self._session.stopped.check()
                cells = [self._cells(batch, move) for move in self.moves]
                with self._session.faults():
                    self._session.connection.executemany(insert, zip(*cells, strict=True))
        return self._session.number(f"select count(*) from {self.table}")

    def _cells(self, batch: pa.RecordBatch, move: Move) -> list[object]:
        column = batch.column(move.source)
        own = next(each.type for each in self.columns if each.name == move.source)
        try:
            there = fitting(fitting(column, own), read_as(move.type))
        except pa.ArrowException as error:
            raise values_do_not_fit(move.source, own, move.type) from error
        return cells_of(there, move.source)

    def number(self, statement: str) -> int:
        """Execute a statement; return the one number that it gives, or how many rows it changed."""
        return self._session.number(statement)

    def misfits(self, move: Move, own: str) -> int:  # noqa: ARG002 - the shape of Stage
        """Return none: they were refused as they came."""
        return 0
