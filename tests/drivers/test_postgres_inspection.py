"""What the PostgreSQL family says about its connections."""

from __future__ import annotations

from pathlib import Path

import pytest

from osiris_dagster.drivers.inspection import FoundColumn
from osiris_dagster.testing.inspection import ROWS, SECRET, InspectionConformance, Source
from osiris_dagster.testing.workbench import Workbench
from tests.servers.postgres import USER, Database, free_port


class TestPostgres(InspectionConformance):
    source = Source(
        "postgres.extractor",
        "postgres.writer",
        connection={},
        place=lambda name: {"table": name},
        shown=lambda name: ("public", name),
        broken={
            "auth": {"password": "wrong-" + SECRET},
            "not_found": {"database": "no_such_database"},
            "network": {"host": "127.0.0.1", "port": free_port()},
            "configuration": {"host": ""},
        },
    )

    @pytest.fixture
    def bench(self, tmp_path: Path, postgres_database: Database) -> Workbench:
        postgres_database.execute(f"alter schema public owner to {USER}")
        bench = Workbench(tmp_path, {**postgres_database.connection, "token": SECRET})
        self.database = postgres_database
        self.write(bench, "one", ROWS)
        return bench

    def test_keys_comments_views_and_estimates_come_from_the_catalogue(self, bench: Workbench) -> None:
        self.database.execute(
            "create table public.keyed (b int, a int, note text not null, primary key (a, b))",
            "comment on table public.keyed is 'Pairs'",
            "comment on column public.keyed.note is 'What is known'",
            "insert into public.keyed select n, n, 'x' from generate_series(1, 10) n",
            "analyze public.keyed",
            "create view public.seen as select a, note as n from public.keyed",
            f"grant select on public.keyed, public.seen to {USER}",
        )
        with self.opened(bench) as inspector:
            (keyed,) = inspector.tables("keyed")
            (seen,) = inspector.tables("seen")
        assert (keyed.primary_key, keyed.rows, keyed.comment) == (("a", "b"), 10, "Pairs")
        assert keyed.columns[2] == FoundColumn("note", "string", "text", nullable=False, comment="What is known")
        assert (seen.kind, [column.type for column in seen.columns]) == ("view", ["int32", "string"])

    def test_a_table_that_may_not_be_read_is_shown_with_the_reason(self, bench: Workbench) -> None:
        self.database.execute("create table public.hidden (a int)")
        with self.opened(bench) as inspector:
            (hidden,) = inspector.tables("hidden")
        assert "permission denied" in hidden.problem
        assert hidden.columns == (FoundColumn("a", "", "integer"),)
