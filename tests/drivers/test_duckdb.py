"""The DuckDB family against the shared suite."""

from __future__ import annotations

import duckdb

from osiris_dagster.testing.conformance import Store
from osiris_dagster.testing.tables import TableConformance
from osiris_dagster.testing.workbench import Workbench


class TestDuckDB(TableConformance):
    store = Store(
        "duckdb.extractor",
        "duckdb.writer",
        connection={"path": "data/shop.duckdb"},
        place=lambda name: {"table": name},
        refused=frozenset({"decimal(50,20)", "duration[ns]"}),
        changed={
            "float16": "float32",
            "time[s]": "time",
            "time[ms]": "time",
            "timestamptz[s]": "timestamptz",
            "timestamptz[ms]": "timestamptz",
            "duration": "interval",
            "duration[s]": "interval",
            "duration[ms]": "interval",
            "decimal(6,-2)": "decimal(8,0)",
            "fixed(3)": "binary",
        },
        variants=({}, {"table": None, "query": "select * from t"}, {"filter": "id > 0"}),
    )

    def litter(self, bench: Workbench) -> list[str]:
        with duckdb.connect(bench.root / "data/shop.duckdb", read_only=True) as session:
            staged = session.sql("select table_name from duckdb_tables() where table_name like 'stage%'").fetchall()
        return [*super().litter(bench), *(name for (name,) in staged)]
