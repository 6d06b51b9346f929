"""Facts in, package out: pure, deterministic, and never larger than a core may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from osiris_dagster.aiop.control import control_layer
from osiris_dagster.aiop.evidence import evidence_layer
from osiris_dagster.aiop.execution import run_of
from osiris_dagster.aiop.facts import Facts
from osiris_dagster.aiop.ids import Names, names_of
from osiris_dagster.aiop.issues import UNKNOWN
from osiris_dagster.aiop.jsonld import document
from osiris_dagster.aiop.metadata import metadata_layer
from osiris_dagster.aiop.model import Node, Package
from osiris_dagster.aiop.narrative import narrative_layer
from osiris_dagster.aiop.scene import Scene, source_text_of, timestamp, totals_of
from osiris_dagster.aiop.semantic import pipeline_of, semantic_layer
from osiris_dagster.aiop.settle import settle
from osiris_dagster.aiop.summary import summary
from osiris_dagster.aiop.text import cut
from osiris_dagster.aiop.trim import LADDER, MAX_CORE_BYTES, Limits, trim
from osiris_dagster.canonical import canonical_json
from osiris_dagster.errors import AiopError

SECTIONS: tuple[tuple[str, Callable[[Scene], Any]], ...] = (
    ("run", run_of),
    ("pipeline", pipeline_of),
    ("narrative", narrative_layer),
    ("semantic", semantic_layer),
    ("evidence", evidence_layer),
    ("control", control_layer),
    ("metadata", metadata_layer),
)
"""The parts of a package by the name of their field, each a pure function of the scene."""


@dataclass(frozen=True, slots=True)
class Built:
    """A package, its names, and the bytes of its core document."""

    package: Package
    names: Names
    core: bytes


def build(facts: Facts) -> Built:
    """Build the package of one run; equal facts give equal bytes. AiopError when even the bare form is too large."""
    settled = settle(facts)
    for limits in LADDER:
        built = _attempt(settled, limits)
        if len(built.core) <= MAX_CORE_BYTES:
            return built
    raise AiopError(
        f"the package of run {facts.record.run_id} is larger than a core may be, even in its bare form",
        code="AIO006",
        found=f"{len(built.core):,} bytes",
        expected=f"at most {MAX_CORE_BYTES:,} bytes",
        fix="shorten the longest names in the OML file",
    )


def _attempt(settled: Facts, limits: Limits) -> Built:
    scene = _scene(settled, limits)
    sections: dict[str, Node] = {name: section(scene) for name, section in SECTIONS}
    package = Package(
        id=scene.names.package,
        generated=timestamp(scene.facts.record.end_ms),
        summary=summary(scene),
        **sections,  # type: ignore[arg-type]  # SECTIONS names the fields and their types
    )
    return Built(package, scene.names, canonical_json(document(package, scene.names)))


def _scene(settled: Facts, limits: Limits) -> Scene:
    facts, dropped = trim(settled, limits)
    record = settled.record
    steps = [step.id for step in facts.manifest.steps]
    errors = {cut(step.step_id, limits.text): step.error for step in record.steps} | {"": record.error}
    return Scene(
        facts=facts,
        limits=limits,
        dropped=dropped,
        names=names_of(settled.manifest.pipeline, steps, record.run_id, record.manifest_hash, record.start_ms),
        totals=totals_of(settled),
        oml=source_text_of(settled),
        fingerprints={step_id: (error or UNKNOWN).fingerprint for step_id, error in errors.items()},
        plans={step.id: step for step in facts.manifest.steps},
        records={step.step_id: step for step in facts.record.steps},
    )
