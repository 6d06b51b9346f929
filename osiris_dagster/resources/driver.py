"""A driver family as a Dagster resource: the UI shows who uses it, and an embedding project can replace it.

The resource carries no secret. Connections are resolved inside the step, from the alias that the manifest names.
"""

from __future__ import annotations

from dagster import ConfigurableResource
from pydantic import Field

from osiris_dagster.drivers.base import Driver, DriverFactory, StepCall
from osiris_dagster.drivers.registry import installed, open_driver
from osiris_dagster.resources.services import Services


class OsirisDriver(ConfigurableResource[None]):
    """Runs the components of one family through the driver that their specs name."""

    family: str = Field(description="Connector family, e.g. `filesystem`: the part of a component before the dot.")

    def factory(self, services: Services) -> DriverFactory:
        """Return the function that opens this family's driver for one step."""

        def open_step(call: StepCall) -> Driver:
            return open_driver(installed(services.catalogue, call.component, call.package), call)

        return open_step
