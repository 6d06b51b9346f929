"""Steps that run for themselves: the same rows and the same record as in one process, from checkpoints."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import duckdb
import pytest

from tests.command import rows
from tests.isolation.pipelines import LARGE, STEPS, TOTALS, wide

ISOLATED = "isolation: step"


@pytest.fixture
def run(osiris, shop):
    """Return a function that writes the pipeline and runs it."""

    def call(*options: str, execution: str = ISOLATED, text: str | None = None):
        (shop / "pipelines/wide.yaml").write_text(text or wide(execution))
        return osiris("run", "pipelines/wide.yaml", "--no-aiop", "--json", *options)

    return call


def statuses(result):
    return {step["id"]: step["status"] for step in result.data["steps"]}


def kept(shop: Path) -> dict[str, list[str]]:
    """Return step -> kinds of files at the default place of checkpoints."""
    found: dict[str, list[str]] = {}
    for path in (shop / ".osiris/checkpoints").rglob("*.*"):
        found.setdefault(path.parent.name.partition("-")[0], []).append(path.suffix)
    return {step: sorted(kinds) for step, kinds in found.items()}


def test_the_rows_are_those_of_one_process_and_no_checkpoint_is_left(run, shop):
    result = run()
    assert (result.code, statuses(result)) == (0, dict.fromkeys(STEPS, "completed"))
    assert (rows(shop, "totals"), (shop / "output/large.csv").read_text()) == (TOTALS, LARGE)
    assert kept(shop) == {}


def test_a_checkpoint_that_is_always_kept_is_private_and_holds_what_is_read(run, osiris, shop):
    text = wide(f"{ISOLATED}, checkpoint: always")
    text = text.replace("select 'ann' as customer, 'Ann' as name, 1 as unread", "from names")
    with duckdb.connect(shop / "data/ops.duckdb") as session:
        session.execute("create table names as select 'ann' as customer, 'Ann' as name, 1 as unread")
    (shop / "pipelines/wide.yaml").write_text(text)
    assert osiris("compile", "pipelines/wide.yaml", "--online").code == 0  # so that the columns are known
    assert run(text=text).code == 0
    assert kept(shop) == dict.fromkeys(("orders", "names", "per", "large"), [".json", ".parquet"])
    files = [path for path in (shop / ".osiris/checkpoints").rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    names = next(path for path in files if path.parent.name == "names" and path.suffix == ".parquet")
    assert duckdb.sql(f"from '{names}'").columns == ["customer", "name"]


FAILS = wide(ISOLATED).replace("select id, amount from", "select id, customer::int as amount from")


@pytest.mark.parametrize("execution", [ISOLATED, "isolation: pipeline"])
def test_a_retry_reads_what_the_failed_run_kept(run, osiris, shop, execution):
    failing = FAILS.replace(ISOLATED, execution)
    result = run(text=failing)
    assert result.code == 4
    assert (statuses(result)["orders"], statuses(result)["large"]) == ("completed", "failed")
    assert "orders" in kept(shop)
    with duckdb.connect(shop / "data/ops.duckdb") as session:
        session.execute("insert into orders values (9, 'eve', 90)")
    (shop / "pipelines/wide.yaml").write_text(wide(execution))
    again = osiris("run", "--retry", "last", "--no-aiop", "--json")
    assert (again.code, set(statuses(again))) == (0, set(STEPS) - {s for s, e in statuses(result).items() if e == "completed"})
    assert (shop / "output/large.csv").read_text() == LARGE
    assert rows(shop, "totals") == TOTALS
    assert kept(shop) == {}

