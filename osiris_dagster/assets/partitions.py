"""Partitions of OML in Dagster's terms, and what a run of Dagster says about the partition it works on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from dagster import (
    AllPartitionMapping,
    AssetKey,
    DagsterRun,
    DailyPartitionsDefinition,
    HourlyPartitionsDefinition,
    MonthlyPartitionsDefinition,
    PartitionKeyRange,
    PartitionMapping,
    PartitionsDefinition,
    RunRequest,
    ScheduleEvaluationContext,
    SkipReason,
    StaticPartitionsDefinition,
    TimeWindowPartitionMapping,
    TimeWindowPartitionsDefinition,
    WeeklyPartitionsDefinition,
    partition_loading_context,
)

from osiris_dagster.assets.keys import dataset_key, step_keys
from osiris_dagster.compiler.manifest import Dataset, Manifest
from osiris_dagster.oml.model import Partitions
from osiris_dagster.oml.partition import Partition
from osiris_dagster.oml.times import moment
from osiris_dagster.runs.tags import PARTITION, RANGE_END, RANGE_START

WORKED_ON = "osiris/partition"
"""In the metadata of a materialization: the partition or range whose rows are counted there."""


def definition_of(partitions: Partitions) -> PartitionsDefinition:
    """Return the definition. Weeks begin on the weekday of `start`; the last partition is the last complete one."""
    if partitions.type == "static":
        return StaticPartitionsDefinition(list(partitions.keys))
    start, end = moment(partitions.start), moment(partitions.end) if partitions.end else None
    assert start is not None  # a rule sees to it
    zone = partitions.timezone
    match partitions.type:
        case "hourly":
            return HourlyPartitionsDefinition(start, end_date=end, timezone=zone)
        case "daily":
            return DailyPartitionsDefinition(start, end_date=end, timezone=zone)
        case "weekly":
            return WeeklyPartitionsDefinition(start, end_date=end, timezone=zone, day_offset=start.isoweekday() % 7)
        case "monthly":
            return MonthlyPartitionsDefinition(start, end_date=end, timezone=zone)


def partition_between(partitions: Partitions, first: str, last: str) -> Partition:
    """Return the range from one existing key to another, or the one partition if they are equal."""
    definition = definition_of(partitions)
    keys = tuple(definition.get_partition_keys_in_range(PartitionKeyRange(first, last))) if first != last else (first,)
    if not isinstance(definition, TimeWindowPartitionsDefinition):
        return Partition(keys)
    start = definition.time_window_for_partition_key(first).start
    end = definition.time_window_for_partition_key(last).end
    return Partition(keys, start, end, hourly=partitions.type == "hourly")


def partition_of(run: DagsterRun, partitions: Partitions | None) -> Partition | None:
    """Return what a run of a partitioned pipeline works on, None when it does not say."""
    first = run.tags.get(RANGE_START) or run.tags.get(PARTITION)
    if partitions is None or not first:
        return None
    return partition_between(partitions, first, run.tags.get(RANGE_END) or first)


def last_partition(partitions: Partitions, context: ScheduleEvaluationContext) -> Iterator[SkipReason | RunRequest]:
    """Yield a run of the last partition that is complete at the time of a schedule's tick; of each static one."""
    definition, now = definition_of(partitions), context.scheduled_execution_time
    if not isinstance(definition, TimeWindowPartitionsDefinition):
        yield from (_request(key, context) for key in definition.get_partition_keys())
        return
    with partition_loading_context(effective_dt=now):
        window, key = definition.get_last_partition_window(), definition.get_last_partition_key()
    if window is None or key is None:
        yield SkipReason(f"No partition is complete yet; the first begins at {partitions.start}.")
    elif now >= window.end + (window.end - window.start):
        yield SkipReason(f"The last partition is {key}: `partitions` end at {partitions.end}.")
    else:
        yield _request(key, context)


def _request(key: str, context: ScheduleEvaluationContext) -> RunRequest:
    return RunRequest(run_key=f"{context.scheduled_execution_time.isoformat()} {key}", partition_key=key)


def partitions_of_assets(manifests: Iterable[Manifest]) -> Mapping[AssetKey, Partitions]:
    """Return the partitions of all steps, and of the tables and files that only pipelines with equal ones write."""
    every = list(manifests)
    found: dict[AssetKey, Partitions] = {}
    written: dict[Dataset, set[Partitions | None]] = {}
    for manifest in every:
        if manifest.partitions is not None:
            found |= dict.fromkeys(step_keys(manifest).values(), manifest.partitions)
        for dataset in (dataset for step in manifest.steps for dataset in step.writes):
            written.setdefault(dataset, set()).add(_calendar(manifest.partitions))
    for dataset, kinds in written.items():
        if len(kinds) == 1 and (only := next(iter(kinds))) is not None:
            found[dataset_key(dataset)] = only
    return found


def partition_mappings(
    own: Partitions | None, read: Iterable[AssetKey], partitions: Mapping[AssetKey, Partitions]
) -> Mapping[AssetKey, PartitionMapping]:
    """Return how partitions of what is read belong to one's own, for the assets where Dagster's answer is not right."""
    found: dict[AssetKey, PartitionMapping] = {}
    for key in read:
        other = partitions.get(key)
        if own is None or other is None or _calendar(own) == _calendar(other):
            continue
        of_its_time = TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)
        found[key] = AllPartitionMapping() if belongs_to_all(own, other) else of_its_time
    return found


def belongs_to_all(own: Partitions, other: Partitions | None) -> bool:
    """Tell whether all of what another pipeline has belongs to each partition of one's own: none is of its time."""
    if other is None:
        return True
    apart = "static" in (own.type, other.type) or own.timezone != other.timezone
    return apart and _calendar(own) != _calendar(other)


def _calendar(partitions: Partitions | None) -> Partitions | None:
    """Return partitions without the column, which Dagster does not know of."""
    return partitions and Partitions(
        partitions.type, partitions.start, partitions.end, partitions.timezone, keys=partitions.keys
    )
