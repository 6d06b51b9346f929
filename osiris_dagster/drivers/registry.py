"""From a component spec to the driver that runs it: the spec names `package.module:Class`, nothing else registers."""

from __future__ import annotations

import importlib
from typing import cast

from osiris_dagster.drivers.base import Driver, DriverFactory, StepCall
from osiris_dagster.errors import DriverError
from osiris_dagster.specs.model import ComponentSpec


def driver_class(spec: ComponentSpec) -> DriverFactory:
    """Import the class that the spec names; DriverError when it is not there or a package it needs is missing."""
    module, _, name = spec.driver.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) and error.name else spec.driver
        raise DriverError(
            f"the driver of {spec.name} cannot be loaded: {missing} is missing",
            code="DRV002",
            found=spec.driver,
            expected="an importable class",
            fix=f"install {missing.partition('.')[0]}, or correct `x-runtime.driver` of the component spec",
        ) from error
    return cast("DriverFactory", found)


def open_driver(spec: ComponentSpec, call: StepCall) -> Driver:
    """Return the driver of one step. It opens nothing before its first method is called."""
    return driver_class(spec)(call)
