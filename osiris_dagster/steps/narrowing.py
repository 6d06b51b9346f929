"""The steps of a unit in, the columns that its extractors need not read out: those that the SQL after them leaves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from osiris_dagster.columns import Columns
from osiris_dagster.compiler.bind import BindError
from osiris_dagster.compiler.manifest import StepPlan
from osiris_dagster.compiler.usage import columns_read


def narrowed(steps: Iterable[str], plans: Mapping[str, StepPlan]) -> Mapping[str, Columns]:
    """Return extractor -> the columns to read, for those that stream into a query that leaves some.

    Nothing is said where the columns of an input are not known before the run, nor of a query that does not bind:
    what is wrong with it its driver says.
    """
    unit = list(steps)
    found: dict[str, Columns] = {}
    for plan in (plans[step] for step in unit):
        sources = {item.step for item in plan.inputs if item.step in unit and plans[item.step].role == "extractor"}
        query = plan.config.get("query")
        pairs = [(item, columns) for item in plan.inputs if (columns := plans[item.step].columns) is not None]
        if plan.role != "processor" or not query or not sources or len(pairs) < len(plan.inputs):
            continue
        try:
            read = columns_read(str(query), pairs)
        except BindError:
            continue
        fewer = {step: columns for step, columns in read.items() if step in sources}
        found.update({step: columns for step, columns in fewer.items() if _may_narrow(plans[step], columns)})
    return found


def _may_narrow(plan: StepPlan, columns: Columns) -> bool:
    """An incremental step needs its cursor, which the runner follows."""
    return plan.incremental is None or plan.incremental.cursor in {column.name for column in columns}
