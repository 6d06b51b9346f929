"""Each type of the server arrives exactly, in both protocols, alone and beside all others."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest

from osiris_dagster.arrow import type_name
from osiris_dagster.drivers.base import Noting
from osiris_dagster.errors import DriverError
from osiris_dagster.testing.workbench import Workbench
from tests.drivers.mysql_types import CASES, Case
from tests.servers.mariadb import Database

PROTOCOLS = ("binary", "text")


@pytest.fixture
def bench(tmp_path: Path, mysql_database: Database) -> Workbench:
    return Workbench(tmp_path, mysql_database.connection)


def read(bench: Workbench, protocol: str, query: str, **options: object) -> pa.Table:
    table = bench.read("mysql.extractor", {"query": query, "protocol": protocol, **options})
    table.validate(full=True)
    return table


def here(database: Database, cases: tuple[Case, ...]) -> list[Case]:
    server = "mariadb" if database.server.is_mariadb else "mysql"
    return [case for case in cases if case.server in ("", server)]


def filled(database: Database, cases: list[Case]) -> list[tuple[Case, list[object]]]:
    """Make table t: rows with a value of every column, rows of NULLs and rows of both; return each column's values."""
    columns = ", ".join(f"c{number} {case.declared}" for number, case in enumerate(cases))
    statements = [f"create table t (id int primary key, {columns}) character set utf8mb4", "set sql_mode = ''"]
    wanted: list[list[object]] = [[] for _ in cases]
    for row in range(3 * max(len(case.values) for case in cases)):
        literals = []
        for number, case in enumerate(cases):
            literal, value = list(case.values.items())[row // 3 % len(case.values)]
            null = row % 3 == 1 or (row % 3 == 2 and number % 2)
            literals.append("null" if null else literal)
            wanted[number].append(None if null else value)
        statements.append(f"insert into t values ({row}, {', '.join(literals)})")
    database.execute(*statements)
    return list(zip(cases, wanted, strict=True))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_values_of_every_type_arrive_exactly(bench: Workbench, mysql_database: Database, protocol: str) -> None:
    columns = filled(mysql_database, here(mysql_database, CASES))
    whole = read(bench, protocol, "select * from t order by id")
    for number, (case, wanted) in enumerate(columns):
        assert type_name(whole.schema.field(f"c{number}").type) == case.read_as, case.name
        assert whole[f"c{number}"].to_pylist() == wanted, case.name
        alone = read(bench, protocol, f"select c{number} as value from t order by id")
        assert alone["value"].equals(whole[f"c{number}"]), case.name
    assert len(columns) >= 40


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_results_of_expressions_arrive_exactly(bench: Workbench, mysql_database: Database, protocol: str) -> None:
    mysql_database.execute("create table t (a int, d decimal(10,2))", "insert into t values (1, 1.50), (2, null)")
    query = "select null as n, sum(a) as s, avg(d) as v, count(*) as c, if(max(a) > 1, 1.5, 1.25) as i, 'x' as x from t"
    row = read(bench, protocol, query).to_pylist()[0]
    assert {name: str(value) for name, value in row.items()} | {"i": ""} == {
        "n": "None", "s": "3", "v": "1.500000", "c": "2", "x": "x", "i": "",
    }  # fmt: skip
    assert float(row["i"]) == 1.5


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_tinyint1_with_other_numbers_is_refused_by_column_or_read_as_numbers(
    bench: Workbench, mysql_database: Database, protocol: str
) -> None:
    mysql_database.execute("create table t (flag tinyint(1))", "insert into t values (1), (2), (null), (-1), (127)")
    with pytest.raises(DriverError, match="column 'flag' is a tinyint\\(1\\) with 3 values") as caught:
        read(bench, protocol, "select flag from t")
    assert caught.value.first.code == "DRV098"
    found = read(bench, protocol, "select flag from t", tinyint1="integer")
    assert found.to_pydict() == {"flag": [1, 2, None, -1, 127]}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("declared", ["date", "datetime", "datetime(6)", "timestamp null"])
def test_zero_and_partial_dates_are_refused_by_column_and_count_or_become_null(
    bench: Workbench, mysql_database: Database, protocol: str, declared: str
) -> None:
    partial = "'0000-00-00'" if "timestamp" in declared else "'2024-00-10'"
    mysql_database.execute(
        "set sql_mode = ''",
        f"create table t (id int, `when` {declared})",
        f"insert into t values (1, '2024-01-02'), (2, '0000-00-00'), (3, null), (4, {partial}), (5, '2024-01-03')",
    )
    with pytest.raises(DriverError, match=r"column .when. holds zero dates .* 2 ") as caught:
        read(bench, protocol, "select `when` from t order by id")
    assert caught.value.first.code == "DRV098"
    config = {"query": "select `when` from t order by id", "protocol": protocol, "zero_dates": "null"}
    with bench.opened("mysql.extractor", config) as driver:
        found = driver.read().read_all()["when"].to_pylist()
        assert isinstance(driver, Noting)
        assert driver.notes == ("column when: 2 zero dates read as NULL",)
    assert [str(value)[:10] for value in found] == ["2024-01-02", "None", "None", "None", "2024-01-03"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_times_are_read_as_times_of_day_if_they_are_some(
    bench: Workbench, mysql_database: Database, protocol: str
) -> None:
    mysql_database.execute(
        "create table t (at time(6))", "insert into t values ('00:00:00'), ('23:59:59.999999'), (null), ('10:20:30')"
    )
    found = read(bench, protocol, "select at from t", time="time")
    assert type_name(found.schema.field("at").type) == "time"
    times = [dt.time(0, 0), dt.time(23, 59, 59, 999_999), None, dt.time(10, 20, 30)]
    assert found["at"].to_pylist() == times
    for other in ("24:00:00", "-00:00:01"):
        mysql_database.execute(
            "delete from t where at >= '24:00:00' or at < '00:00:00'", f"insert into t values ('{other}')"
        )
        with pytest.raises(DriverError, match="column 'at' holds spans") as caught:
            read(bench, protocol, "select at from t", time="time")
        assert caught.value.first.code == "DRV098"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_geometry_is_refused_by_the_name_of_its_column(
    bench: Workbench, mysql_database: Database, protocol: str
) -> None:
    mysql_database.execute(
        "create table t (id int, place point)", "insert into t values (1, st_geomfromtext('point(1 2)'))"
    )
    with pytest.raises(DriverError, match="column 'place' holds a geometry") as caught:
        read(bench, protocol, "select * from t")
    assert "st_astext" in caught.value.first.fix
    assert read(bench, protocol, "select st_astext(place) as p from t")["p"].to_pylist() == ["POINT(1 2)"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_two_columns_of_one_name_are_refused(bench: Workbench, mysql_database: Database, protocol: str) -> None:
    with pytest.raises(DriverError):
        read(bench, protocol, "select 1 as a, 2 as a")


@pytest.mark.parametrize("zone", ["+09:00", "-05:30"])
def test_timestamps_are_instants_whatever_the_time_zone_of_the_server(
    bench: Workbench, mysql_database: Database, zone: str
) -> None:
    mysql_database.execute(
        "create table t (at timestamp(6) null, wall datetime(6))",
        "set time_zone = '+00:00'",
        "insert into t values ('2025-03-30 01:30:00.5', '2025-03-30 01:30:00.5')",
        f"set global time_zone = '{zone}'",
    )
    try:
        row = read(bench, "binary", "select * from t").to_pylist()[0]
    finally:
        mysql_database.execute("set global time_zone = 'SYSTEM'")
    assert row["at"].isoformat() == "2025-03-30T01:30:00.500000+00:00"
    assert row["wall"].isoformat() == "2025-03-30T01:30:00.500000"
