"""How often a query reads each input, asked of DuckDB at the start of a step whose types were unknown until then."""

from __future__ import annotations

from dataclasses import replace

from osiris_dagster.arrow import columns_of
from osiris_dagster.compiler.bind import BindError, bind
from osiris_dagster.compiler.manifest import StepPlan
from osiris_dagster.drivers.base import TransformInput


def counted_scans(plan: StepPlan, inputs: tuple[TransformInput, ...]) -> tuple[TransformInput, ...]:
    """Return the inputs with their scans counted; as they are when the compiler knew, or when the query does not bind.

    What is wrong with a query its driver says: it sees the rows.
    """
    query = plan.config.get("query")
    if not query or all(source.scans for source in inputs):
        return inputs
    pairs = list(zip(plan.inputs, inputs, strict=True))
    try:
        bound = bind(str(query), [(item, columns_of(source.rows.schema)) for item, source in pairs])
    except (BindError, ValueError):
        return inputs
    return tuple(replace(source, scans=bound.scans.get(item.step, 0)) for item, source in pairs)
