"""What the DuckDB family says about its connections."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from osiris_dagster.drivers.duckdb.inspect import DuckDBInspector
from osiris_dagster.drivers.inspection import ConnectionCall
from osiris_dagster.errors import DriverError
from osiris_dagster.testing.inspection import InspectionConformance, Source
from osiris_dagster.testing.workbench import Workbench


class TestDuckDBInspection(InspectionConformance):
    source = Source(
        "duckdb.extractor",
        "duckdb.writer",
        connection={"path": "data/shop.duckdb"},
        place=lambda name: {"table": name},
        shown=lambda name: ("main", name),
        broken={"configuration": {"path": ""}, "not_found": {"path": "nowhere/shop.duckdb"}},
    )


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    (tmp_path / "data").mkdir()
    return Workbench(tmp_path, {"path": "data/shop.duckdb"})


def inspector(bench: Workbench, timeout: float = 0.1) -> DuckDBInspector:
    return DuckDBInspector(ConnectionCall("@duckdb.shop", bench.connection, bench.project, timeout))


def test_keys_comments_views_and_types_that_are_not_carried_are_told(bench: Workbench) -> None:
    with duckdb.connect(bench.root / "data/shop.duckdb") as session:
        session.execute("""
            create schema sales;
            create table sales.orders(day date, id int, amount decimal(8,2) not null, flags bit, primary key (id, day));
            comment on table sales.orders is 'What was sold';
            comment on column sales.orders.amount is 'in crowns';
            insert into sales.orders values ('2025-01-01', 1, 2.50, '101');
            create view sales.large as select id, amount from sales.orders;
            create table gone(x int);
            create view stale as from gone;
            drop table gone;
            create schema _osiris;
            create table _osiris.loads(x int);
        """)
    stale, large, orders = inspector(bench).tables("")
    assert (stale.qualified, large.qualified, orders.qualified) == ("main.stale", "sales.large", "sales.orders")
    assert (orders.kind, orders.primary_key, orders.rows, orders.comment) == (
        "table",
        ("id", "day"),
        1,
        "What was sold",
    )
    assert orders.problem == ""
    assert [(c.name, c.type, c.source_type, c.nullable, c.comment) for c in orders.columns] == [
        ("day", "date", "DATE", False, ""),
        ("id", "int32", "INTEGER", False, ""),
        ("amount", "decimal(8,2)", "DECIMAL(8,2)", False, "in crowns"),
        ("flags", "", "BIT", True, ""),
    ]
    assert (large.kind, large.primary_key, large.rows) == ("view", (), None)
    assert [c.type for c in large.columns] == ["int32", "decimal(8,2)"]
    assert "gone" in stale.problem


def test_a_file_that_is_not_there_yet_can_be_written(bench: Workbench) -> None:
    probe = inspector(bench).probe()
    assert (probe.category, probe.server) == ("ok", "")
    assert "does not exist yet" in probe.message
    with pytest.raises(DriverError, match="does not exist yet"):
        inspector(bench).tables("")


def test_a_file_that_is_no_database_and_one_in_use_are_told_apart(bench: Workbench) -> None:
    path = bench.root / "data/shop.duckdb"
    path.write_text("no database at all" * 1000)
    assert inspector(bench).probe().category == "configuration"
    path.unlink()
    script = f"import duckdb, sys; c = duckdb.connect({str(path)!r}); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        probe = inspector(bench).probe()
        assert holder.stdin is not None
        holder.stdin.close()
    assert (probe.category, "held by process" in probe.message) == ("busy", True)
