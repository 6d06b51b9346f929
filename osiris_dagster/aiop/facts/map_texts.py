"""One way through all texts of facts: change each from outside, leave what our own code chose from a closed set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from osiris_dagster.aiop.facts.facts import Facts
from osiris_dagster.aiop.facts.text import clean
from osiris_dagster.canonical import sha256
from osiris_dagster.compiler.lineage import ColumnLineage
from osiris_dagster.compiler.manifest import StepPlan
from osiris_dagster.drivers.base import Artifact
from osiris_dagster.errors import ErrorInfo
from osiris_dagster.redaction import Redactor
from osiris_dagster.runs.past import PastRun
from osiris_dagster.runs.record import EventRecord, RunRecord
from osiris_dagster.runs.surroundings import Upstream
from osiris_dagster.specs.model import ComponentSpec, DatasetRule
from osiris_dagster.steps.report import CheckRecord, StepRecord

CLOSED = frozenset(
    {
        (Facts, "oml_sha256"),
        (RunRecord, "run_id"),
        (RunRecord, "root_run_id"),
        (RunRecord, "parent_run_id"),
        (RunRecord, "manifest_hash"),
        (RunRecord, "status"),
        (StepRecord, "status"),
        (EventRecord, "type"),
        (EventRecord, "level"),
        (Artifact, "sha256"),
        (CheckRecord, "type"),
        (CheckRecord, "severity"),
        (ErrorInfo, "retryable"),
        (StepPlan, "role"),
        (ComponentSpec, "mode"),
        (DatasetRule, "kind"),
        (PastRun, "run_id"),
        (PastRun, "manifest_hash"),
        (PastRun, "status"),
        (PastRun, "errors"),
        (PastRun, "measures"),
        (Upstream, "state"),
        (Upstream, "run_id"),
        (Facts, "options"),
        (ColumnLineage, "kind"),
    }
)
"""Ids, digests and words of closed sets: a short secret that happens to be part of one must not destroy it."""

T = TypeVar("T")

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def scrub(facts: Facts, redactor: Redactor) -> Facts:
    """Return the facts without secrets and without invisible characters; ids are minted only afterwards."""
    digest = facts.oml_sha256 or sha256(facts.oml)
    return map_texts(replace(facts, oml_sha256=digest), lambda text: redactor.text(clean(redactor.text(text))))


def map_texts(value: T, change: Callable[[str], str]) -> T:
    """Return frozen data with `change` applied to every string and mapping key, CLOSED fields excepted."""
    return _mapped(value, change)  # type: ignore[no-any-return]  # the shape stays the same


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, Mapping):
        return {change(str(key)): _mapped(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple | frozenset):
        items = [_mapped(item, change) for item in value]
        return value if all(new is old for new, old in zip(items, value, strict=True)) else type(value)(items)
    if is_dataclass(value) and not isinstance(value, type):
        before = {name: getattr(value, name) for name in _mapped_fields(type(value))}
        after = {name: _mapped(item, change) for name, item in before.items()}
        return value if all(after[name] is before[name] for name in before) else replace(value, **after)
    return value


@cache
def _mapped_fields(kind: type[DataclassInstance]) -> tuple[str, ...]:
    """Return the fields of a data class that may hold text from outside."""
    return tuple(field.name for field in fields(kind) if (kind, field.name) not in CLOSED)
