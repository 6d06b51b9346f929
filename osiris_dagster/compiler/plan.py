"""Steps in running order, each with its final configuration, its inputs and the datasets it touches."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from osiris_dagster.compiler.blocks import planned
from osiris_dagster.compiler.draft import Draft, Inputs
from osiris_dagster.compiler.manifest import Dataset, StepInput, StepPlan
from osiris_dagster.compiler.partitioning import partitioned_check, partitioned_config
from osiris_dagster.compiler.sources import tables_read
from osiris_dagster.oml.graph import table_names, topological
from osiris_dagster.oml.model import Check, ConnectionFacts, Step
from osiris_dagster.oml.params import substitute, substitute_text
from osiris_dagster.oml.relationship import KIND as RELATIONSHIP
from osiris_dagster.oml.relationship import related_step

CONNECTION = "connection"


def plan_steps(draft: Draft) -> Draft:
    """Order the steps; substitute parameters, fill in defaults, name inputs and connections."""
    inputs = draft.inputs
    written = {step.id: step for step in inputs.pipeline.steps}
    ordered = topological(replace(step, needs=_needs(step, inputs)) for step in inputs.pipeline.steps)
    return replace(draft, steps=tuple(_plan(written[step.id], inputs, draft.params) for step in ordered))


def _needs(step: Step, inputs: Inputs) -> tuple[str, ...]:
    """Return the steps that come before a step: its needs, and those that its checks compare with."""
    compared = (_compared(check, inputs).options["to"] for check in step.checks if check.type == RELATIONSHIP)
    return tuple(dict.fromkeys((*step.needs, *compared)))


def _compared(check: Check, inputs: Inputs) -> Check:
    """Return a check of a relationship with the step and the column whose rows it compares with; others as they are."""
    if check.type != RELATIONSHIP:
        return check
    steps = {step.id: step for step in inputs.pipeline.steps}
    target, column = related_step(check.options, steps)
    if _role(target, inputs) == "writer":  # it hands no rows on: those that it gets
        target = next(need for need in steps[target].needs if _role(need, inputs) != "writer")
    return replace(check, options={**check.options, "to": target, "to_column": column})


def _role(step_id: str, inputs: Inputs) -> str:
    component = next(step.component for step in inputs.pipeline.steps if step.id == step_id)
    return inputs.catalogue[component].role


def _plan(step: Step, inputs: Inputs, params: Mapping[str, Any]) -> StepPlan:
    spec = inputs.catalogue[step.component]
    given = substitute(dict(step.config), params)
    connection = _reference(str(given.pop(CONNECTION, "") or ""), inputs.connections)
    ids = tuple(other.id for other in inputs.pipeline.steps)
    partitions = inputs.pipeline.partitions
    blocks = planned(step, params)
    blocks["checks"] = tuple(partitioned_check(_compared(check, inputs), partitions) for check in blocks["checks"])
    return StepPlan(
        id=step.id,
        component=step.component,
        version=spec.version,
        package=spec.package,
        role=spec.role,
        config=partitioned_config(spec.defaults | given, spec, partitions),
        connection=connection,
        needs=_needs(step, inputs),
        inputs=() if spec.role == "extractor" else _data_inputs(step, inputs, ids),
        description=substitute_text(step.description, params),
        line=inputs.document.span(("steps", step.index)).line,
        **blocks,
    )


def _data_inputs(step: Step, inputs: Inputs, ids: tuple[str, ...]) -> tuple[StepInput, ...]:
    roles = {other.id: inputs.catalogue[other.component].role for other in inputs.pipeline.steps}
    return tuple(StepInput(need, table_names(need, ids)) for need in step.needs if roles[need] != "writer")


def _reference(text: str, known: tuple[ConnectionFacts, ...]) -> str:
    """Return `@family.alias` also for `@family`, which means the family's default alias."""
    if not text or "." in text:
        return text
    family = text.removeprefix("@")
    return next((facts.reference for facts in known if facts.family == family and facts.default), text)


def name_datasets(draft: Draft) -> Draft:
    """Name the tables and files outside the pipeline that each step reads or writes."""
    return replace(draft, steps=tuple(_with_datasets(step, draft) for step in draft.steps))


def _with_datasets(step: StepPlan, draft: Draft) -> StepPlan:
    datasets = tuple(Dataset(key) for key in _dataset_keys(step, draft))
    if step.role == "writer":
        return replace(step, writes=datasets)
    return replace(step, reads=datasets)


def _dataset_keys(step: StepPlan, draft: Draft) -> tuple[tuple[str, ...], ...]:
    rule = draft.inputs.catalogue[step.component].dataset
    if rule is None:
        return ()
    config = step.config
    if rule.kind == "file":
        path = str(config.get(rule.path, ""))
        return (("file", *_path_parts(path)),) if path else ()
    named: list[tuple[str, ...]] = [(str(config[rule.table]),)] if config.get(rule.table) else []
    if step.role == "extractor":
        named += tables_read(step, draft)
    return tuple(dict.fromkeys(table_key(step, draft, path) for path in named))


def table_key(step: StepPlan, draft: Draft, path: tuple[str, ...]) -> tuple[str, ...]:
    """Return the dataset key of a table that a step names by this dotted path."""
    rule = draft.inputs.catalogue[step.component].dataset
    schema = str(rule and (step.config.get(rule.schema) or rule.default_schema))
    # A catalogue name in front of the schema is the database itself, which `_store` already says. A family without
    # schemas leaves the database to the connection, unless a step names another.
    owner = path[-2] if len(path) > 1 else schema
    return (*_store(step, draft.inputs.connections), *((owner,) if owner else ()), path[-1])


def _store(step: StepPlan, known: tuple[ConnectionFacts, ...]) -> tuple[str, ...]:
    """Return the key parts that name the place of a table: family and alias or identity, or the file's path."""
    for facts in known:
        if step.connection == facts.reference:
            return (step.family, facts.identity or facts.alias)
    if step.connection:
        return (step.family, step.connection.partition(".")[2] or step.connection.removeprefix("@"))
    return (step.family, *_path_parts(str(step.config.get("path", ""))))


def _path_parts(path: str) -> tuple[str, ...]:
    # `a/../b.csv` and `b.csv` are one file.
    return tuple(part for part in posixpath.normpath(path.replace("\\", "/")).split("/") if part not in ("", "."))
