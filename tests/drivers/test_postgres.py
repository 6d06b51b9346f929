"""The PostgreSQL family against the shared suite."""

from __future__ import annotations

from pathlib import Path

import pytest

from osiris_dagster.testing.conformance import Store
from osiris_dagster.testing.tables import ServerConformance
from osiris_dagster.testing.workbench import Workbench
from tests.servers.postgres import Database

CHANGED = {
    "null": "string",
    "int8": "int16",
    "uint8": "int16",
    "uint16": "int32",
    "uint32": "int64",
    "uint64": "decimal(20,0)",
    "float16": "float32",
    "time[s]": "time",
    "time[ms]": "time",
    "timestamp[s]": "timestamp",
    "timestamp[ms]": "timestamp",
    "timestamptz[s]": "timestamptz",
    "timestamptz[ms]": "timestamptz",
    "duration": "interval",
    "duration[s]": "interval",
    "duration[ms]": "interval",
    "duration[ns]": "interval",
    "decimal(6,-2)": "decimal(8,0)",
    "fixed(3)": "binary",
}
NESTED = {"struct<a: int32, b: string>", "map<string, int64>", "list<struct<a: list<decimal(5,2)>>>"}


class TestPostgres(ServerConformance):
    store = Store(
        "postgres.extractor",
        "postgres.writer",
        place=lambda name: {"table": name},
        refused=frozenset({"time[ns]", "timestamp[ns]", "timestamptz[ns]", *NESTED}),
        changed=CHANGED,
        longest_name=63,
        variants=({}, {"table": None, "query": "select * from t"}, {"filter": "id > 0"}),
    )

    @pytest.fixture
    def bench(self, tmp_path: Path, postgres_database: Database) -> Workbench:
        self.database = postgres_database
        return Workbench(tmp_path, postgres_database.connection)

    def litter(self, bench: Workbench) -> list[str]:
        found = self.database.execute(
            "select relname from pg_class where relname like 'stage%' union all "
            "select pid::text from pg_stat_activity where application_name like 'osiris/%' and state <> 'idle' "
            "and datname = current_database()"
        )
        return [*super().litter(bench), *(name for (name,) in found)]
