"""Answers for connections of the family: whether the project answers, and the tables that it shows."""

from __future__ import annotations

import time
from dataclasses import replace

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.batches import name_of_type
from osiris_dagster.drivers.inspection import (
    Category,
    ConnectionCall,
    FoundColumn,
    FoundTable,
    Inspector,
    Probe,
    wanted,
)
from osiris_dagster.drivers.postgres.inspect import PostgresInspector
from osiris_dagster.drivers.postgres.read_types import DEFAULT_UNBOUNDED
from osiris_dagster.drivers.stopping import StopSign
from osiris_dagster.drivers.supabase.rest import Rest
from osiris_dagster.drivers.supabase.rest_types import RestTable, described_tables, schema_of
from osiris_dagster.drivers.supabase.route import database_fields
from osiris_dagster.errors import ConfigError, DriverError

_CATEGORIES: dict[str, Category] = {"DRV073": "auth", "DRV061": "network"}


class SupabaseInspector:
    """Asks the project's PostgreSQL where its address is known, else its REST interface."""

    def __init__(self, call: ConnectionCall) -> None:
        fields = database_fields(call.connection)
        self._asked: Inspector = (
            _RestInspector(call) if fields is None else PostgresInspector(replace(call, connection=fields))
        )

    def probe(self) -> Probe:
        """Connect and ask one cheap question."""
        return self._asked.probe()

    def tables(self, pattern: str) -> tuple[FoundTable, ...]:
        """Return the tables that the pattern lets through."""
        return self._asked.tables(pattern)

    def stamp(self) -> str:
        """Return nothing: a server has no cheap sign of change."""
        return ""

    def close(self) -> None:
        """Release everything."""
        self._asked.close()


class _RestInspector:
    def __init__(self, call: ConnectionCall) -> None:
        self._call = call
        self._rest: Rest | None = None

    def probe(self) -> Probe:
        try:
            rest = self._opened("")
            start = time.perf_counter()
            rest.get("", {}, Accept="application/openapi+json")
            latency = (time.perf_counter() - start) * 1000
        except ConfigError as error:
            return Probe("configuration", error.first.message, error.first.fix)
        except DriverError as error:
            return Probe(_CATEGORIES.get(error.first.code, "unknown"), error.first.message, error.first.fix)
        return Probe("ok", server="Supabase REST", latency_ms=round(latency, 1))

    def tables(self, pattern: str) -> tuple[FoundTable, ...]:
        rest = self._opened(self._call.reference)
        found = sorted(described_tables(rest).items())
        return tuple(_table(rest.schema, name, table) for name, table in found if wanted(pattern, rest.schema, name))

    def stamp(self) -> str:
        return ""

    def close(self) -> None:
        if self._rest is not None:
            self._rest.cut()

    def _opened(self, reference: str) -> Rest:
        self.close()
        step = StepCall("", "", "", {}, self._call.connection, self._call.project, reference)
        self._rest = Rest(step, StopSign(), tries=1, timeout=self._call.timeout)
        return self._rest


def _table(schema: str, name: str, table: RestTable) -> FoundTable:
    kinds = schema_of(table.columns, DEFAULT_UNBOUNDED)
    columns = tuple(
        FoundColumn(column, name_of_type(kinds.field(column).type), kind, column not in table.not_null)
        for column, kind in table.columns.items()
    )
    return FoundTable(schema, name, "table", columns, table.keys)
