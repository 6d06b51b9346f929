"""From a component spec to the class that runs it or asks its connections: the spec names `package.module:Class`.

Nothing else registers.
"""

from __future__ import annotations

import importlib
from typing import Any, cast

from osiris_dagster.drivers.base import Driver, DriverFactory, StepCall
from osiris_dagster.drivers.inspection import ConnectionCall, Inspector, InspectorFactory
from osiris_dagster.errors import DriverError
from osiris_dagster.specs.model import ComponentSpec


def driver_class(spec: ComponentSpec) -> DriverFactory:
    """Import the driver that the spec names; DriverError when it is not there or a package it needs is missing."""
    return cast("DriverFactory", _imported(spec, "driver", spec.driver))


def open_driver(spec: ComponentSpec, call: StepCall) -> Driver:
    """Return the driver of one step. It opens nothing before its first method is called."""
    return driver_class(spec)(call)


def open_inspector(spec: ComponentSpec, call: ConnectionCall) -> Inspector:
    """Return the inspector of one connection; it opens nothing before its first method. DriverError as above."""
    return cast("InspectorFactory", _imported(spec, "inspector", spec.inspector))(call)


def _imported(spec: ComponentSpec, what: str, target: str) -> Any:
    module, _, name = target.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) and error.name else target
        raise DriverError(
            f"the {what} of {spec.name} cannot be loaded: {missing} is missing",
            code="DRV002",
            found=target,
            expected="an importable class",
            fix=f"install {missing.partition('.')[0]}, or correct `x-runtime.{what}` of the component spec",
        ) from error
