"""Answers for connections of the family: whether the server answers, and the tables and views that it holds."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from osiris_dagster.drivers.batches import name_of_type
from osiris_dagster.drivers.inspection import ConnectionCall, FoundColumn, FoundTable, Probe, wanted
from osiris_dagster.drivers.postgres.endpoint import endpoint
from osiris_dagster.drivers.postgres.read_types import DEFAULT_UNBOUNDED, fields_of
from osiris_dagster.drivers.postgres.refusal import refusal_of
from osiris_dagster.drivers.postgres.session import Session, Switch
from osiris_dagster.errors import ConfigError, DriverError
from osiris_dagster.sql.quoting import quoted

_TABLES = """
    select c.oid, n.nspname, c.relname, c.relkind in ('v', 'm'), nullif(c.reltuples, -1)::bigint,
      coalesce(obj_description(c.oid, 'pg_class'), '')
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
      and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', '_osiris') order by 2, 3
"""
_COLUMNS = """
    select a.attrelid, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), not a.attnotnull,
      coalesce(col_description(a.attrelid, a.attnum), '')
    from pg_catalog.pg_attribute a where a.attrelid = any(%s) and a.attnum > 0 and not a.attisdropped
    order by a.attrelid, a.attnum
"""
_KEYS = """
    select i.indrelid, array_agg(a.attname::text order by array_position(i.indkey::int2[], a.attnum))
    from pg_catalog.pg_index i join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
    where i.indisprimary and i.indrelid = any(%s) group by i.indrelid
"""


class PostgresInspector:
    """Connects as an extractor would, for each question anew."""

    def __init__(self, call: ConnectionCall) -> None:
        self._call = call
        self._switch = Switch()

    def probe(self) -> Probe:
        """Connect and ask for the version."""
        try:
            with closing(self._session("")) as session:  # who shows the answer says which connection it is
                start = time.perf_counter()
                ((version,),) = session.rows("show server_version")
                latency = (time.perf_counter() - start) * 1000
        except ConfigError as error:
            return Probe("configuration", error.first.message, error.first.fix)
        except DriverError as error:
            return Probe(refusal_of(error.__cause__).category, error.first.message, error.first.fix)
        return Probe("ok", server=f"PostgreSQL {version.split()[0]}", latency_ms=round(latency, 1))

    def tables(self, pattern: str) -> tuple[FoundTable, ...]:
        """Return tables, views and the like; a row count is what the last ANALYZE estimated."""
        with closing(self._session(self._call.reference)) as session:
            session.begin("isolation level repeatable read read only")
            session.execute(f"set local statement_timeout = '{math.ceil(self._call.timeout * 1000)}ms'")
            chosen = [row for row in session.rows(_TABLES) if wanted(pattern, row[1], row[2])]
            oids = [row[0] for row in chosen]
            keys = dict(session.rows(_KEYS, [oids]))
            columns: dict[int, list[tuple[Any, ...]]] = {}
            for oid, *column in session.rows(_COLUMNS, [oids]):
                columns.setdefault(oid, []).append(tuple(column))
            return tuple(_table(session, row, columns.get(row[0], []), keys.get(row[0], [])) for row in chosen)

    def stamp(self) -> str:
        """Return nothing: a server has no cheap sign of change."""
        return ""

    def close(self) -> None:
        """End what a question left open."""
        self._switch.close()

    def _session(self, reference: str) -> Session:
        seconds = str(max(2, math.ceil(self._call.timeout)))  # libpq takes less than 2 for 2
        place = endpoint(self._call.connection, reference, "inspection", connect_timeout=seconds)
        return self._switch.open(place, patient=False)


def _table(session: Session, row: Sequence[Any], columns: Sequence[Sequence[Any]], key: Sequence[str]) -> FoundTable:
    _, schema, name, is_view, rows, comment = row
    types, problem = {}, ""
    try:
        with session.savepoint():
            fields = fields_of(session, f"select * from {quoted(schema, name)}", DEFAULT_UNBOUNDED)
            types = {field.name: name_of_type(field.type) for field in fields}
    except DriverError as error:
        problem = error.first.message
    found = tuple(
        FoundColumn(column, types.get(column, ""), source, nullable, note) for column, source, nullable, note in columns
    )
    return FoundTable(schema, name, "view" if is_view else "table", found, tuple(key), rows, comment, problem)
