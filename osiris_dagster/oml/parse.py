"""A valid document in, the pipeline model out: types narrowed, defaults filled in, `needs` made explicit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from osiris_dagster.oml.document import Document
from osiris_dagster.oml.keys import DOCUMENT, STEP
from osiris_dagster.oml.keys.key import Key
from osiris_dagster.oml.model import VERSIONS, Check, Pipeline, Schedule, Step
from osiris_dagster.oml.params import declared

_CHECK_KEYS = frozenset({"type", "name", "severity"})


def parse(document: Document) -> Pipeline:
    """Return the pipeline of a document in which `validate` finds no fault of shape.

    An optional key with an empty value counts as absent. For other documents the result is undefined
    (KeyError, TypeError or a model that makes no sense): ask `validate`.
    """
    body: Mapping[str, Any] = document.value
    read = _read(DOCUMENT, body, body["oml_version"])
    return Pipeline(file=document.file, **{**read, "params": declared(body)})


def _read(keys: Mapping[str, Key], written: Mapping[str, Any], version: str) -> dict[str, Any]:
    """Return what the keys of a mapping say, as the model holds it; what means nothing in that version is left out."""
    return {
        name: _READERS.get(name, key.held)(written[name])
        for name, key in keys.items()
        if written.get(name) is not None and key.means_in(version)
    }


def _steps(items: list[Mapping[str, Any]]) -> tuple[Step, ...]:
    steps: list[Step] = []
    for index, item in enumerate(items):
        implicit = {"needs": (steps[-1].id,) if steps else ()}
        steps.append(Step(index=index, **{**implicit, **_read(STEP, item, VERSIONS[-1])}))
    return tuple(steps)


def _profiles(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: (profile or {}).get("params") or {} for name, profile in value.items()}


def _schedule(value: str | Mapping[str, Any]) -> Schedule:
    if isinstance(value, str):
        return Schedule(cron=value)
    return Schedule(value.get("cron", ""), value.get("timezone", "UTC"), value.get("on") == "update")


def _checks(items: list[Mapping[str, Any]]) -> tuple[Check, ...]:
    return tuple(
        Check(
            type=item["type"],
            name=item.get("name") or check_name(item),
            severity=item.get("severity", "error"),
            options={key: value for key, value in item.items() if key not in _CHECK_KEYS},
        )
        for item in items
    )


# Of the keys that the model holds in another form than they are written.
_READERS: Mapping[str, Callable[[Any], Any]] = {
    "steps": _steps,
    "profiles": _profiles,
    "schedule": _schedule,
    "checks": _checks,
}


def check_name(item: Mapping[str, Any]) -> str:
    """Return the name of a check that has none of its own.

    >>> check_name({"type": "unique", "column": ["a", "b"]}), check_name({"type": "row_count"})
    ('unique_a_b', 'row_count')
    """
    column = item.get("column", ())
    return "_".join((item["type"], *((column,) if isinstance(column, str) else column)))
