"""Rules about checks that compare with the rows of another step: those rows have to be there first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.document import Path
from osiris_dagster.oml.relationship import KIND, related_step
from osiris_dagster.oml.rules.context import Context, StepText
from osiris_dagster.oml.rules.rule import rule
from osiris_dagster.oml.rules.shaped import step_blocks
from osiris_dagster.specs.nearest import did_you_mean


@rule(
    "OML188", "A relationship to rows that cannot be there", example="checks: [{type: relationship, column: id, to: a}]"
)
def rows_to_compare_with(context: Context) -> Iterator[Diagnostic]:
    """A check of the type relationship names a step of the pipeline in `to`, and may name its column: `customers.id`.

    The rows of that step have to be complete before the check can judge: it may not be the step itself, or one that
    needs it. A writer stands for the rows it is given; it may be named when they are all that its target holds, with
    `write_mode: replace` and without `partitions`. To compare with rows that other runs wrote, read them with an
    extractor and name that.

    Wrong:
        - {id: a, component: duckdb.processor, mode: transform, config: {query: select 1 as id}}
        - id: b
          component: duckdb.processor
          mode: transform
          checks: [{type: relationship, column: id, to: customers}]
          config: {query: select id from df_a}

    Right:
        - {id: a, component: duckdb.processor, mode: transform, config: {query: select 1 as id}}
        - id: b
          component: duckdb.processor
          mode: transform
          checks: [{type: relationship, column: id, to: a}]
          config: {query: select id from df_a}
    """
    for step, path, check in _relationships(context):
        target, _ = related_step(check, context.by_id)
        message, fix = _fault(context, step, target)
        if not target:
            message = "the check names no step of the pipeline"
            fix = did_you_mean(check["to"], context.by_id) or "name a step, or a step and its column: customers.id"
        if message:
            yield context.at(
                (*path, "to"),
                message,
                found=context.shown((*path, "to"), check["to"]),
                expected="a step whose rows are complete before this one's",
                fix=fix,
            )


def _relationships(context: Context) -> Iterator[tuple[StepText, Path, dict[str, Any]]]:
    """Yield the step, the place and the text of each check of a relationship that can be read."""
    steps = {step.index: step for step in context.steps}
    for path, checks in step_blocks(context, "checks"):
        for index, check in enumerate(checks if isinstance(checks, list) else ()):
            if isinstance(check, dict) and check.get("type") == KIND and isinstance(check.get("to"), str):
                yield steps[int(path[1])], (*path, index), check


def _fault(context: Context, step: StepText, target: str) -> tuple[str, str]:
    if target == step.id:
        return "the check compares a step with itself", "name another step"
    other = context.by_id.get(target)
    if other is None:
        return "", ""
    if other.role == "writer":
        mode = context.config(other).get("write_mode", other.spec.defaults.get("write_mode") if other.spec else None)
        if mode != "replace" or context.body.get("partitions") is not None:
            return "the rows of this writer are not all that its target holds", "read the target with an extractor"
    if _circle(context, step, target):
        return (
            "the rows of that step are not complete before this step's",
            "check it where both are known: a later step",
        )
    return "", ""


def _circle(context: Context, step: StepText, target: str) -> bool:
    """Tell whether the target needs the step, directly or through needs and relationships of others."""
    needs = {each.id: list(each.needs) for each in context.steps}
    for other, _, check in _relationships(context):
        needs[other.id].append(related_step(check, context.by_id)[0])
    seen, waiting = {target}, [target]
    while waiting:
        for need in needs.get(waiting.pop(), ()):
            if need == step.id:
                return True
            if need not in seen:
                seen.add(need)
                waiting.append(need)
    return False
