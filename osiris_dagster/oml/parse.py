"""A valid document in, the pipeline model out: types narrowed, defaults filled in, `needs` made explicit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from osiris_dagster.codec import from_json
from osiris_dagster.columns import Column
from osiris_dagster.oml.document import Document
from osiris_dagster.oml.model import (
    Check,
    Execution,
    Incremental,
    Partitions,
    Pipeline,
    Retry,
    Schedule,
    Step,
)
from osiris_dagster.oml.params import declared

_CHECK_KEYS = frozenset({"type", "name", "severity"})


def parse(document: Document) -> Pipeline:
    """Return the pipeline of a document in which `validate` finds no fault of shape.

    An optional key with an empty value counts as absent. For other documents the result is undefined
    (KeyError, TypeError or a model that makes no sense): ask `validate`.
    """
    body: Mapping[str, Any] = {key: value for key, value in document.value.items() if value is not None}
    second = body["oml_version"] != "0.1.0"  # there, `schedule` may have any shape and means nothing
    return Pipeline(
        file=document.file,
        oml_version=body["oml_version"],
        name=body["name"],
        steps=_steps(body["steps"]),
        description=body.get("description", ""),
        metadata=body.get("metadata", {}),
        params=declared(body),
        profiles={name: (profile or {}).get("params") or {} for name, profile in body.get("profiles", {}).items()},
        owners=tuple(body.get("owners", ())),
        tags=body.get("tags", {}),
        schedule=_schedule(body["schedule"]) if second and "schedule" in body else None,
        partitions=_partitions(body["partitions"]) if "partitions" in body else None,
        freshness_max_lag=body.get("freshness", {}).get("max_lag", ""),
        concurrency=body.get("concurrency", ""),
        execution=Execution(**body.get("execution", {})),
    )


def _steps(items: list[Mapping[str, Any]]) -> tuple[Step, ...]:
    steps: list[Step] = []
    for index, written in enumerate(items):
        item = {key: value for key, value in written.items() if value is not None}
        implicit = (steps[-1].id,) if steps else ()
        steps.append(_step(index, item, tuple(item["needs"]) if "needs" in item else implicit))
    return tuple(steps)


def _step(index: int, item: Mapping[str, Any], needs: tuple[str, ...]) -> Step:
    return Step(
        index=index,
        id=item["id"],
        component=item["component"],
        mode=item["mode"],
        needs=needs,
        config=item.get("config", {}),
        description=item.get("description", ""),
        retry=_retry(item["retry"]) if "retry" in item else None,
        timeout=item.get("timeout"),
        checks=_checks(item.get("checks", ())),
        columns=from_json(tuple[Column, ...], item.get("columns", ())),
        incremental=Incremental(**item["incremental"]) if "incremental" in item else None,
    )


def _schedule(value: str | Mapping[str, Any]) -> Schedule:
    if isinstance(value, str):
        return Schedule(cron=value)
    return Schedule(value.get("cron", ""), value.get("timezone", "UTC"), value.get("on") == "update")


def _partitions(value: Mapping[str, Any]) -> Partitions:
    return Partitions(**{**value, "keys": tuple(value.get("keys", ()))})


def _retry(value: Mapping[str, Any]) -> Retry:
    return Retry(**{**value, "on": tuple(value.get("on", Retry().on))})


def _checks(items: Any) -> tuple[Check, ...]:
    return tuple(
        Check(
            type=item["type"],
            name=item.get("name") or check_name(item),
            severity=item.get("severity", "error"),
            options={key: value for key, value in item.items() if key not in _CHECK_KEYS},
        )
        for item in items
    )


def check_name(item: Mapping[str, Any]) -> str:
    """Return the name of a check that has none of its own.

    >>> check_name({"type": "unique", "column": ["a", "b"]}), check_name({"type": "row_count"})
    ('unique_a_b', 'row_count')
    """
    column = item.get("column", ())
    return "_".join((item["type"], *((column,) if isinstance(column, str) else column)))
