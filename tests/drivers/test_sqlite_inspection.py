"""What the SQLite family says about its connections."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from osiris_dagster.testing.inspection import InspectionConformance, Source
from osiris_dagster.testing.workbench import Workbench


class TestSQLiteInspection(InspectionConformance):
    source = Source(
        "sqlite.extractor",
        "sqlite.writer",
        connection={"path": "data/shop.sqlite"},
        place=lambda name: {"table": name},
        shown=lambda name: ("main", name),
        broken={"not_found": {"path": "nowhere/shop.sqlite"}, "configuration": {"path": ""}},
    )

    def test_keys_views_and_declared_types_are_told(self, bench: Workbench) -> None:
        with closing(sqlite3.connect(bench.root / "data/shop.sqlite")) as session:
            session.execute("create table keyed (b int, a varchar(9) not null, primary key (a, b))")
            session.execute("create view seen as select a from keyed")
            session.execute("create view lost as select a from gone")
        with self.opened(bench) as inspector:
            lost, keyed, _, seen = sorted(inspector.tables(""), key=lambda table: (table.problem == "", table.name))
        assert keyed.primary_key == ("a", "b")
        assert [(c.name, c.type, c.source_type, c.nullable) for c in keyed.columns] == [
            ("b", "int64", "INT", True),
            ("a", "string", "varchar(9)", False),
        ]
        assert (seen.kind, seen.columns[0].type) == ("view", "string")
        assert (lost.kind, "gone" in lost.problem) == ("view", True)

    def test_a_file_that_is_locked_or_no_database_is_told(self, bench: Workbench) -> None:
        with closing(sqlite3.connect(bench.root / "data/shop.sqlite", isolation_level=None)) as session:
            session.execute("begin exclusive")
            with self.opened(bench) as inspector:
                inspector.call = type(inspector.call)("@family.alias", bench.connection, bench.project, timeout=0.1)
                assert inspector.probe().category == "busy"
        (bench.root / "data/shop.sqlite").write_bytes(b"no database" * 100)
        with self.opened(bench) as inspector:
            probe = inspector.probe()
        assert (probe.category, "encrypted" in probe.message) == ("configuration", True)
