"""Who is before and after the run: states of what it reads, and pipelines that need what it writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from osiris_dagster.aiop.model.ids import NAME
from osiris_dagster.aiop.model.node import Node
from osiris_dagster.aiop.model.values import Count, DatasetId, Instant, Items, Maybe, Ordinal, Text, one_of, pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamState(Node):
    """A dataset that the pipeline reads, as it was when the run began; `age_ms` since it was written."""

    KINDS = ("UpstreamState", "prov:Entity")
    id: Annotated[str, pattern("^r:upstream/[0-9]+$")]
    dataset: DatasetId
    state: Annotated[str, one_of("written", "failed", "unknown")]
    written_by: Maybe[Text]
    dagster_run_id: Maybe[Text]
    written_time: Maybe[Instant]
    failed_time: Maybe[Instant]
    age_ms: Count | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DownstreamPipeline(Node):
    """A pipeline that needs what this one writes; `distance` 1 reads it directly."""

    KINDS = ("DownstreamPipeline", "prov:Entity")
    id: Annotated[str, pattern(f"^r:downstream/{NAME}$")]
    name: Text
    path: Text
    owners: Annotated[tuple[Text, ...], Items(unique=True)]
    distance: Ordinal
    through: Annotated[tuple[Text, ...], Items(least=1, unique=True)]
