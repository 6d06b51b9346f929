"""The Supabase family by its main way, the project's PostgreSQL, against the shared suite."""

from __future__ import annotations

from pathlib import Path

import pytest

from osiris_dagster.drivers.supabase.route import database_fields
from osiris_dagster.testing.conformance import Store
from osiris_dagster.testing.tables import TableConformance
from osiris_dagster.testing.workbench import Workbench
from tests.drivers.test_postgres import TestPostgres
from tests.servers.postgres import Database


class TestSupabase(TableConformance):
    store = Store(
        "supabase.extractor",
        "supabase.writer",
        place=lambda name: {"table": name},
        refused=TestPostgres.store.refused,
        changed=TestPostgres.store.changed,
        longest_name=63,
        variants=TestPostgres.store.variants,
    )

    @pytest.fixture
    def bench(self, tmp_path: Path, postgres_database: Database) -> Workbench:
        c = postgres_database.connection
        dsn = f"postgresql://{c['user']}:{c['password']}@{c['host']}:{c['port']}/{c['database']}"
        return Workbench(tmp_path, {"url": "https://project.supabase.co", "key": "a-key", "dsn": dsn})


@pytest.mark.parametrize(
    ("connection", "found"),
    [
        ({"url": "https://p.supabase.co", "key": "k"}, None),
        ({}, None),
        ({"url": "https://p.supabase.co", "key": "k", "host": "db"}, {"host": "db"}),
        ({"url": "postgresql://u@h/d"}, {"url": "postgresql://u@h/d"}),
        ({"host": "db.p.supabase.co"}, {"host": "db.p.supabase.co", "sslmode": "require"}),
        ({"host": "db.p.supabase.co", "sslmode": "verify-ca"}, {"host": "db.p.supabase.co", "sslmode": "verify-ca"}),
        ({"dsn": "host=x.supabase.com sslmode=prefer"}, {"dsn": "host=x.supabase.com sslmode=prefer"}),
    ],
)  # fmt: skip
def test_the_way_to_a_project_follows_from_the_fields_of_its_connection(
    connection: dict[str, str], found: dict[str, str] | None
) -> None:
    assert database_fields(connection) == found
