"""Fields of a manifest that come from the model as the table of keys says (`oml/keys`), with parameters filled in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from osiris_dagster.oml.keys import DOCUMENT, STEP
from osiris_dagster.oml.keys.key import Key
from osiris_dagster.oml.model import Pipeline, Step
from osiris_dagster.oml.params import substitute


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
