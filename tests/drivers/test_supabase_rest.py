"""The Supabase family with only url and key, against a server that speaks PostgREST's wire format."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from osiris_dagster.drivers.inspection import ConnectionCall
from osiris_dagster.drivers.supabase import rest, rest_write
from osiris_dagster.drivers.supabase.inspect import SupabaseInspector
from osiris_dagster.errors import OsirisError
from osiris_dagster.testing.workbench import Workbench
from tests.servers.postgres import Database, free_port
from tests.servers.postgrest import KEY, Project, rest_project

MADE = "create table t (id bigint primary key, name text, n numeric(20,4))"
ROWS = pa.table({"id": [1, 2], "name": ["a", None], "n": pa.array([Decimal("1.5000"), None], pa.decimal128(20, 4))})


@pytest.fixture
def project(postgres_database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.setattr(rest, "_PAUSE", 0.01)
    postgres_database.execute(MADE)
    with rest_project(postgres_database) as found:
        yield found


@pytest.fixture
def bench(tmp_path: Path, project: Project) -> Workbench:
    return Workbench(tmp_path, {"url": project.url, "key": KEY})


def read(bench: Workbench, **options: Any) -> pa.Table:
    return bench.read("supabase.extractor", {"table": "t", **options}, reference="@supabase.app")


def write(bench: Workbench, rows: pa.Table = ROWS, **options: Any) -> Any:
    return bench.write("supabase.writer", {"table": "t", **options}, rows, reference="@supabase.app")


def upsert(bench: Workbench, rows: pa.Table = ROWS, **options: Any) -> Any:
    return write(bench, rows, write_mode="upsert", primary_key="id", **options)


def refused(code: str, call: Callable[[], Any]) -> OsirisError:
    with pytest.raises(OsirisError) as caught:
        call()
    error = caught.value
    assert (error.first.code, bool(error.first.fix)) == (code, True)
    assert KEY not in f"{error!r} {error} {error.__cause__!r}"
    assert "secret of a row" not in str(error)
    return error


def test_rows_are_written_and_read_back_exactly(bench: Workbench) -> None:
    assert write(bench).rows_written == 2
    report = upsert(bench, pa.table({"id": [2, 3], "name": ["b", 'žluť 😀 \\ " ,\n']}))
    assert report.rows_written == 2
    found = read(bench, unbounded_numeric="decimal(20,4)")
    assert found.to_pylist() == [
        {"id": 1, "name": "a", "n": Decimal("1.5000")},
        {"id": 2, "name": "b", "n": None},
        {"id": 3, "name": 'žluť 😀 \\ " ,\n', "n": None},
    ]


def test_values_of_many_types_keep_their_exact_form(bench: Workbench, project: Project) -> None:
    project.database.execute(
        "create table wide (id int primary key, b bytea, f float8, r real, d date, ts timestamp, tz timestamptz, "
        "ti time, ok boolean, big bigint, num numeric, js jsonb, u uuid, ar int[])"
    )
    row = {
        "id": pa.array([1], pa.int32()), "b": [b"\x00\xff"], "f": [5e-324], "r": pa.array([0.1], pa.float32()),
        "d": [dt.date(1, 1, 1)], "ts": pa.array([1], pa.timestamp("us")),
        "tz": pa.array([-1], pa.timestamp("us", "UTC")),
        "ti": pa.array([86_399_999_999], pa.time64("us")), "ok": [True], "big": [2**63 - 1],
        "num": pa.array([Decimal("12345678901234567890.0123456789")], pa.decimal128(38, 10)), "js": ['{"a": 1.50}'],
        "u": ["123e4567-e89b-12d3-a456-426655440000"], "ar": [[1, None]],
    }  # fmt: skip
    rows = pa.table(row)
    write(bench, rows, table="wide")
    found = read(bench, table="wide")
    assert found.drop_columns(["ar"]).to_pylist() == rows.drop_columns(["ar"]).to_pylist()
    assert found["ar"].to_pylist() == ["{1,NULL}"]
    assert bench.schema("supabase.extractor", {"table": "wide"}).equals(found.schema)


def test_a_table_is_read_page_by_page_in_the_order_of_its_key(bench: Workbench, project: Project) -> None:
    project.database.execute("insert into t select 3000 - n, 'x' from generate_series(1, 2500) n")
    project.most_rows = 700
    found = read(bench, columns=["id"])["id"].to_pylist()
    assert found == list(range(500, 3000))
    assert read(bench, columns=["id"], offset=100, limit=1500)["id"].to_pylist() == list(range(600, 2100))
    assert read(bench, limit=0).num_rows == 0


def test_with_a_key_no_row_is_passed_over_while_others_go(bench: Workbench, project: Project) -> None:
    project.database.execute("insert into t select n, 'x' from generate_series(1, 2500) n")
    project.before = deletion_before(project, request=3)
    assert read(bench, columns=["name", "id"])["id"].to_pylist() == list(range(1, 2501))


@pytest.mark.parametrize("key", ["", "alter table t add primary key (id, name)"])
def test_without_a_key_of_one_column_a_table_that_changes_is_noticed(
    bench: Workbench, project: Project, key: str
) -> None:
    project.database.execute(
        "insert into t select n, 'x' from generate_series(1, 2500) n",
        "alter table t drop constraint t_pkey",
        key or "select",
    )
    assert read(bench).num_rows == 2500
    project.seen.clear()
    project.before = deletion_before(project, request=3)
    assert refused("DRV076", lambda: read(bench)).retryable == "transient"  # type: ignore[attr-defined]


def deletion_before(project: Project, request: int) -> Callable[[], None]:
    """The first rows go away before a request; the first one of all asks for the columns."""

    def delete() -> None:
        if len(project.seen) == request:
            project.database.execute("delete from t where id < 500")

    return delete


@pytest.mark.parametrize("faults", [[503, 502], [429], ["drop"], ["drop after", 500]])
def test_reading_and_upserts_are_tried_again(bench: Workbench, project: Project, faults: list[Any]) -> None:
    project.faults = [None, *faults]
    upsert(bench)
    project.faults = [None, *faults]
    assert read(bench)["id"].to_pylist() == [1, 2]


def test_what_does_not_pass_is_given_up_and_named(bench: Workbench, project: Project) -> None:
    project.faults = [503] * 50
    error = refused("DRV074", lambda: read(bench))
    assert error.retryable == "transient"  # type: ignore[attr-defined]
    assert "@supabase.app" in error.first.message
    assert len(project.seen) == 5


@pytest.mark.parametrize("fault", [503, "drop", "drop after"])
def test_an_append_without_an_answer_is_not_sent_again(bench: Workbench, project: Project, fault: Any) -> None:
    project.faults = [None, fault]
    error = refused("DRV074" if fault == 503 else "DRV077", lambda: write(bench))
    assert error.retryable == "ambiguous"  # type: ignore[attr-defined]
    assert [method for method, _ in project.seen] == ["GET", "POST"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"key": "wrong"}, "DRV073"),
        ({"url": f"http://127.0.0.1:{free_port()}"}, "DRV061"),
        ({"url": ""}, "DRV060"),
        ({"key": ""}, "DRV060"),
        ({"url": "ftp://x"}, "DRV060"),
    ],
)
def test_a_connection_that_does_not_work_is_named(bench: Workbench, fields: dict[str, str], code: str) -> None:
    other = Workbench(bench.root / "other", {**bench.connection, **fields})
    assert "@supabase.app" in refused(code, lambda: read(other)).first.message


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"table": None, "query": "select 1"}, "DRV075"),
        ({"filter": "id > 0"}, "DRV075"),
        ({"table": "tt"}, "DRV024"),
        ({"columns": ["nam"]}, "DRV024"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_way_out(bench: Workbench, options: dict[str, Any], code: str) -> None:
    refused(code, lambda: read(bench, **options))


@pytest.mark.parametrize(
    ("rows", "options", "code"),
    [
        (ROWS, {"write_mode": "replace"}, "DRV075"),
        (ROWS, {"table": "missing"}, "DRV035"),
        (ROWS.append_column("extra", pa.array([1, 2])), {}, "DRV033"),
        (ROWS.drop_columns(["id"]), {}, "DRV033"),
        (pa.table({"id": [1, None]}), {"primary_key": "id"}, "DRV031"),
        (pa.table({"id": [1, 1]}), {"primary_key": "id"}, "DRV032"),
        (pa.table({"id": ["x"]}), {}, "DRV074"),
        (pa.table({"id": [1], "name": ["a\0b"]}), {}, "DRV010"),
        (pa.table({"id": [1], "name": [{"a": 1}]}), {}, "DRV010"),
        (pa.table({}), {}, "DRV037"),
    ],
)
def test_what_cannot_be_written_is_refused_and_nothing_is_there(
    bench: Workbench, project: Project, rows: pa.Table, options: dict[str, Any], code: str
) -> None:
    refused(code, lambda: write(bench, rows, **options))
    assert project.database.execute("select * from t") == []


def test_an_append_of_more_than_one_transaction_is_refused(
    bench: Workbench, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest_write, "_ONE_REQUEST", 1000)
    refused("DRV075", lambda: write(bench, pa.table({"id": range(1000)})))
    assert project.database.execute("select * from t") == []
    assert upsert(bench, pa.table({"id": range(12_000)})).rows_written == 12_000


def test_new_columns_are_left_out_and_repeated_keys_dropped_by_choice(bench: Workbench, project: Project) -> None:
    rows = pa.table({"id": [1, 1, 2], "name": ["x", "y", "z"], "extra": [1, 2, 3]})
    report = upsert(bench, rows, schema_drift="ignore", on_duplicate="last")
    assert project.database.execute("select id, name from t order by id") == [(1, "y"), (2, "z")]
    assert "extra" in " ".join(report.notes)
    assert "1 rows with a repeated key" in " ".join(report.notes)


def test_rows_that_a_trigger_keeps_away_are_noticed(bench: Workbench, project: Project) -> None:
    project.database.execute(
        "create function drop_it() returns trigger language plpgsql as $$ begin return null; end $$",
        "create trigger d before insert on t for each row when (new.id = 2) execute function drop_it()",
    )
    refused("DRV076", lambda: write(bench))


@pytest.mark.parametrize("policy", ["error", "null"])
def test_values_that_other_stores_lack_are_refused_or_become_null(
    bench: Workbench, project: Project, policy: str
) -> None:
    project.database.execute(
        "create table odd (id int primary key, d date, n numeric)", "insert into odd values (1, 'infinity', 'NaN')"
    )
    if policy == "error":
        assert "'d'" in refused("DRV010", lambda: read(bench, table="odd")).first.message
        return
    with bench.opened("supabase.extractor", {"table": "odd", "special_values": "null"}) as driver:
        assert driver.read().read_all().to_pylist() == [{"id": 1, "d": None, "n": None}]
        assert len(driver.notes) == 2


def test_canceling_ends_a_reading(bench: Workbench, project: Project) -> None:
    project.database.execute("insert into t select n, repeat('x', 3000) from generate_series(1, 5000) n")
    with bench.opened("supabase.extractor", {"table": "t"}) as driver:
        reader = driver.read()
        reader.read_next_batch()
        driver.cancel()
        refused("DRV028", reader.read_all)


def test_doctor_and_discover_ask_over_rest(bench: Workbench) -> None:
    def inspector(**fields: Any) -> SupabaseInspector:
        return SupabaseInspector(ConnectionCall("@supabase.app", {**bench.connection, **fields}, bench.project))

    probe = inspector().probe()
    assert (probe.ok, probe.server) == (True, "Supabase REST")
    assert inspector(key="wrong").probe().category == "auth"
    assert inspector(key="").probe().category == "configuration"
    assert inspector(url=f"http://127.0.0.1:{free_port()}").probe().category == "network"
    (table,) = inspector().tables("t")
    assert (table.primary_key, [column.type for column in table.columns]) == (
        ("id",), ["int64", "string", "decimal(38,10)"],
    )  # fmt: skip
