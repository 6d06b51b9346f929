"""The MySQL family against the shared suite, through both ways of loading rows and both protocols of reading them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from osiris_dagster.testing.conformance import Store
from osiris_dagster.testing.tables import ServerConformance
from osiris_dagster.testing.workbench import Workbench
from tests.servers.mariadb import Database

# A TIME and a DOUBLE of MySQL hold less than the type of Arrow: values beyond are refused (and those within are tested
# in test_mysql_write.py).
BEYOND = {"float32", "float64", "duration", "duration[s]", "duration[ms]", "duration[ns]"}
NANOSECONDS = {"time[ns]", "timestamp[ns]", "timestamptz[ns]"}
NO_SUCH_TYPE = {"interval", "list<int64>", "struct<a: int32, b: string>", "map<string, int64>"} | {
    "list<struct<a: list<decimal(5,2)>>>"
}
STORE = Store(
    "mysql.extractor",
    "mysql.writer",
    place=lambda name: {"table": name},
    refused=frozenset(BEYOND | NANOSECONDS | NO_SUCH_TYPE),
    changed={
        "null": "string",
        "float16": "float32",
        "time[s]": "duration",
        "time[ms]": "duration",
        "time": "duration",
        "timestamp[s]": "timestamp",
        "timestamp[ms]": "timestamp",
        "timestamptz[s]": "timestamp",
        "timestamptz[ms]": "timestamp",
        "timestamptz": "timestamp",
        "decimal(6,-2)": "decimal(8,0)",
        "fixed(3)": "binary",
    },
    longest_name=64,
    greatest_letter="\uffff",
    variants=({}, {"table": None, "query": "select * from t"}, {"filter": "id > 0"}),
)


class MySQLConformance(ServerConformance):
    store = STORE
    database: Database

    @pytest.fixture
    def bench(self, tmp_path: Path, mysql_database: Database) -> Workbench:
        self.database = mysql_database
        return Workbench(tmp_path, mysql_database.connection)

    def litter(self, bench: Workbench) -> list[str]:
        staged = self.database.execute(
            "select concat(table_schema, '.', table_name) from information_schema.tables "
            f"where table_name like '%stage\\_%' and table_schema in ('_osiris', '{self.database.name}')"
        )
        return [*super().litter(bench), *(name for (name,) in staged)]


class TestByFile(MySQLConformance):
    """LOAD DATA LOCAL and the binary protocol."""


@pytest.mark.usefixtures("without_local_infile")
class TestByInsert(MySQLConformance):
    """Without local_infile on the server, and with the text protocol."""

    def reader_config(self, *args: Any, **options: Any) -> dict[str, Any]:
        return super().reader_config(*args, **{"protocol": "text", **options})
