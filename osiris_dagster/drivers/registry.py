"""From a component spec to the class that runs it or asks its connections: the spec names `package.module:Class`.

Nothing else registers.
"""

from __future__ import annotations

import importlib
from typing import Any, cast

from osiris_dagster.drivers.base import Driver, DriverFactory, StepCall
from osiris_dagster.drivers.inspection import ConnectionCall, Inspector, InspectorFactory
from osiris_dagster.errors import DriverError
from osiris_dagster.specs.catalogue import Catalogue
from osiris_dagster.specs.model import ComponentSpec, Package


def installed(catalogue: Catalogue, component: str, wanted: Package | None) -> ComponentSpec:
    """Return the spec of a component; DriverError when it is not here from the package that it was compiled with."""
    spec = catalogue.get(component)
    if spec is not None and spec.package == wanted:
        return spec
    unusable = catalogue.why_not(component)
    absent = unusable.diagnostic.message if unusable else "no such component"
    raise DriverError(
        f"{component} of {_origin(wanted)} is not installed where the step runs",
        code="DRV004",
        found=absent if spec is None else _origin(spec.package),
        expected=_origin(wanted),
        fix=(
            f"install it there: pip install {wanted.name}=={wanted.version}; or compile again with what is there"
            if wanted
            else "compile the pipeline again: its component comes from elsewhere by now"
        ),
    )


def _origin(package: Package | None) -> str:
    return f"the package {package}" if package else "osiris-dagster itself"


def driver_class(spec: ComponentSpec) -> DriverFactory:
    """Import the driver that the spec names; DriverError when it is not there or a package it needs is missing."""
    return cast("DriverFactory", _imported(spec, "driver", spec.driver))


def open_driver(spec: ComponentSpec, call: StepCall) -> Driver:
    """Return the driver of one step. It opens nothing before its first method is called.

    DriverError when the step asks for what the spec does not declare: another mode, or a capability that is missing.
    """
    _check_role(spec, call)
    _check_overrides(spec, call)
    return driver_class(spec)(call)


def guarded(factory: DriverFactory, catalogue: Catalogue) -> DriverFactory:
    """Return a factory, perhaps another project's own, behind what holds for every call.

    Its component is installed as it was compiled, and it does not go past the connection that it names.
    """

    def open_step(call: StepCall) -> Driver:
        _check_overrides(installed(catalogue, call.component, call.package), call)
        return factory(call)

    return open_step


def open_inspector(spec: ComponentSpec, call: ConnectionCall) -> Inspector:
    """Return the inspector of one connection; it opens nothing before its first method. DriverError as above."""
    _check_capability(spec, "discover", "look into its connections")
    return cast("InspectorFactory", _imported(spec, "inspector", spec.inspector))(call)


def _check_role(spec: ComponentSpec, call: StepCall) -> None:
    """A manifest says what a step does, the spec what its component can do: the spec may be another one by now."""
    if call.role and call.role != spec.role:
        raise DriverError(
            f"step {call.step_id!r} uses {spec.name} as {_a(call.role)}, and its spec says {_a(spec.role)}",
            code="SPC011",
            found=call.role,
            expected=spec.role,
            fix="compile the pipeline again, or use another component",
        )
    if call.role == "processor":
        _check_capability(spec, "customTransforms", "transform rows")


def _check_overrides(spec: ComponentSpec, call: StepCall) -> None:
    """A step that names a connection goes where its fields say, and nowhere else with its password."""
    named = f"the connection {call.reference}" if call.reference else "its connection" if call.connection else ""
    for name, policy in spec.connection_fields.items() if named else ():
        if policy == "forbidden" and call.config.get(name) is not None:
            raise DriverError(
                f"step {call.step_id!r}: `{name}` is set by {named} and may not be set by the step",
                code="SPC013",
                found=f"`{name}` in the step",
                expected=f"`{name}` only in the connection",
                fix="remove it from the step, or define another connection; then compile the pipeline again",
            )


def _check_capability(spec: ComponentSpec, capability: str, what: str) -> None:
    if capability not in spec.capabilities:
        raise DriverError(
            f"{spec.name} does not declare that it can {what}",
            code="SPC011",
            found=", ".join(sorted(spec.capabilities)) or "no capabilities",
            expected=capability,
            fix=f"declare `{capability}` in the component's spec if its driver can do it, or use another component",
        )


def _a(role: str) -> str:
    return f"{'an' if role.startswith('e') else 'a'} {role}"


def _imported(spec: ComponentSpec, what: str, target: str) -> Any:
    module, _, name = target.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except Exception as error:
        if spec.package is not None:
            raise _not_loaded(spec.name, spec.package, what, target, error) from error
        if not isinstance(error, ImportError | AttributeError):
            raise
        missing = error.name if isinstance(error, ModuleNotFoundError) and error.name else target
        raise DriverError(
            f"the {what} of {spec.name} cannot be loaded: {missing} is missing",
            code="DRV002",
            found=target,
            expected="an importable class",
            fix=f"install {missing.partition('.')[0]}, or correct `x-runtime.{what}` of the component spec",
        ) from error


def _not_loaded(component: str, package: Package, what: str, target: str, error: Exception) -> DriverError:
    """Return the error of code of others: its package is named, whatever it is that fails."""
    return DriverError(
        f"the {what} of {component} of the package {package} cannot be loaded: {type(error).__name__}: {error}",
        code="DRV002",
        found=target,
        expected="an importable class",
        fix=f"install {package.name} again with what it needs, or another version of it",
    )
