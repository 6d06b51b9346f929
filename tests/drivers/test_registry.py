"""From a spec to its driver."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from osiris_dagster.drivers.base import Driver, StepCall
from osiris_dagster.drivers.duckdb import DuckDBDriver
from osiris_dagster.drivers.inspection import ConnectionCall
from osiris_dagster.drivers.registry import driver_class, guarded, open_driver, open_inspector
from osiris_dagster.errors import DriverError
from osiris_dagster.project import Project
from osiris_dagster.specs.load import load_catalogue
from osiris_dagster.testing.workbench import Workbench

SPECS = load_catalogue().names


@pytest.mark.parametrize("component", SPECS)
def test_every_spec_names_a_driver_that_opens_nothing_before_it_is_used(tmp_path: Path, component: str) -> None:
    bench = Workbench(tmp_path)
    config = {"path": "x", "table": "t", "query": "select 1"}
    driver = open_driver(load_catalogue()[component], bench.call(component, config))
    driver.cancel()
    driver.close()
    assert [path.name for path in tmp_path.iterdir()] == [".osiris"]


def test_the_class_is_found_by_its_name() -> None:
    assert driver_class(load_catalogue()["duckdb.writer"]) is DuckDBDriver


@pytest.mark.parametrize(
    "driver", ["no_such_package.x:Driver", "osiris_dagster.drivers.duckdb:NoSuchDriver", "osiris_dagster.drivers:"]
)
def test_a_driver_that_is_not_there_is_named(driver: str) -> None:
    with pytest.raises(DriverError, match=r"the driver of duckdb\.writer cannot be loaded") as caught:
        driver_class(replace(load_catalogue()["duckdb.writer"], driver=driver))
    assert caught.value.first.code == "DRV002"


def test_a_step_that_asks_for_another_mode_fails_before_anything_is_opened(tmp_path: Path) -> None:
    call = Workbench(tmp_path).call("duckdb.writer", {"path": "data/x.duckdb", "table": "t"}, role="extractor")

    with pytest.raises(DriverError, match=r"duckdb\.writer as an extractor, and its spec says a writer") as caught:
        open_driver(load_catalogue()["duckdb.writer"], call)

    assert caught.value.first.code == "SPC011"
    assert not (tmp_path / "data").exists()


def test_a_processor_without_the_capability_fails_before_anything_is_opened(tmp_path: Path) -> None:
    spec = replace(load_catalogue()["duckdb.processor"], capabilities=frozenset({"streaming"}))
    call = Workbench(tmp_path).call("duckdb.processor", {"query": "select 1 as n"}, role="processor")

    with pytest.raises(DriverError, match="does not declare that it can transform rows") as caught:
        open_driver(spec, call)

    assert (caught.value.first.code, caught.value.first.expected) == ("SPC011", "customTransforms")


@pytest.mark.parametrize("component", SPECS)
def test_a_manifest_that_goes_past_its_connection_fails_before_anything_is_opened(
    tmp_path: Path, component: str
) -> None:
    spec, bench = load_catalogue()[component], Workbench(tmp_path)
    forbidden = {name for name, policy in spec.connection_fields.items() if policy == "forbidden"}
    refused = set()
    for name in spec.connection_fields:
        call = bench.call(component, {name: "elsewhere"}, connection={"host": "db"}, reference="@x.main")
        try:
            open_driver(spec, call).close()
        except DriverError as error:
            refused.add((name, error.first.code, f"`{name}` is set by the connection @x.main" in error.first.message))

    assert refused == {(name, "SPC013", True) for name in forbidden}
    assert bool(forbidden) == (spec.connection != "none")


def test_a_factory_of_another_project_gets_no_such_call_either(tmp_path: Path) -> None:
    opened: list[StepCall] = []

    def factory(call: StepCall) -> Driver:
        opened.append(call)
        return DuckDBDriver(call)

    call = Workbench(tmp_path).call("duckdb.writer", {"path": "x.duckdb", "table": "t"}, connection={"path": "y"})
    with pytest.raises(DriverError, match="`path` is set by its connection"):
        guarded(factory, load_catalogue())(call)

    assert not opened


def test_connections_are_looked_into_only_by_who_declares_it(tmp_path: Path) -> None:
    spec = replace(load_catalogue()["duckdb.extractor"], capabilities=frozenset())

    with pytest.raises(DriverError, match="look into its connections") as caught:
        open_inspector(spec, ConnectionCall("@duckdb.a", {}, Project(tmp_path)))

    assert caught.value.first.code == "SPC011"
