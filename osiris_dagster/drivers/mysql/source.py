"""Makes the statement that an extractor runs, with its table and columns looked up first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.mysql.names import listed, quoted
from osiris_dagster.drivers.mysql.session import Session
from osiris_dagster.drivers.positions import Since
from osiris_dagster.drivers.tables.reading import check_columns, unknown


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


def _newer(session: Session, since: Since) -> str:
    """Return the condition on new rows in SQL. The session's time zone is UTC, so an instant stands without one."""
    value = since.value.removesuffix("Z") if since.type.startswith("timestamptz") else since.value
    return replace(since, value=value).condition(quoted, session.text)


def source_of(call: StepCall, session: Session, query: str) -> Source:
    """Return the statement, of the judged `query` if there is one. DriverError for an unknown table or column.

    Columns that nobody reads after it are left out of a table; a query is not wrapped for that, to keep its order.
    """
    config: Mapping[str, Any] = call.config
    table, columns = config.get("table"), config.get("columns")
    conditions = [f"(\n{config['filter']}\n)"] if config.get("filter") else []
    conditions += [_newer(session, call.since)] if call.since else []
    limit, offset = config.get("limit"), int(config["offset"])
    if query:
        if columns or conditions:
            query = f"select {listed(columns, 'q') if columns else '*'} from (\n{query}\n) q"
            query += f"\nwhere {' and '.join(conditions)}" if conditions else ""
        return Source(query, offset, None if limit is None else offset + int(limit))
    database = config.get("database") or session.settings.database
    known = _columns(session, database, str(table))
    selected = call.selected(known)
    check_columns(selected, known, str.lower)
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
