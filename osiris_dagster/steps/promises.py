"""Hold a driver to what was promised: the columns of the manifest before rows flow, the row count after a write."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa

from osiris_dagster.arrow import type_name
from osiris_dagster.columns import Column, Columns
from osiris_dagster.compiler.contract import contract_faults
from osiris_dagster.compiler.manifest import StepPlan
from osiris_dagster.drivers.base import WriteReport
from osiris_dagster.errors import RunError
from osiris_dagster.steps.meter import Meter

_MOST_NAMED = 10


def kept_columns(plan: StepPlan, schema: pa.Schema) -> Columns:
    """Return the columns of the rows a step hands on.

    Raises RunError when they are not those of the manifest in name, order or type (whether they may be NULL is left
    open), when there are none, two of one name, or one of a type that is not carried.
    """
    columns = tuple(Column(field.name, _type(plan, field), field.nullable) for field in schema)
    twice = [name for name, times in Counter(column.name for column in columns).items() if times > 1]
    if not columns or twice:
        found = f"two columns named {twice[0]!r}" if twice else "no columns"
        raise RunError(
            f"step {plan.id!r} hands on rows with {found}",
            code="RUN013",
            fix="give every column one name, in the query or in the source",
        )
    if plan.columns is not None and (differences := _differences(plan.columns, columns)):
        raise RunError(
            f"the rows of step {plan.id!r} are not those it was compiled for: {'; '.join(differences)}",
            code="RUN012",
            found=_listed(columns),
            expected=_listed(plan.columns),
            fix="`osiris compile --online` reads the source's columns again and refreshes the locked schema",
        )
    return columns


def _type(plan: StepPlan, field: pa.Field) -> str:
    try:
        return type_name(field.type)
    except ValueError:
        raise RunError(
            f"column {field.name!r} of step {plan.id!r} has the type {field.type}, which is not carried",
            code="RUN013",
            found=str(field.type),
            fix="cast the column in the query, for example to string",
        ) from None


def _differences(promised: Columns, found: Columns) -> list[str]:
    before = {column.name: column.type for column in promised}
    now = {column.name: column.type for column in found}
    parts = [f"column {name!r} is missing" for name in before if name not in now]
    parts += [f"column {name!r} is new" for name in now if name not in before]
    parts += [
        f"column {name!r} is {now[name]} instead of {kind}"
        for name, kind in before.items()
        if name in now and now[name] != kind
    ]
    if not parts and list(before) != list(now):
        parts = [f"the order is {', '.join(now)} instead of {', '.join(before)}"]
    if len(parts) > _MOST_NAMED:
        parts = [*parts[:_MOST_NAMED], f"{len(parts) - _MOST_NAMED} more differences"]
    return parts


def _listed(columns: Columns) -> str:
    return ", ".join(f"{column.name} {column.type}" for column in columns)


def check_contract(plan: StepPlan, columns: Columns) -> None:
    """Raise RunError when the rows do not have exactly the columns that the step declares; their order is free."""
    if plan.contract and (faults := contract_faults(plan.contract, columns)):
        raise RunError(
            f"the rows of step {plan.id!r} do not have its declared columns: {'; '.join(f.message for f in faults)}",
            code="RUN053",
            found=_listed(columns),
            expected=_listed(plan.contract),
            fix="correct the query or the source, or the step's `columns`",
        )


def check_write(plan: StepPlan, report: WriteReport, meter: Meter, *, read_to_end: bool) -> None:
    """Refuse a success that does not account for every row.

    Fewer rows written than received, or an input not read to its end, needs a note that says why (duplicates dropped,
    already committed by the run before); more rows written than there were is never right.
    """
    received, written = meter.rows_in, report.rows_written
    if read_to_end and (written == received or (written < received and report.notes)):
        return
    if not read_to_end and report.notes:
        return
    what = "" if read_to_end else ", without reading its input to the end"
    raise RunError(
        f"{plan.component} reported success for step {plan.id!r} with {written} rows written "
        f"and {received} received{what}",
        code="RUN014",
        found=f"{written} rows written",
        expected=f"{received} rows",
        fix="look at the target before running again: the write may have committed",
    )
