"""MySQL through the command: pipelines that read and write it, with good and bad connections, tables and rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import Osiris, _clean_environment, osiris
from tests.servers.mariadb import PASSWORD, Database

__all__ = ["_clean_environment", "osiris"]

CONNECTIONS = """\
connections:
  mysql:
    shop:
      {{host: {host}, port: {port}, user: {user}, password: "${{SHOP_PASSWORD}}", database: {database}, default: true}}
"""
SUMS = """\
oml_version: "0.2.0"
name: sums
steps:
  - id: orders
    component: mysql.extractor
    mode: read
    config: {connection: "@mysql", query: "select * from `orders`"}
  - id: totals
    component: duckdb.processor
    mode: transform
    config: {query: "select customer, sum(amount)::decimal(12,2) as total from df_orders group by all order by all"}
  - id: out
    component: mysql.writer
    mode: write
    config: {connection: "@mysql.shop", table: totals, write_mode: upsert, primary_key: customer}
"""
READ = """\
oml_version: "0.2.0"
name: read
steps:
  - {{id: rows, component: mysql.extractor, mode: read, config: {{connection: "@mysql.shop", {config}}}}}
  - {{id: out, component: filesystem.csv_writer, mode: write, config: {{path: out.csv}}}}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mysql_database: Database) -> Path:
    """A project whose connection leads to an empty database with orders."""
    mysql_database.execute(
        "create table orders (id int primary key, customer varchar(20), amount decimal(10,2), placed date)",
        "insert into orders values (1, 'ann', 10.50, '2025-01-01'), (2, 'bob', 4, null), (3, 'ann', 1.25, null)",
    )
    (tmp_path / "osiris.yaml").touch()
    (tmp_path / "osiris_connections.yaml").write_text(CONNECTIONS.format(**mysql_database.connection))
    (tmp_path / "sums.yaml").write_text(SUMS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    return tmp_path


def read(project: Path, config: str) -> str:
    (project / "read.yaml").write_text(READ.format(config=config))
    return "read.yaml"


def test_rows_go_from_mysql_through_sql_to_mysql(project: Path, osiris: Osiris, mysql_database: Database) -> None:
    for _ in range(2):
        result = osiris("run", "--no-aiop", "sums.yaml")
        assert result.code == 0, result.err
    found = mysql_database.execute("select customer, cast(total as char) from totals order by 1")
    assert found == [("ann", "11.75"), ("bob", "4.00")]
    assert "Traceback" not in result.out + result.err


def test_a_table_may_be_read_and_replaced_by_one_pipeline(
    project: Path, osiris: Osiris, mysql_database: Database
) -> None:
    (project / "twice.yaml").write_text(
        SUMS.replace("name: sums", "name: twice")
        .replace("table: totals, write_mode: upsert, primary_key: customer", "table: orders, write_mode: replace")
        .replace("sum(amount)::decimal(12,2) as total", "max(id) as id, max(placed) as amount")
    )
    result = osiris("run", "--no-aiop", "twice.yaml")
    assert result.code == 0, result.out + result.err
    found = mysql_database.execute("select id, customer, cast(amount as char) from orders order by customer")
    assert found == [(3, "ann", "2025-01-01"), (2, "bob", None)]


def test_the_schema_of_the_source_is_locked_and_sql_is_bound_before_the_run(project: Path, osiris: Osiris) -> None:
    assert osiris("discover", "--lock", "sums.yaml").code == 0
    assert '"decimal(10,2)"' in (project / "sums.schema.json").read_text()
    (project / "sums.yaml").write_text(SUMS.replace("sum(amount)", "sum(ammount)"))
    result = osiris("compile", "sums.yaml")
    assert result.code == 3
    assert "amount" in result.out + result.err


def test_tables_are_datasets_of_their_connection(project: Path, osiris: Osiris) -> None:
    assert osiris("compile", "sums.yaml").code == 0
    manifest = next(project.glob("build/sums/*/manifest.yaml")).read_text()
    assert "orders" in manifest
    for table in ("orders", "totals"):
        assert f'["mysql", "shop", "{table}"]' in manifest.replace("'", '"') or f"- shop\n    - {table}" in manifest


def test_a_connection_is_asked_and_its_tables_are_shown(project: Path, osiris: Osiris) -> None:
    assert osiris("connections", "doctor").code == 0
    result = osiris("discover", "@mysql.shop", "--json")
    assert result.code == 0
    assert "orders" in result.out
    assert PASSWORD not in result.out


@pytest.mark.parametrize(
    ("config", "code", "words"),
    [
        ("table: ordres", 4, ["there is no table", "orders"]),
        ("table: orders, columns: [amonut]", 4, ["amonut", "amount"]),
        ("table: orders, filter: amonut > 1", 4, ["@mysql.shop", "amonut"]),
        ("query: select * from ordres", 4, ["@mysql.shop", "ordres"]),
        ("query: delete from orders", 3, ["query", "reads"]),
        ("query: select * from orders, table: orders", 4, ["both"]),
        ("table: orders, limit: few", 2, ["limit"]),
    ],
)
def test_a_bad_question_is_one_message_and_an_exit_code(
    project: Path, osiris: Osiris, config: str, code: int, words: list[str]
) -> None:
    result = osiris("run", "--no-aiop", read(project, config))
    said = result.out + result.err
    assert result.code == code, said
    assert [word for word in words if word not in said] == []
    assert PASSWORD not in said
    assert not (project / "out.csv").exists()


@pytest.mark.parametrize(("password", "code", "word"), [("wrong-password", 4, "@mysql.shop"), ("", 5, "SHOP_PASSWORD")])
def test_a_wrong_or_missing_password_is_told_with_the_alias(
    project: Path, osiris: Osiris, monkeypatch: pytest.MonkeyPatch, password: str, code: int, word: str
) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", password)
    result = osiris("run", "--no-aiop", "sums.yaml")
    assert result.code == code
    assert word in result.out + result.err
    assert "wrong-password" not in result.out + result.err


def test_rows_that_do_not_fit_change_nothing(project: Path, osiris: Osiris, mysql_database: Database) -> None:
    mysql_database.execute("create table totals (customer varchar(2) primary key, total decimal(12,2))")
    result = osiris("run", "--no-aiop", "sums.yaml")
    assert result.code == 4
    assert "customer" in result.out + result.err
    assert "ann" not in result.err
    assert mysql_database.execute("select * from totals") == []


INCREMENTAL = """\
oml_version: "0.2.0"
name: new
steps:
  - id: orders
    component: mysql.extractor
    mode: read
    incremental: {{cursor: {cursor}}}
    config: {{connection: "@mysql.shop", {source}}}
  - id: out
    component: mysql.writer
    mode: write
    config: {{connection: "@mysql.shop", table: copied, write_mode: append}}
"""


def copied(project: Path, osiris: Osiris, database: Database, *options: str) -> int:
    """Run the incremental pipeline; return the rows of its target."""
    result = osiris("run", "--no-aiop", *options, "new.yaml")
    assert result.code == 0, result.out + result.err
    return int(database.execute("select count(*) from copied")[0][0])


@pytest.mark.parametrize("source", ["table: orders", "query: select * from orders"])
@pytest.mark.parametrize("cursor", ["id", "changed", "at"])
def test_only_new_rows_are_read_and_their_position_is_committed_with_them(
    project: Path, osiris: Osiris, mysql_database: Database, source: str, cursor: str
) -> None:
    mysql_database.execute(
        "alter table orders add changed datetime(6) default '2025-01-01', add at timestamp(6) null default '2025-01-01'"
    )
    (project / "new.yaml").write_text(INCREMENTAL.format(cursor=cursor, source=source))
    assert copied(project, osiris, mysql_database) == 3
    mysql_database.execute(
        "insert into orders (id, changed, at) values (4, '2025-01-01 00:00:00.5', '2025-01-01 00:00:00.5')"
    )
    assert [copied(project, osiris, mysql_database) for _ in range(2)] == [4, 4]


def test_a_full_refresh_reads_everything_again(project: Path, osiris: Osiris, mysql_database: Database) -> None:
    (project / "new.yaml").write_text(INCREMENTAL.format(cursor="id", source="table: orders"))
    assert copied(project, osiris, mysql_database) == 3
    assert copied(project, osiris, mysql_database, "--full-refresh") == 3
