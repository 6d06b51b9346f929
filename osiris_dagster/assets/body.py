"""What the op of a pipeline knows before it runs. Light: what runs steps is loaded when they run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dagster import AssetCheckResult, MaterializeResult

from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.resources.services import Services
from osiris_dagster.steps.report import StepEvent

Listener = Callable[[StepEvent], None]
Result = MaterializeResult[Any] | AssetCheckResult


@dataclass(frozen=True, slots=True)
class Body:
    """What the op of one pipeline needs to know before it runs."""

    manifest: Manifest
    services: Services
    listener: Listener | None = None  # hears every step event, for progress on a terminal
    isolated: bool = False  # each step is an op, and may run in a process of its own
