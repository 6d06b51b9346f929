"""What flows through the passes: named inputs of a compilation, the manifest as far as it is known, and the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from osiris_dagster.compiler.lock import SchemaLock
from osiris_dagster.compiler.manifest import Manifest, StepPlan
from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.document import Document
from osiris_dagster.oml.model import ConnectionFacts, Pipeline
from osiris_dagster.specs.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything a manifest depends on. Equal inputs give equal bytes on every machine."""

    pipeline: Pipeline
    document: Document
    catalogue: Catalogue
    connections: tuple[ConnectionFacts, ...] = ()
    lock: SchemaLock = field(default_factory=SchemaLock)
    profile: str = ""
    overrides: Mapping[str, str] = field(default_factory=dict)  # --param
    env: Mapping[str, str] = field(default_factory=dict)  # only OSIRIS_PARAM_* of declared params are read


@dataclass(frozen=True, slots=True)
class Draft:
    """A manifest in the making; passes add to it and never look anywhere else."""

    inputs: Inputs
    params: Mapping[str, Any] = field(default_factory=dict)  # all declared ones
    used_params: frozenset[str] = frozenset()  # those that reach the manifest
    steps: tuple[StepPlan, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Compiled:
    """A manifest and what is worth knowing about it (warnings only)."""

    manifest: Manifest
    diagnostics: tuple[Diagnostic, ...] = ()
