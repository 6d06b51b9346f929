"""What stands around the run: states of what it reads, and pipelines that need what it writes."""

from __future__ import annotations

from dataclasses import dataclass

from osiris_dagster.aiop.model.node import Node, Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamState(Node):
    """A dataset that the pipeline reads, as it was when the run began; `age_ms` since it was written."""

    KINDS = ("UpstreamState", "prov:Entity")
    dataset: Ref
    state: str
    written_by: str
    dagster_run_id: str
    written_time: str
    failed_time: str
    age_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DownstreamPipeline(Node):
    """A pipeline that needs what this one writes; `distance` 1 reads it directly."""

    KINDS = ("DownstreamPipeline", "prov:Entity")
    name: str
    path: str
    owners: tuple[str, ...]
    distance: int
    through: tuple[str, ...]
