"""One partition of a pipeline, or a range of them, as a run works on it: keys, window, and what placeholders mean.

Knows the calendar, not Dagster: which partitions there are by now is asked elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from osiris_dagster.oml.model import Partitions
from osiris_dagster.oml.times import moment

RANGE = "..."
"""Stands between the first and the last key of a range, as in Dagster; no key may hold it."""
HOURLY_KEY = "%Y-%m-%d-%H:%M"
DAY_KEY = "%Y-%m-%d"
_CLOCK = "%Y-%m-%d %H:%M:%S"
_SPANS = {"hourly": timedelta(hours=1), "daily": timedelta(days=1), "weekly": timedelta(weeks=1)}


@dataclass(frozen=True, slots=True)
class Partition:
    """The keys in order, without gaps; those of time have a window: from `start`, before `end`, in their time zone."""

    keys: tuple[str, ...]
    start: datetime | None = None
    end: datetime | None = None
    hourly: bool = False

    @property
    def name(self) -> str:
        """The key, or the first and the last of a range."""
        return self.keys[0] if len(self.keys) == 1 else f"{self.keys[0]}{RANGE}{self.keys[-1]}"

    @property
    def values(self) -> Mapping[str, str]:
        """What the placeholders of a partition stand for; a range has no `key`, static keys have no window."""
        found = {"key": self.keys[0]} if len(self.keys) == 1 else {}
        if self.start is not None and self.end is not None:
            form = _CLOCK if self.hourly else DAY_KEY
            found |= {"start": self.start.strftime(form), "end": self.end.strftime(form)}
        return found


def first_partition(partitions: Partitions | None) -> Partition | None:
    """Return the first partition, which stands for all of them where SQL is bound before there is any data."""
    if partitions is None:
        return None
    if partitions.type == "static":
        return Partition(partitions.keys[:1])
    start = moment(partitions.start)
    assert start is not None  # a rule sees to it
    hourly = partitions.type == "hourly"
    return Partition((start.strftime(HOURLY_KEY if hourly else DAY_KEY),), start, following(start, partitions), hourly)


def following(start: datetime, partitions: Partitions) -> datetime:
    """Return where the partition that begins at `start` ends, in wall clock."""
    if partitions.type == "monthly":
        return start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    return start + _SPANS[partitions.type]


def aligned(text: str, kind: str) -> bool:
    """Tell whether a date or time is where a partition of that kind may begin, in wall clock.

    >>> aligned("2025-01-01", "monthly"), aligned("2025-01-02", "monthly"), aligned("2025-01-02T05:00", "daily")
    (True, False, False)
    """
    found = moment(text)
    if found is None:
        return True  # told as something else
    minutes = (found.minute, found.second, found.microsecond)
    hours = (found.hour, *minutes)
    whole = not any(minutes) if kind == "hourly" else not any(hours)
    return whole and (kind != "monthly" or found.day == 1)
