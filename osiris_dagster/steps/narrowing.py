"""Which columns the extractors of a unit have to read: those that nothing after them needs are left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from osiris_dagster.columns import Columns
from osiris_dagster.compiler.bind import BindError
from osiris_dagster.compiler.checks import check_fault, columns_needed
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
        for step, columns in read.items():
            fewer = _with_own(plans[step], columns)
            if step in sources and fewer != plans[step].columns:
                found[step] = fewer
    return found


def _with_own(plan: StepPlan, read: Columns) -> Columns:
    """Return the columns that the query reads and those that the step needs itself: its cursor, and what it checks."""
    known = plan.columns or ()
    names = {column.name for column in read}
    names |= {plan.incremental.cursor} if plan.incremental else set()
    names |= {column.name for column in plan.contract if not column.nullable}
    for check in plan.checks:
        if check_fault(check, known):
            return known  # what is wrong with it is said when the step opens
        names |= columns_needed(check, known)
    return tuple(column for column in known if column.name in names)
