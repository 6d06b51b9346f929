"""Reads a table or a SELECT of a SQLite file as a stream of batches, in one transaction that cannot write.

The types of a table's columns come from the file. SQLite knows none for what a query computes: the step names them in
`types`, else all rows of the query are looked at before the first one is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from osiris_dagster.columns import is_type
from osiris_dagster.drivers.base import TARGET_BATCH_BYTES, StepCall
from osiris_dagster.drivers.batches import arrow_type_of
from osiris_dagster.drivers.positions import Since
from osiris_dagster.drivers.sqlite.catalogue import columns_of, look_up, names_of
from osiris_dagster.drivers.sqlite.cells import column_of, read_as
from osiris_dagster.drivers.sqlite.session import Session, opened
from osiris_dagster.drivers.stopping import Switch, Switched
from osiris_dagster.drivers.tables.extraction import TableReading
from osiris_dagster.drivers.tables.reading import check_columns, columns_to_read, query_of, selection, unknown_table
from osiris_dagster.drivers.tables.refusals import not_carried
from osiris_dagster.sql.quoting import quoted

_Kinds = Mapping[str, str]
_QUERY, _COPY = "_osiris_query", "_osiris_copy"
_FIRST_ROWS, _MOST_ROWS = 16, 1_024  # asked for at once: the next rows may be much larger than those before
_NUMBERS = {"integer": "int64", "real": "float64", "integer, real": "float64"}
_SEEN = {"": "null", "text": "string", "blob": "binary", **_NUMBERS}
"""What a column is read as, by the storage classes of its values."""


class Extraction(Switched[Session], TableReading):
    """One reading of one step."""

    def __init__(self, call: StepCall) -> None:
        TableReading.__init__(self, call)
        Switched.__init__(self, Switch())

    def _columns(self) -> pa.Schema:
        """Return the columns; only those that a query computes, and whose types nobody names, take reading rows."""
        return self._relation()[2]

    def _rows(self) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """Open the source. The file is closed after the last batch, at the latest by `close`."""
        session, statement, schema = self._relation()
        return schema, self._batches(session, statement, schema)

    def _batches(self, session: Session, statement: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Ask for as many rows at once as fill a batch, judged by the batch before."""
        if self._call.store_written:  # whoever writes the file has to commit, though nobody reads to the end
            session.rows(f"create temp table {_COPY} as {statement}")
            session.rows("commit")
            statement = f"select * from {_COPY}"
        cursor, done, most = session.cursor(statement), 0, _FIRST_ROWS
        while True:
            self._switch.stopped.check()
            with session.faults():
                rows = cursor.fetchmany(most)
            if not rows:
                break
            columns = zip(zip(*rows, strict=True), self._kinds.items(), strict=True)
            arrays = [column_of(cells, name, kind, done + 1) for cells, (name, kind) in columns]
            batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
            yield batch
            done += len(rows)
            most = max(1, min(_MOST_ROWS, len(rows) * TARGET_BATCH_BYTES // max(1, batch.nbytes)))
        self.close()

    def _relation(self) -> tuple[Session, str, pa.Schema]:
        """Return a session in a transaction, the statement to read there, and its columns."""
        config = self._call.config
        query = query_of(config, "sqlite")  # before the file is opened
        session = opened(self._call, self._switch, write=False)
        session.rows("begin")
        source, known, sortable = self._source(session, query)
        columns = columns_to_read(self._call, lambda: list(known), str.lower) or tuple(known)
        endless = {**config, "limit": -1} if config["offset"] and config.get("limit") is None else config
        statement = selection(endless, source, quoted, columns, self._since(sortable))
        self._kinds = self._types(session, statement, columns, known)
        fields = [pa.field(column, arrow_type_of(self._kinds[column], column)) for column in columns]
        return session, statement, pa.schema(fields)

    def _source(self, session: Session, query: str) -> tuple[str, _Kinds, set[str]]:
        """Return what to read from in SQL, the types of its columns, empty for unknown ones, and those that we made."""
        if query:
            session.rows(f"create temp view {quoted(_QUERY)} as {query}")
            columns = columns_of(session, _QUERY, {}, "temp")
            kinds = {column.name: column.declared and read_as(column.declared.upper()) for column in columns}
            return quoted("temp", _QUERY), kinds, set()
        table = self._call.config["table"]
        found = look_up(session, table)
        if found is None:
            raise unknown_table("main", table, [("main", name) for name, _ in names_of(session)])
        read = {column.name: read_as(column.type) for column in found.columns}
        return quoted("main", found.name), read, {column.name for column in found.columns if is_type(column.type)}

    def _since(self, ours: set[str]) -> Since | None:
        """Leave out what SQLite would compare otherwise than the runner, which looks at all rows again: decimals and
        times are texts there, and those of others may have any form.
        """
        since = self._call.since
        known = since and since.column in ours and not since.type.startswith("decimal")
        return since if known or (since and since.type.startswith(("int", "uint", "float"))) else None

    def _types(self, session: Session, statement: str, names: Sequence[str], known: _Kinds) -> dict[str, str]:
        named: _Kinds = self._call.config.get("types") or {}
        check_columns(named, list(known), str.lower)
        folded = {name.lower(): kind for name, kind in (*known.items(), *named.items())}
        return {column: folded[column.lower()] or self._seen(session, statement, column) for column in names}

    def _seen(self, session: Session, statement: str, column: str) -> str:
        """Return the type of which all values of a computed column are; DriverError for values of several."""
        found = session.rows(f"select distinct typeof({quoted(column)}) from (\n{statement}\n)")
        classes = ", ".join(sorted(name for (name,) in found if name != "null"))
        if classes not in _SEEN:
            raise not_carried(column, f"values that are {classes}", "a column has one type", "cast it in the query")
        return _SEEN[classes]
