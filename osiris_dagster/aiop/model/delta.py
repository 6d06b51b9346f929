"""The run against its past: what the delta layer is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from osiris_dagster.aiop.model.ids import NAME
from osiris_dagster.aiop.model.node import Node
from osiris_dagster.aiop.model.values import (
    Count,
    DecimalText,
    Instant,
    Maybe,
    Ordinal,
    RunId,
    StepRunId,
    Text,
    fixed,
    one_of,
    pattern,
    whole,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison(Node):
    """One measure of the run or of a step run against the last success and against the runs before.

    Decimals are text: percent of the previous value, median, median absolute deviation, and the robust z-score
    0.6745 * (current - median) / mad, which is absent where the measure never varied.
    """

    KINDS = ("Comparison", "prov:Entity")
    id: Annotated[str, pattern(f"^r:delta/{NAME}/[a-z_]+$")]
    seq: Ordinal
    about: StepRunId | RunId
    metric_name: Annotated[str, one_of("duration_ms", "rows_out", "rows_written", "peak_memory_bytes")]
    unit: Annotated[str, one_of("ms", "rows", "bytes")]
    current: Count
    previous: Count | None
    change_percent: Maybe[DecimalText]
    median: Maybe[DecimalText]
    mad: Maybe[DecimalText]
    robust_z: Maybe[DecimalText]
    samples: Annotated[int, whole(0, 14)]
    judgement: Annotated[str, one_of("few_samples", "normal", "anomaly", "constant", "changed")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(Node):
    """What differs from the last success; values only where they may leave the project."""

    KINDS = ("Change", "prov:Entity")
    id: Annotated[str, pattern(f"^r:change/[0-9]+-{NAME}$")]
    seq: Ordinal
    changed: Annotated[str, one_of("manifest", "schema", "version", "input")]
    operation: Annotated[str, one_of("added", "removed", "changed")]
    pointer: Annotated[str, pattern("^/", most=4000)]
    before: Maybe[Text]
    after: Maybe[Text]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaLayer(Node):
    """The run against the last success, and against up to 14 successes before it."""

    KINDS = ("DeltaLayer",)
    id: Annotated[str, fixed("r:layer/delta")]
    strategy: Annotated[str, one_of("first_run", "no_success", "same_manifest", "same_pipeline")]
    runs_considered: Count
    last_success_run_id: Maybe[Text]
    last_success_time: Maybe[Instant]
    failing_since: Maybe[Instant]
    comparisons: tuple[Comparison, ...]
    changes: tuple[Change, ...]
