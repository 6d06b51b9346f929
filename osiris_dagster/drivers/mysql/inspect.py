"""Answers for connections of the MySQL family: whether the server answers, and its database's tables and views."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from osiris_dagster.arrow import type_name
from osiris_dagster.drivers.inspection import Category, ConnectionCall, FoundColumn, FoundTable, Probe, wanted
from osiris_dagster.drivers.mysql.names import quoted
from osiris_dagster.drivers.mysql.rows.fields import Field, Policies, arrow_type_of_field
from osiris_dagster.drivers.mysql.rows.prepared import forget, prepare
from osiris_dagster.drivers.mysql.session import Session
from osiris_dagster.drivers.mysql.settings import settings_from
from osiris_dagster.drivers.stopping import StopSign
from osiris_dagster.drivers.tables.loads import SCHEMA
from osiris_dagster.errors import DriverError

_CATEGORIES: Mapping[str, Category] = {
    "DRV024": "not_found",
    "DRV091": "network",
    "DRV092": "auth",
    "DRV093": "timeout",
    "DRV095": "network",
}
_KEY = """
    select table_name, column_name from information_schema.statistics
    where table_schema = database() and index_name = 'PRIMARY' order by table_name, seq_in_index
"""
_COLUMNS = """
    select table_name, column_name, column_type, is_nullable, column_comment from information_schema.columns
    where table_schema = database() order by table_name, ordinal_position
"""
_TABLES = """
    select table_name, table_type, table_rows, table_comment from information_schema.tables
    where table_schema = database() order by table_name
"""
_TOO_MANY, _NO_RIGHT = "(MySQL error 1040)", "(MySQL error 1044)"


class MySQLInspector:
    """Asks one database of one server."""

    def __init__(self, call: ConnectionCall) -> None:
        self._call = call

    def probe(self) -> Probe:
        """Connect and ask for the version."""
        try:
            with self._session() as session:
                start = time.perf_counter()
                version = str(session.value("select version()"))
                latency = (time.perf_counter() - start) * 1000
        except DriverError as error:
            return Probe(_category(error), error.first.message, error.first.fix)
        number = version.partition("-")[0]
        product = "MariaDB" if "mariadb" in version.lower() else "MySQL"
        return Probe("ok", server=f"{product} {number}", latency_ms=round(latency, 1))

    def tables(self, pattern: str) -> tuple[FoundTable, ...]:
        """Return tables and views of the connection's database; the number of rows is the server's estimate."""
        with self._session() as session:
            database = session.settings.database
            columns, keys = _by_table(session.rows(_COLUMNS)), _by_table(session.rows(_KEY))
            return tuple(
                _table(session, database, (str(name), kind, rows, comment), columns.get(name, []), keys.get(name, []))
                for name, kind, rows, comment in session.rows(_TABLES)
                if not str(name).startswith(SCHEMA) and wanted(pattern, database, str(name))
            )

    def stamp(self) -> str:
        """Return nothing: a server does not tell cheaply when tables have changed."""
        return ""

    def close(self) -> None:
        """Nothing outlives a question."""

    @contextmanager
    def _session(self) -> Iterator[Session]:
        patience = {"connect_timeout": max(1.0, self._call.timeout), "read_timeout": max(1.0, self._call.timeout)}
        settings = settings_from(self._call.reference, self._call.project, patience, self._call.connection)
        session = Session("osiris/inspect", settings, StopSign())
        try:
            session.open(patient=False)
            session.run("start transaction read only")
            yield session
        finally:
            session.close()


def _category(error: DriverError) -> Category:
    message = error.first.message
    if error.first.code == "DRV091":
        return "busy" if _TOO_MANY in message else "timeout" if "timed out" in message else "network"
    return "permission" if _NO_RIGHT in message else _CATEGORIES.get(error.first.code, "unknown")


def _by_table(rows: Any) -> dict[Any, list[tuple[Any, ...]]]:
    found: dict[Any, list[tuple[Any, ...]]] = {}
    for table, *facts in rows:
        found.setdefault(table, []).append(tuple(facts))
    return found


def _table(
    session: Session, database: str, facts: tuple[Any, ...], columns: list[tuple[Any, ...]], keys: list[tuple[Any, ...]]
) -> FoundTable:
    name, kind, rows, comment = facts
    view = "VIEW" in str(kind)
    try:
        types, problem = _types(session, database, name), ""
    except DriverError as error:
        types, problem = {}, error.first.message
    return FoundTable(
        schema=database,
        name=name,
        kind="view" if view else "table",
        columns=tuple(
            FoundColumn(str(column), types.get(str(column), ""), str(source), nullable == "YES", str(note or ""))
            for column, source, nullable, note in columns
        ),
        primary_key=tuple(str(key) for (key,) in keys),
        rows=None if view or rows is None else int(rows),
        comment="" if view else str(comment or ""),
        problem=problem,
    )


def _types(session: Session, database: str, table: str) -> dict[str, str]:
    """Return the types in which an extractor hands the columns on; those it would refuse are missing."""
    with session.faults():
        prepared = prepare(session.connection, f"select * from {quoted(database, table)}")
        forget(session.connection, prepared)
    return {field.name: name for field in prepared.fields if (name := _type(field))}


def _type(field: Field) -> str:
    try:
        return type_name(arrow_type_of_field(field, Policies()))
    except DriverError:
        return ""
