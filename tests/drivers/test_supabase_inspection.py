"""What the Supabase family says about its connections by its main way, the project's PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from osiris_dagster.testing.inspection import ROWS, SECRET, InspectionConformance, Source
from osiris_dagster.testing.workbench import Workbench
from tests.servers.postgres import USER, Database, free_port


class TestSupabaseInspection(InspectionConformance):
    source = Source(
        "supabase.extractor",
        "supabase.writer",
        connection={},
        place=lambda name: {"table": name},
        shown=lambda name: ("public", name),
        broken={
            "auth": {"password": "wrong-" + SECRET},
            "not_found": {"database": "no_such_database"},
            "network": {"host": "127.0.0.1", "port": free_port()},
            "configuration": {"host": "", "url": ""},
        },
    )

    @pytest.fixture
    def bench(self, tmp_path: Path, postgres_database: Database) -> Workbench:
        postgres_database.execute(f"alter schema public owner to {USER}")
        project = {"url": "https://project.supabase.co", "key": SECRET}
        bench = Workbench(tmp_path, {**project, **postgres_database.connection})
        self.write(bench, "one", ROWS)
        return bench
