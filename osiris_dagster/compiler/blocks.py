"""What rows of keys carry: model in, fields of a manifest, their JSON, and back. What is unset is not written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from osiris_dagster.columns import Column
from osiris_dagster.oml.keys import DOCUMENT, STEP
from osiris_dagster.oml.keys.key import Key
from osiris_dagster.oml.model import Execution, Pipeline, Step
from osiris_dagster.oml.params import substitute

_UNSET = (None, (), "")


def planned(written: Pipeline | Step, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a manifest, or of a step in it, that rows carry over, with parameters filled in."""
    keys = DOCUMENT if isinstance(written, Pipeline) else STEP
    return {key.manifest: _filled(key, getattr(written, name), params) for name, key in keys.items() if key.manifest}


def _filled(key: Key, value: Any, params: Mapping[str, Any]) -> Any:
    if isinstance(value, tuple):
        return tuple(_filled(key, block, params) for block in value)
    if value is None or not key.params:
        return value
    return replace(value, **{name: substitute(getattr(value, name), params) for name in key.params})


def texts_of(pipeline: Pipeline) -> Iterable[Any]:
    """Yield everything in the blocks of a pipeline in which a parameter may stand."""
    yield list(pipeline.owners)
    yield dict(pipeline.tags)
    for step in pipeline.steps:
        for name, key in STEP.items():
            value = getattr(step, name) if key.params else None
            blocks = value if isinstance(value, tuple) else () if value is None else (value,)
            yield [getattr(block, field) for block in blocks for field in key.params]


def said(planned: Any, keys: Iterable[Key]) -> dict[str, Any]:
    """Return the JSON form of the fields of a manifest, or of a step in it, that rows carry and that are set."""
    values = ((key.manifest, getattr(planned, key.manifest)) for key in keys if key.manifest)
    return {name: _json(value) for name, value in values if value not in _UNSET}


def read_back(item: Mapping[str, Any], keys: Iterable[Key]) -> dict[str, Any]:
    """Return the fields that `said` wrote."""
    return {key.manifest: key.held(item[key.manifest]) for key in keys if key.manifest and key.manifest in item}


def _json(value: Any) -> Any:
    if isinstance(value, Column):
        return value.as_dict()
    if is_dataclass(value):
        return {field.name: _json(getattr(value, field.name)) for field in fields(value)}
    return list(map(_json, value)) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value


def execution_dict(execution: Execution) -> dict[str, Any]:
    """Return where and how steps run, without what is as by default."""
    usual = _json(Execution())
    chosen = {name: value for name, value in _json(execution).items() if value != usual[name]}
    return {"engine": chosen.pop("target", usual["target"]), **chosen}


def execution_from(value: Mapping[str, Any]) -> Execution:
    """Read back what `execution_dict` wrote."""
    usual = Execution()
    return Execution(
        value.get("isolation", usual.isolation), value["engine"], value.get("checkpoint", usual.checkpoint)
    )
