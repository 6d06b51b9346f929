"""Types of every step: extractors from the schema lock, processors by binding, writers from their input."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from osiris_dagster.columns import Columns
from osiris_dagster.compiler.bind import BindError, Bound, bind, check_statement
from osiris_dagster.compiler.draft import Draft, Inputs
from osiris_dagster.compiler.locate import place_in_scalar
from osiris_dagster.compiler.manifest import StepPlan
from osiris_dagster.errors import Diagnostic, Place
from osiris_dagster.oml.document import Path, path_text
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
            done, problems = _bound(step, draft.inputs, known)
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
            place=Place(inputs.pipeline.file, step.line),
            fix=f"run `osiris compile --online {inputs.pipeline.file}`",
        ),
    )


def _bound(step: StepPlan, inputs: Inputs, known: dict[str, Columns | None]) -> tuple[StepPlan, tuple[Diagnostic, ...]]:
    query = str(step.config.get(QUERY, ""))
    pairs = [(item, columns) for item in step.inputs if (columns := known.get(item.step)) is not None]
    try:
        if len(pairs) < len(step.inputs):
            check_statement(query)
            return step, ()
        bound = bind(query, pairs)
    except BindError as fault:
        return step, (_diagnostic(fault, step, inputs),)
    twice = [name for name, count in Counter(c.name for c in bound.columns).items() if count > 1]
    if twice:
        return step, (_duplicate_columns(step, inputs, twice),)
    return _with_bound(step, bound), ()


def _with_bound(step: StepPlan, bound: Bound) -> StepPlan:
    scanned = tuple(replace(item, scans=bound.scans.get(item.step, 0)) for item in step.inputs)
    return replace(step, columns=bound.columns, inputs=scanned)


def _place(step: StepPlan, inputs: Inputs, offset: int | None, length: int) -> tuple[Place, str]:
    index = next(s.index for s in inputs.pipeline.steps if s.id == step.id)
    path: Path = ("steps", index, "config", QUERY)
    place = place_in_scalar(inputs.document, path, str(step.config[QUERY]), offset, length)
    return place, path_text(path)


def _diagnostic(fault: BindError, step: StepPlan, inputs: Inputs) -> Diagnostic:
    place, path = _place(step, inputs, fault.offset, max(1, len(fault.name)))
    names = ", ".join(name for item in step.inputs for name in item.names[:1])
    return Diagnostic(
        "CMP010" if fault.kind != "NOT_ONE_SELECT" else "CMP011",
        f"the SQL of step {step.id!r} is not valid: {fault.message}",
        place=place,
        path=path,
        expected=f"candidates: {', '.join(fault.candidates)}"
        if fault.candidates
        else f"tables here: {names or 'none'}",
        fix=did_you_mean(fault.name, fault.candidates),
        source=inputs.document.line(place.line),
    )


def _duplicate_columns(step: StepPlan, inputs: Inputs, twice: list[str]) -> Diagnostic:
    place, path = _place(step, inputs, None, 1)
    return Diagnostic(
        "CMP012",
        f"the SQL of step {step.id!r} gives several columns one name: {', '.join(twice)}",
        place=place,
        path=path,
        expected="each output column with a name of its own",
        fix=f"give one of them another name: `... as {twice[0]}_2`",
        source=inputs.document.line(place.line),
    )
