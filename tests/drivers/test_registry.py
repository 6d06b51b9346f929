"""From a spec to its driver."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from osiris_dagster.drivers.duckdb import DuckDBDriver
from osiris_dagster.drivers.registry import driver_class, open_driver
from osiris_dagster.errors import DriverError
from tests.drivers.workbench import COMPONENTS, Workbench, spec_of

SPECS = sorted(path.parent.name for path in COMPONENTS.glob("*/spec.yaml"))


@pytest.mark.parametrize("component", SPECS)
def test_every_spec_names_a_driver_that_opens_nothing_before_it_is_used(tmp_path: Path, component: str) -> None:
    bench = Workbench(tmp_path)
    config = {"path": "x", "table": "t", "query": "select 1"}
    driver = open_driver(spec_of(component), bench.call(component, config))
    driver.cancel()
    driver.close()
    assert [path.name for path in tmp_path.iterdir()] == [".osiris"]


def test_the_class_is_found_by_its_name() -> None:
    assert driver_class(spec_of("duckdb.writer")) is DuckDBDriver


@pytest.mark.parametrize(
    "driver", ["no_such_package.x:Driver", "osiris_dagster.drivers.duckdb:NoSuchDriver", "osiris_dagster.drivers:"]
)
def test_a_driver_that_is_not_there_is_named(driver: str) -> None:
    with pytest.raises(DriverError, match=r"the driver of duckdb\.writer cannot be loaded") as caught:
        driver_class(replace(spec_of("duckdb.writer"), driver=driver))
    assert caught.value.first.code == "DRV002"
