"""The run against its past: what the delta layer is made of."""

from __future__ import annotations

from dataclasses import dataclass

from osiris_dagster.aiop.model.node import Node, Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison(Node):
    """One measure of the run or of a step run against the last success and against the runs before.

    Decimals are text: percent of the previous value, median, median absolute deviation, and the robust z-score
    0.6745 * (current - median) / mad, which is absent where the measure never varied.
    """

    KINDS = ("Comparison", "prov:Entity")
    seq: int
    about: Ref
    metric_name: str
    unit: str
    current: int
    previous: int | None
    change_percent: str
    median: str
    mad: str
    robust_z: str
    samples: int
    judgement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(Node):
    """What differs from the last success; values only where they may leave the project."""

    KINDS = ("Change", "prov:Entity")
    seq: int
    changed: str
    operation: str
    pointer: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaLayer(Node):
    """The run against the last success, and against up to 14 successes before it."""

    KINDS = ("DeltaLayer",)
    strategy: str
    runs_considered: int
    last_success_run_id: str
    last_success_time: str
    failing_since: str
    comparisons: tuple[Comparison, ...]
    changes: tuple[Change, ...]
