"""Which partitions a call means: one, a range in one run, each of a range in a run of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dagster import PartitionsDefinition, TimeWindowPartitionsDefinition

from osiris_dagster.assets.partitions import definition_of, partition_between
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.oml.model import Partitions
from osiris_dagster.oml.partition import RANGE
from osiris_dagster.runs.tags import PARTITION, RANGE_END, RANGE_START
from osiris_dagster.specs.nearest import did_you_mean
from osiris_dagster.steps.partitioned import needs_one_key
from osiris_dagster.verbs.asked import WrongUsageError

Tags = Mapping[str, str]
_HOW = "--partition KEY, or --partition-range FIRST...LAST, with --each for one run a partition"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of a call; `earlier` is the partition of the run to go on with."""

    key: str = ""
    between: str = ""
    each: bool = False
    earlier: str = ""


def runs_of(manifest: Manifest, wanted: Wanted) -> tuple[Tags, ...]:
    """Return what the runs are tagged with, in order; one run without tags when the pipeline has no partitions.

    Raises WrongUsageError for partitions that are not there, and options that do not say which ones to run.
    """
    if manifest.partitions is None:
        _check_none(manifest, wanted)
        return ({},)
    first, last = _ends(manifest, manifest.partitions, wanted)
    keys = partition_between(manifest.partitions, first, last).keys
    if wanted.each:
        return tuple({PARTITION: key} for key in keys)
    if len(keys) == 1:
        return ({PARTITION: first},)
    if step := needs_one_key(manifest):
        raise WrongUsageError(
            f"step {step.id!r} uses ${{partition.key}}, of which a range has {len(keys)}",
            found=f"{first}{RANGE}{last} in one run",
            expected="one run for each partition",
            fix="add --each",
        )
    return ({RANGE_START: first, RANGE_END: last},)


def _check_none(manifest: Manifest, wanted: Wanted) -> None:
    if wanted.key or wanted.between or wanted.each:
        raise WrongUsageError(
            f"pipeline {manifest.pipeline!r} has no partitions",
            found=wanted.key or wanted.between or "--each",
            expected="a pipeline with `partitions`",
            fix="leave the option out",
        )


def _ends(manifest: Manifest, partitions: Partitions, wanted: Wanted) -> tuple[str, str]:
    """Return the first and the last key that are meant."""
    given = [text for text in (wanted.key, wanted.between, wanted.earlier) if text]
    definition = definition_of(partitions)
    if len(given) != 1 or (wanted.each and not wanted.between):
        raise WrongUsageError(
            f"it is not clear which partitions of {manifest.pipeline!r} to run",
            found=" and ".join(given) or "no partition",
            expected=f"{_HOW}; there are {_known(definition)}" if not wanted.earlier else "the partition of that run",
            fix=_example(definition) if not wanted.earlier else "leave the other option out",
        )
    first, dots, last = given[0].partition(RANGE)
    if wanted.key and dots:
        raise WrongUsageError(
            "--partition takes one key", found=wanted.key, expected="a key", fix="use --partition-range"
        )
    if wanted.between and not (first and last):
        raise WrongUsageError(
            "--partition-range takes two keys", found=wanted.between, expected="FIRST...LAST", fix=_example(definition)
        )
    ends = (first, last or first)
    for key in ends:
        _check_key(key, definition)
    if _place(ends[0], definition) > _place(ends[1], definition):
        raise WrongUsageError(
            "the range is empty", found=given[0], expected="the earlier key first", fix=f"write {last}{RANGE}{first}"
        )
    return ends


def _check_key(key: str, definition: PartitionsDefinition) -> None:
    if not definition.has_partition_key(key):
        timed = isinstance(definition, TimeWindowPartitionsDefinition)
        later = "; a partition is there once it is complete" if timed else ""
        raise WrongUsageError(
            f"there is no partition {key!r}",
            found=key,
            expected=_known(definition) + later,
            fix=("" if timed else did_you_mean(key, definition.get_partition_keys())) or _example(definition),
        )


def _place(key: str, definition: PartitionsDefinition) -> float:
    """Return a number that grows from partition to partition; there may be hundreds of thousands of hours."""
    if isinstance(definition, TimeWindowPartitionsDefinition):
        return definition.time_window_for_partition_key(key).start.timestamp()
    return definition.get_partition_keys().index(key)


def _known(definition: PartitionsDefinition) -> str:
    count = definition.get_num_partitions()
    first, last = definition.get_first_partition_key(), definition.get_last_partition_key()
    return "none yet" if not count else f"{count:,} from {first} to {last}" if count > 1 else str(first)


def _example(definition: PartitionsDefinition) -> str:
    last = definition.get_last_partition_key()
    return f"for example --partition {last}" if last else "wait until the first partition is complete"
