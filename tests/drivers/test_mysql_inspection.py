"""What the MySQL family says about its connections."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from osiris_dagster.drivers.inspection import ConnectionCall
from osiris_dagster.drivers.mysql.inspect import MySQLInspector
from osiris_dagster.errors import DriverError
from osiris_dagster.project import Project
from osiris_dagster.testing.inspection import ROWS, SECRET, InspectionConformance, Source
from osiris_dagster.testing.workbench import Workbench
from tests.servers.mariadb import Database, Server, free_port

DATABASE = "osiris_test_inspection"


class TestMySQLInspection(InspectionConformance):
    source = Source(
        "mysql.extractor",
        "mysql.writer",
        connection={},  # the server is known when the test runs
        place=lambda name: {"table": name},
        shown=lambda name: (DATABASE, name),
        broken={
            "configuration": {"user": ""},
            "auth": {"password": "another-password"},
            "not_found": {"database": "no_such_database"},
            "network": {"port": free_port()},
        },
    )

    @pytest.fixture
    def bench(self, tmp_path: Path, mysql_server: Server) -> Iterator[Workbench]:
        database = Database(mysql_server, DATABASE)
        mysql_server.execute(f"create or replace database {DATABASE}")
        bench = Workbench(tmp_path, {"token": SECRET, **database.connection})
        self.write(bench, "one", ROWS)
        yield bench
        mysql_server.execute(f"drop database {DATABASE}")


def inspector(database: Database, **fields: object) -> MySQLInspector:
    return MySQLInspector(ConnectionCall("@mysql.shop", {**database.connection, **fields}, Project(Path())))


def test_keys_comments_views_and_types_that_are_not_carried_are_told(mysql_database: Database) -> None:
    mysql_database.execute(
        "create table orders (day date, id int unsigned, amount decimal(8,2) not null comment 'in crowns', "
        "place point, primary key (id, day)) comment 'What was sold'",
        "create view large as select id, amount from orders",
        "create table gone (x int)",
        "create view stale as select x from gone",
        "drop table gone",
        "create table _osiris_loads (x int)",
    )
    large, orders, stale = inspector(mysql_database).tables("")
    assert (orders.kind, orders.primary_key, orders.comment) == ("table", ("id", "day"), "What was sold")
    assert [(c.name, c.type, c.source_type.split("(")[0], c.nullable, c.comment) for c in orders.columns] == [
        ("day", "date", "date", False, ""),
        ("id", "uint32", "int", False, ""),
        ("amount", "decimal(8,2)", "decimal", False, "in crowns"),
        ("place", "", "point", True, ""),
    ]
    assert (large.kind, [(c.name, c.type) for c in large.columns]) == (
        "view",
        [("id", "uint32"), ("amount", "decimal(8,2)")],
    )
    assert "stale" in stale.problem


def test_a_database_without_rights_is_told_from_a_wrong_password(mysql_database: Database) -> None:
    server = mysql_database.server
    server.execute("create or replace user guest@'%' identified by 'guest-password'")
    try:
        probe = inspector(mysql_database, user="guest", password="guest-password").probe()
        with pytest.raises(DriverError):
            inspector(mysql_database, user="guest", password="guest-password").tables("")
    finally:
        server.execute("drop user guest@'%'")
    assert probe.category == "permission"
