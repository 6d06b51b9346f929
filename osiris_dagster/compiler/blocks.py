"""Blocks of OML 0.2 in a manifest: model in, JSON out, and back. What a block leaves out is not written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

from osiris_dagster.columns import columns_from
from osiris_dagster.oml.model import Check, Execution, Incremental, Partitions, Pipeline, Retry, Schedule, Step
from osiris_dagster.oml.params import substitute

Block = Schedule | Partitions | Execution | Retry | Incremental | Check


def block_dict(block: Block) -> dict[str, Any]:
    """Return the JSON form of a block, with all its values."""
    values = ((field.name, getattr(block, field.name)) for field in fields(block))
    return {name: _plain(value) for name, value in values}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value


def step_blocks_dict(step: Any) -> dict[str, Any]:
    """Return the JSON form of the blocks of a planned step that are set."""
    written: dict[str, Any] = {
        "retry": step.retry and block_dict(step.retry),
        "timeout": step.timeout,
        "checks": [block_dict(check) for check in step.checks],
        "contract": [column.as_dict() for column in step.contract],
        "incremental": step.incremental and block_dict(step.incremental),
    }
    return {name: value for name, value in written.items() if value not in (None, [])}


def step_blocks_from(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a planned step that `step_blocks_dict` wrote."""
    retry, incremental = item.get("retry"), item.get("incremental")
    return {
        "retry": Retry(**{**retry, "on": tuple(retry["on"])}) if retry else None,
        "timeout": item.get("timeout"),
        "checks": tuple(Check(**check) for check in item.get("checks", ())),
        "contract": columns_from(item.get("contract", ())),
        "incremental": Incremental(**incremental) if incremental else None,
    }


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


def partitions_from(value: Mapping[str, Any] | None) -> Partitions | None:
    """Read back the partitions of a manifest."""
    return Partitions(**{**value, "keys": tuple(value["keys"])}) if value else None


def execution_dict(execution: Execution) -> dict[str, Any]:
    """Return where and how steps run, without what is as by default."""
    usual = Execution()
    chosen = {name: value for name, value in block_dict(execution).items() if value != getattr(usual, name)}
    return {"engine": chosen.pop("target", usual.target), **chosen}


def execution_from(value: Mapping[str, Any]) -> Execution:
    """Read back what `execution_dict` wrote."""
    usual = Execution()
    return Execution(
        value.get("isolation", usual.isolation), value["engine"], value.get("checkpoint", usual.checkpoint)
    )
