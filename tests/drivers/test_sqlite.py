"""The SQLite family against the shared suite."""

from __future__ import annotations

from contextlib import closing
from sqlite3 import connect

from osiris_dagster.testing.conformance import Store
from osiris_dagster.testing.tables import TableConformance
from osiris_dagster.testing.workbench import Workbench

NESTED = {"list<int64>", "struct<a: int32, b: string>", "map<string, int64>", "list<struct<a: list<decimal(5,2)>>>"}


class TestSQLite(TableConformance):
    store = Store(
        "sqlite.extractor",
        "sqlite.writer",
        connection={"path": "data/shop.sqlite"},
        place=lambda name: {"table": name},
        refused=frozenset({"interval", *NESTED}),
        changed={"float16": "float32", "uint64": "decimal(20,0)", "decimal(6,-2)": "decimal(8,0)"},
        variants=({}, {"table": None, "query": "select * from t"}, {"filter": "id > 0"}),
    )

    def litter(self, bench: Workbench) -> list[str]:
        with closing(connect(bench.root / "data/shop.sqlite")) as session:
            staged = session.execute("select name from sqlite_schema where name in ('_osiris_stage', '_osiris_new')")
            return [*super().litter(bench), *(name for (name,) in staged)]
