"""A partition and the column that tells partitions apart in; the values of that column which belong to it out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from osiris_dagster.columns import Column, Columns
from osiris_dagster.oml.partition import Partition
from osiris_dagster.specs.nearest import did_you_mean

COLUMN = "partition_column"
"""Option of the writers of tables."""
_MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Slice:
    """The rows of a partition: those with one of `values`, or from `start` on and before `end`; NULL is in none."""

    column: str
    values: tuple[str, ...] | tuple[int, ...] = ()
    start: date | datetime | None = None
    end: date | datetime | None = None


class SliceError(Exception):
    """A column that cannot tell these partitions apart."""

    def __init__(self, message: str, *, found: str, expected: str, fix: str) -> None:
        super().__init__(message)
        self.found = found
        self.expected = expected
        self.fix = fix


def slice_among(columns: Columns, name: str, partition: Partition) -> Slice:
    """Return the rows of a partition or range by the column of that name.

    Raises SliceError when there is none, or its type cannot tell partitions apart.
    """
    for column in columns:
        if column.name == name:
            return slice_of(partition, column)
    names = [column.name for column in columns]
    raise SliceError(
        f"the rows have no partition column {name!r}",
        found=", ".join(names[:_MOST_NAMED]),
        expected=f"the column {name}",
        fix=did_you_mean(name, names) or "select it in a step before, or name another column",
    )


def slice_of(partition: Partition, column: Column) -> Slice:
    """Return the rows of a partition or range by a column. Raises SliceError for a type that cannot tell.

    A date and a time without zone are the wall clock of the partitions' time zone, a time with zone is an instant.
    """
    if partition.start is None or partition.end is None:
        return Slice(column.name, _values(partition, column))
    kind = column.type.partition("[")[0]
    if kind == "timestamptz":
        return Slice(column.name, start=partition.start.astimezone(UTC), end=partition.end.astimezone(UTC))
    if kind == "timestamp" and partition.hourly:
        return Slice(column.name, start=partition.start.replace(tzinfo=None), end=partition.end.replace(tzinfo=None))
    start, end = partition.start.date(), partition.end.date()
    if kind == "timestamp":  # midnight by the calendar, also where the clock leaves it out
        return Slice(column.name, start=datetime.combine(start, time()), end=datetime.combine(end, time()))
    if kind == "date" and not partition.hourly:
        return Slice(column.name, start=start, end=end)
    raise SliceError(
        f"column {column.name!r} is of the type {column.type}, which does not tell {_spans(partition)} apart",
        found=column.type,
        expected="timestamp or timestamptz" if partition.hourly else "date, timestamp or timestamptz",
        fix="cast it in a query before, or name another column",
    )


def _spans(partition: Partition) -> str:
    return "hours" if partition.hourly else "spans of time"


def _values(partition: Partition, column: Column) -> tuple[str, ...] | tuple[int, ...]:
    if column.type == "string":
        return partition.keys
    if column.type.lstrip("u").startswith("int") and column.type != "interval":
        try:
            return tuple(map(int, partition.keys))
        except ValueError:
            found = ", ".join(partition.keys)[:100]
            raise SliceError(
                f"column {column.name!r} is of the type {column.type}, and not every key is a whole number",
                found=found,
                expected="keys that are whole numbers, or a column of text",
                fix="cast the column to text in a query before, or name another one",
            ) from None
    raise SliceError(
        f"column {column.name!r} is of the type {column.type}, which does not tell static partitions apart",
        found=column.type,
        expected="string, or a whole number",
        fix="cast it to text in a query before, or name another column",
    )
