"""A pipeline as the body of an op sees it: ready to run, inside of a function that may be the user's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from dagster import AssetExecutionContext

from osiris_dagster.assets.body import Body, Result
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.resources.services import Services
from osiris_dagster.resources.table import resource_key


@dataclass(frozen=True, slots=True)
class OsirisPipeline:
    """A compiled pipeline and what its steps need to run."""

    body: Body

    @property
    def name(self) -> str:
        """`name` of the OML document."""
        return self.manifest.pipeline

    @property
    def manifest(self) -> Manifest:
        """What the OML was compiled to."""
        return self.body.manifest

    @property
    def services(self) -> Services:
        """Project, connections and component specs."""
        return self.body.services

    @property
    def families(self) -> list[str]:
        """Names of the driver families that its steps use."""
        return sorted({step.family for step in self.manifest.steps})

    def run(self, context: AssetExecutionContext) -> Iterator[Result]:
        """Run the selected steps; yield a result for each that ends well, raise `dagster.Failure` if one does not."""
        from osiris_dagster.assets.execute import close_with_op, run_body  # noqa: PLC0415 - a code server never runs it

        drivers = {family: getattr(context.resources, resource_key(family)) for family in self.families}
        running = run_body(self.body, context, drivers)
        close_with_op(running, context)
        yield from running


Execute = Callable[[AssetExecutionContext, OsirisPipeline], Iterator[Any]]


def run_as_it_is(context: AssetExecutionContext, pipeline: OsirisPipeline) -> Iterator[Result]:
    """Run the pipeline and nothing around it."""
    return pipeline.run(context)
