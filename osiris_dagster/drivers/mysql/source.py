"""The configuration of an extractor in, the statement to run out, with tables and columns looked up first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.mysql.names import listed, quoted
from osiris_dagster.drivers.mysql.positions import condition
from osiris_dagster.drivers.mysql.session import Session
from osiris_dagster.drivers.tables.reading import unknown


@dataclass(frozen=True, slots=True)
class Source:
    """One SELECT. A query keeps its order only where nothing is written around it, so it is cut on this side."""

    statement: str
    skip: int = 0  # rows to leave out at the front
    most: int | None = None  # rows that the statement is to give at most, those to skip included

    def cut(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the rows that were asked for."""
        skip, left = self.skip, None if self.most is None else self.most - self.skip
        for batch in batches:
            part = batch.slice(min(skip, batch.num_rows), left)
            skip -= min(skip, batch.num_rows)
            if left is not None:
                left -= part.num_rows
            yield part


def source_of(call: StepCall, session: Session, query: str) -> Source:
    """Return the statement; `query` is the judged one, if any. DriverError for a table or column that is not there.

    Columns that nobody reads after it are left out of a table; a query is not wrapped for that, to keep its order.
    """
    config: Mapping[str, Any] = call.config
    table, columns = config.get("table"), config.get("columns")
    conditions = [f"(\n{config['filter']}\n)"] if config.get("filter") else []
    conditions += [condition(session, call.since)] if call.since else []
    limit, offset = config.get("limit"), int(config["offset"])
    if query:
        if columns or conditions:
            query = f"select {listed(columns, 'q') if columns else '*'} from (\n{query}\n) q"
            query += f"\nwhere {' and '.join(conditions)}" if conditions else ""
        return Source(query, offset, None if limit is None else offset + int(limit))
    database = config.get("database") or session.settings.database
    known = _columns(session, database, str(table))
    selected = call.selected(known)
    _check(selected, known)
    parts = [f"select {listed(selected)} from {quoted(database, str(table))}"]
    if conditions:
        parts.append(f"where {' and '.join(conditions)}")
    if limit is not None or offset:
        parts.append(f"limit {_ALL if limit is None else int(limit)} offset {offset}")
    return Source("\n".join(parts))


_ALL = 2**63 - 1


def _columns(session: Session, database: str, table: str) -> list[str]:
    """Return the columns of a table; DriverError with the nearest name when it is not there."""
    names = session.rows(
        "select column_name from information_schema.columns where table_schema = "
        f"{session.text(database)} and table_name = {session.text(table)} order by ordinal_position"
    )
    if names:
        return [str(name) for (name,) in names]
    tables = session.rows(
        f"select table_name from information_schema.tables where table_schema = {session.text(database)}"
    )
    raise unknown("table", f"{database}.{table}", table, [str(name) for (name,) in tables])


def _check(columns: Sequence[str], known: list[str]) -> None:
    folded = {name.lower() for name in known}
    for column in columns:
        if column.lower() not in folded:
            raise unknown("column", column, column, known)
