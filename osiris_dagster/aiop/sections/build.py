"""The sections put together into a package: the same bytes for the same facts, never more than a core may have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from osiris_dagster.aiop.facts.facts import Facts
from osiris_dagster.aiop.facts.normalize import first_failure
from osiris_dagster.aiop.facts.text import cut
from osiris_dagster.aiop.facts.trim import LADDER
from osiris_dagster.aiop.model.ids import Names
from osiris_dagster.aiop.model.jsonld import as_json, document
from osiris_dagster.aiop.model.node import Node
from osiris_dagster.aiop.model.package import Package
from osiris_dagster.aiop.model.shards import Shard
from osiris_dagster.aiop.sections.control import control_layer
from osiris_dagster.aiop.sections.delta import delta_layer
from osiris_dagster.aiop.sections.evidence import evidence_layer
from osiris_dagster.aiop.sections.execution import run_of
from osiris_dagster.aiop.sections.issues import issues
from osiris_dagster.aiop.sections.metadata import masks_of, metadata_layer
from osiris_dagster.aiop.sections.narrative import narrative_layer
from osiris_dagster.aiop.sections.scope import Scope, scope_of, timestamp
from osiris_dagster.aiop.sections.semantic import pipeline_of, semantic_layer
from osiris_dagster.aiop.sections.wording import counted, duration
from osiris_dagster.canonical import canonical_json
from osiris_dagster.errors import CoreLimitError

SECTIONS: tuple[tuple[str, Callable[[Scope], Any]], ...] = (
    ("run", run_of),
    ("pipeline", pipeline_of),
    ("narrative", narrative_layer),
    ("semantic", semantic_layer),
    ("evidence", evidence_layer),
    ("control", control_layer),
    ("delta", delta_layer),
)
"""The parts of a package by the name of their field, each a pure function of the scope; metadata tells their sizes."""


_LONGEST_SUMMARY = 300  # characters


@dataclass(frozen=True, slots=True)
class Built:
    """A package, its names, and the bytes of its core document."""

    package: Package
    names: Names
    core: bytes


def build(normalized: Facts, shards: tuple[Shard, ...] = ()) -> Built:
    """Build the package of one run, which points into these shards of its annex; equal facts give equal bytes.

    AiopError when even the bare form is too large.
    """
    masked = masks_of(normalized)

    @cache
    def fitting(rung: int) -> Built | None:
        built = _attempt(scope_of(normalized, LADDER[rung], shards), masked)
        return built if len(built.core) <= normalized.options.max_core_bytes else None

    last = len(LADDER) - 1
    low, high = (0, 0) if fitting(0) else (min(1, last), last)
    while low < high:  # look for the first rung that fits; each below it is smaller
        middle = (low + high) // 2
        low, high = (low, middle) if fitting(middle) else (middle + 1, high)
    if found := fitting(low):
        return found
    raise CoreLimitError(
        f"the package of run {normalized.record.run_id} is larger than a core may be, even in its bare form",
        code="AIO006",
        found=f"more than {normalized.options.max_core_bytes:,} bytes",
        expected=f"at most {normalized.options.max_core_bytes:,} bytes",
        fix="raise max_core_bytes, or shorten the longest names in the OML file",
    )


def _attempt(scope: Scope, masked: Mapping[str, int]) -> Built:
    sections: dict[str, Node] = {name: section(scope) for name, section in SECTIONS}
    sizes = {name: len(canonical_json(as_json(section))) for name, section in sections.items()}
    package = Package(
        id=scope.names.package,
        generated=timestamp(scope.facts.record.end_ms),
        summary=_summary(scope),
        metadata=metadata_layer(scope, sizes, masked),
        **sections,  # type: ignore[arg-type]  # SECTIONS names the fields and their types
    )
    return Built(package, scope.names, canonical_json(document(package, scope.names)))


def _summary(scope: Scope) -> str:
    """Return the line that a person reads first."""
    record, totals = scope.facts.record, scope.totals
    line = f"{scope.facts.manifest.pipeline} {'was canceled' if record.status == 'canceled' else record.status}"
    spent = duration(record.end_ms - record.start_ms)
    first = first_failure(record)
    if record.status == "failed":
        line += f" at step {first.step_id}" if first else " outside its steps"
        issue = issues(scope)[0]
        line += f" with {issue.error_type}" + (f" ({issue.code})" if issue.code else "")
    rows = f", {counted(totals.rows_written, 'row')} written" if totals.rows_written is not None else ""
    return cut(" ".join(f"{line} after {spent}{rows}".split()), _LONGEST_SUMMARY)
