"""The code location: assets in Python and the pipelines of `osiris/`, in one graph."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from bookshop import assets
from osiris_dagster import DagsterOsirisTranslator, OsirisDriver, OsirisPipeline, StepData, osiris_definitions


class BookshopTranslator(DagsterOsirisTranslator):
    """Shows the steps of all pipelines in one group, and says where they come from."""

    def get_asset_spec(self, data: StepData) -> dg.AssetSpec:
        """Return the spec as Osiris makes it, changed."""
        spec = super().get_asset_spec(data)
        return spec.replace_attributes(group_name="books").merge_attributes(tags={"written_in": "oml"})


class AuditedFiles(OsirisDriver):
    """Reads and writes files as Osiris does, and notes which step asked for it."""

    log: str

    def factory(self, services: Any) -> Any:
        """Return the function that opens the driver for a step."""
        open_step = super().factory(services)

        def noted(call: Any) -> Any:
            with Path(self.log).open("a", encoding="utf-8") as log:
                log.write(f"{call.step_id}: {call.component}\n")
            return open_step(call)

        return noted


def told(context: dg.AssetExecutionContext, pipeline: OsirisPipeline) -> Iterator[Any]:
    """Run a pipeline with a word before and after."""
    context.log.info("%s begins", pipeline.name)
    yield from pipeline.run(context)
    context.log.info("%s is done", pipeline.name)


defs = dg.Definitions.merge(
    dg.Definitions(assets=[assets.sold, assets.letter]),
    osiris_definitions(
        assets.OSIRIS,
        translator=BookshopTranslator(),
        execute=told,
        resources={"osiris_filesystem": AuditedFiles(family="filesystem", log=str(assets.OSIRIS / "audit.log"))},
        provided=[assets.SOLD],
    ),
)
