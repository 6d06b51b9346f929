"""Blocks of OML 0.2 on their way into a manifest: with the parameters that may stand in them, filled in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from osiris_dagster.oml.model import Pipeline, Step
from osiris_dagster.oml.params import substitute


def step_blocks_of(step: Step, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a planned step that the blocks of a written one give, parameters filled in."""
    incremental = step.incremental
    return {
        "retry": step.retry,
        "timeout": step.timeout,
        "checks": tuple(replace(check, options=substitute(dict(check.options), params)) for check in step.checks),
        "contract": step.columns,
        "incremental": incremental and replace(incremental, initial=substitute(incremental.initial, params)),
    }


def texts_of(pipeline: Pipeline) -> Iterable[Any]:
    """Yield everything in the blocks of a pipeline in which a parameter may stand."""
    yield list(pipeline.owners)
    yield dict(pipeline.tags)
    for step in pipeline.steps:
        yield [dict(check.options) for check in step.checks]
        yield step.incremental.initial if step.incremental else ""
