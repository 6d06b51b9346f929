"""Types of every step: extractors from the schema lock, processors by binding, writers from their input."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from osiris_dagster.columns import Columns
from osiris_dagster.compiler.bind import (
    ACTS,
    NO_FILES,
    NOT_CARRIED,
    NOT_ONE_SELECT,
    BindError,
    Bound,
    bind,
    check_statement,
)
from osiris_dagster.compiler.draft import Draft, Inputs
from osiris_dagster.compiler.locate import place_in_config
from osiris_dagster.compiler.manifest import StepPlan
from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.model import Step
from osiris_dagster.oml.partition import first_partition
from osiris_dagster.oml.placeholders import filled
from osiris_dagster.specs.nearest import did_you_mean

QUERY = "query"


def bind_types(draft: Draft) -> Draft:
    """Let schemas flow from step to step; where a source's schema is not locked, types stay unknown until the run."""
    known: dict[str, Columns | None] = {}
    steps: list[StepPlan] = []
    found: list[Diagnostic] = list(draft.diagnostics)
    for step in draft.steps:
        if step.role == "extractor":
            done, problems = _locked(step, draft.inputs)
        elif step.role == "processor":
            done, problems = _bound(step, draft, known)
        else:
            done, problems = replace(step, columns=known.get(step.inputs[0].step) if step.inputs else None), ()
        known[step.id] = done.columns
        steps.append(done)
        found.extend(problems)
    return replace(draft, steps=tuple(steps), diagnostics=tuple(found))


def _locked(step: StepPlan, inputs: Inputs) -> tuple[StepPlan, tuple[Diagnostic, ...]]:
    entry = inputs.lock.steps.get(step.id)
    if entry is None:
        return step, ()
    if entry.step == step.fingerprint:
        return replace(step, columns=entry.columns), ()
    return step, (
        Diagnostic(
            "CMP041",
            f"the locked schema of step {step.id!r} is out of date: the step has changed since",
            severity="warning",
            place=inputs.document.place(("steps", _written(step, inputs).index, "id")),
            fix=f"run `osiris compile --online {inputs.pipeline.file}`",
        ),
    )


def _bound(step: StepPlan, draft: Draft, known: dict[str, Columns | None]) -> tuple[StepPlan, tuple[Diagnostic, ...]]:
    query = str(filled(step.config.get(QUERY, ""), first_partition(draft.inputs.pipeline.partitions)))
    pairs = [(item, columns) for item in step.inputs if (columns := known.get(item.step)) is not None]
    try:
        if len(pairs) < len(step.inputs):
            check_statement(query)
            return step, ()
        bound = bind(query, pairs)
    except BindError as fault:
        return step, (_diagnostic(fault, step, draft),)
    twice = [name for name, count in Counter(c.name for c in bound.columns).items() if count > 1]
    if twice:
        return step, (_duplicate_columns(step, draft, twice),)
    return _with_bound(step, bound), ()


def _with_bound(step: StepPlan, bound: Bound) -> StepPlan:
    scanned = tuple(replace(item, scans=bound.scans.get(item.step, 0)) for item in step.inputs)
    return replace(step, columns=bound.columns, inputs=scanned, lineage=bound.lineage)


def _written(step: StepPlan, inputs: Inputs) -> Step:
    return next(written for written in inputs.pipeline.steps if written.id == step.id)


_CODES = {NOT_ONE_SELECT: "CMP011", NOT_CARRIED: "CMP013", ACTS: "CMP071"}
_EXPECTED = {
    NOT_ONE_SELECT: "one SELECT statement",
    NOT_CARRIED: "types that every step knows",
    ACTS: "functions that compute values",
}
_FIXES = {
    NOT_ONE_SELECT: "leave one SELECT; what it gives is written by a writer step",
    NO_FILES: "read files with an extractor step, and its rows here",
}


def _diagnostic(fault: BindError, step: StepPlan, draft: Draft) -> Diagnostic:
    place, path = place_in_config(step, draft, QUERY, fault.offset, fault.length)
    known = f"candidates: {', '.join(fault.candidates)}"
    tables = f"tables here: {', '.join(item.names[0] for item in step.inputs) or 'none'}"
    return Diagnostic(
        _CODES.get(fault.kind, "CMP010"),
        f"the SQL of step {step.id!r} is not valid: {fault.message}",
        place=place,
        path=path,
        expected=_EXPECTED.get(fault.kind) or (known if fault.candidates else tables),
        fix=fault.fix or _FIXES.get(fault.kind) or did_you_mean(fault.name, fault.candidates),
    )


def _duplicate_columns(step: StepPlan, draft: Draft, twice: list[str]) -> Diagnostic:
    place, path = place_in_config(step, draft, QUERY, None, 1)
    return Diagnostic(
        "CMP012",
        f"the SQL of step {step.id!r} gives several columns one name: {', '.join(twice)}",
        place=place,
        path=path,
        expected="each output column with a name of its own",
        fix=f"give one of them another name: `... as {twice[0]}_2`",
    )
