"""A writer that fails after its commit is tried again in the same run, with the real drivers: no row comes twice."""

import sqlite3
from contextlib import closing

import duckdb
import pytest

from osiris_dagster.compiler.manifest import Manifest, StepInput, StepPlan
from osiris_dagster.drivers.registry import open_driver
from osiris_dagster.errors import DriverError
from osiris_dagster.oml.model import Retry
from osiris_dagster.specs.load import load_catalogue

AGAIN = Retry(attempts=1, delay=0, on=("ambiguous",))


def step(component, config, upstream="", **more):
    inputs = (StepInput(upstream, (upstream,)),) if upstream else ()
    spec = load_catalogue()[component]
    return StepPlan(
        more.pop("id", component.partition(".")[2]),
        component,
        spec.version,
        spec.role,
        spec.defaults | config,
        needs=(upstream,) if upstream else (),
        inputs=inputs,
        **more,
    )


COUNTS = "select count(*), count(distinct n)"


def in_duckdb():
    with duckdb.connect("t.duckdb") as session:
        return session.sql(f"{COUNTS} from t").fetchall()[0]


def in_sqlite():
    with closing(sqlite3.connect("t.sqlite")) as session:
        return session.execute(f"{COUNTS} from t").fetchall()[0]


def in_csv():
    return duckdb.sql(f"{COUNTS} from read_csv('t.csv')").fetchall()[0]


@pytest.mark.parametrize(
    ("component", "config", "count"),
    [
        ("duckdb.writer", {"path": "t.duckdb", "table": "t", "write_mode": "append"}, in_duckdb),
        ("sqlite.writer", {"path": "t.sqlite", "table": "t", "write_mode": "append"}, in_sqlite),
        ("filesystem.csv_writer", {"path": "t.csv", "write_mode": "append"}, in_csv),
    ],
)
def test_rows_that_are_committed_already_are_not_written_again(lab, monkeypatch, component, config, count):
    monkeypatch.chdir(lab.project.root)
    opened = []

    def flaky(call):
        driver = open_driver(load_catalogue()[call.component], call)
        if call.component == component:
            opened.append(call.step_id)
            if len(opened) == 1:
                write = driver.write
                monkeypatch.setattr(driver, "write", lambda rows: lose_answer(write, rows), raising=False)
        return driver

    def lose_answer(write, rows):
        write(rows)
        raise DriverError("the answer to the commit was lost", code="DRV001", retryable="ambiguous")

    source = step("duckdb.extractor", {"path": "s.duckdb", "table": "numbers"}, id="source")
    duckdb.connect("s.duckdb").execute("create table numbers as from range(1000) t(n)").close()
    manifest = Manifest("lab", "lab.yaml", "0.2.0", (source, step(component, config, "source", retry=AGAIN)))
    outcome = lab.run(manifest, factories={"duckdb": flaky, "filesystem": flaky, "sqlite": flaky})
    assert set(outcome.statuses.values()) == {"ok"}
    assert len(opened) == 2
    assert count() == (1000, 1000)
