"""What families of tables share: plans of drift and names, with the smallest dialect that shows a claim."""

from __future__ import annotations

from pathlib import Path

import pytest

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.tables.dialect import Dialect, Lattice, TableColumn
from osiris_dagster.drivers.tables.drift import Move, plan_drift
from osiris_dagster.drivers.tables.loads import stage_name
from osiris_dagster.drivers.tables.target import check_names
from osiris_dagster.errors import DriverError
from osiris_dagster.project import Project

LATTICE = Lattice(
    whole={"small": (-(2**15), 2**15 - 1), "big": (-(2**63), 2**63 - 1), "count": (0, 2**32 - 1)},
    floats={"real": 24, "double": 53},
    chains=(("day", "moment"), ("text",)),
    decimal="decimal({},{})",
    most_digits=20,
)
LOWER = Dialect("Lower", LATTICE, folds=True)
EXACT = Dialect("Exact", LATTICE, folds=False, keeps=lambda table, rows: (table, rows) == ("name(9)", "text"))


@pytest.mark.parametrize(
    ("one", "other", "wider"),
    [
        ("small", "big", "big"),
        ("big", "small", "big"),
        ("small", "count", "big"),
        ("small", "real", "real"),
        ("count", "real", "double"),
        ("big", "double", None),
        ("day", "moment", "moment"),
        ("text", "big", None),
        ("decimal(5,2)", "decimal(4,3)", "decimal(6,3)"),
        ("decimal(5,2)", "small", "decimal(7,2)"),
        ("decimal(20,0)", "decimal(5,2)", None),
        ("decimal(9,2)", "double", None),
    ],
)
def test_the_wider_of_two_types_holds_both_exactly(one: str, other: str, wider: str | None) -> None:
    assert LATTICE.wider(one, other) == wider


@pytest.mark.parametrize("policy", ["evolve", "fail", "ignore"])
def test_a_bound_of_the_table_stays_and_its_values_are_checked(policy: str) -> None:
    table, rows = [TableColumn("a", "name(9)")], [TableColumn("a", "text")]
    drift = plan_drift(table, rows, policy, EXACT, emptied=True, kept=False)
    assert drift.moves == (Move("a", "a", "name(9)", checked=True),)
    assert drift.changed == ()


def test_names_compare_as_the_database_does() -> None:
    table, rows = [TableColumn("Id", "big")], [TableColumn("id", "big")]
    assert plan_drift(table, rows, "evolve", LOWER, emptied=False, kept=False).added == ()
    assert plan_drift(table, rows, "evolve", EXACT, emptied=False, kept=False).added == tuple(rows)
    check_names(["Id", "id"], EXACT)
    for names, dialect in ((["Id", "id"], LOWER), (["id", "id"], EXACT)):
        with pytest.raises(DriverError, match="one name") as caught:
            check_names(names, dialect)
        assert caught.value.first.code == "DRV037"


def test_names_of_staging_tables_are_short_ascii_and_of_one_step(tmp_path: Path) -> None:
    def name(step: str, run: str = "r", pipeline: str = "p") -> str:
        return stage_name(StepCall(pipeline, step, "x.writer", {}, {}, Project(tmp_path), run_id=run))

    names = [name("a"), name("b"), name("a", run="s"), name("a", pipeline="q"), name("ž" * 200), name("ž" * 201)]
    assert len(set(names)) == len(names)
    assert all(each.isascii() and len(each) <= 60 for each in names)
