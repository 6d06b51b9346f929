"""Rows on their way to a writer that replaces one partition: the first that belongs to another one ends the stream."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pyarrow as pa
import pyarrow.compute as pc

from osiris_dagster.columns import Columns
from osiris_dagster.compiler.manifest import StepPlan
from osiris_dagster.errors import RunError
from osiris_dagster.oml.partition import Partition
from osiris_dagster.oml.partition_slice import COLUMN, Slice, SliceError, slice_among


def rows_of_partition(plan: StepPlan, columns: Columns, partition: Partition | None) -> PartitionRows | None:
    """Return what watches the rows of a step, None for one that does not replace a partition by its column.

    Raises RunError for a partition column that is not there or cannot tell partitions apart.
    """
    name = plan.config.get(COLUMN)
    if plan.role != "writer" or not name or partition is None:
        return None
    try:
        return PartitionRows(plan.id, partition, slice_among(columns, str(name), partition))
    except SliceError as error:
        raise RunError(
            f"step {plan.id!r} cannot replace a partition: {error}",
            code="RUN081",
            found=error.found,
            expected=error.expected,
            fix=error.fix,
        ) from None


class PartitionRows:
    """Sees the rows of one step go by. Raises RunError, with the value of the first, for rows of other partitions."""

    def __init__(self, step_id: str, partition: Partition, rows: Slice) -> None:
        self.step_id = step_id
        self._partition = partition
        self._slice = rows

    def see(self, batch: pa.RecordBatch) -> None:
        """Look for rows of other partitions."""
        column = batch.column(self._slice.column)
        inside = pc.fill_null(self._inside(column), pa.scalar(value=False))
        if pc.all(inside).as_py() is False:
            value = column[pc.index(inside, pa.scalar(value=False)).as_py()]
            outside = batch.num_rows - pc.sum(inside).as_py()
            shown = value.cast(pa.string()).as_py() if value.is_valid else "NULL"
            raise RunError(
                f"step {self.step_id!r} would write rows outside of the partition {self._partition.name}: "
                f"{outside:,} of {batch.num_rows:,} rows, the first with {self._slice.column} = {shown[:100]}",
                code="RUN083",
                found=f"{self._slice.column} = {shown[:100]}",
                expected=f"rows of {self._partition.name}",
                fix="ask the source for the rows of the partition alone, e.g. between ${partition.start} and "
                "${partition.end}; nothing was written",
            )

    def _inside(self, column: pa.Array) -> pa.Array:
        if self._slice.start is None:
            return pc.is_in(column, value_set=pa.array(list(_values(self._slice, column.type)), column.type))
        first, end = (pa.scalar(bound).cast(column.type) for bound in (self._slice.start, self._slice.end))
        return pc.and_(pc.greater_equal(column, first), pc.less(column, end))

    def end(self) -> None:
        """All rows were of the partition."""


def _values(rows: Slice, kind: pa.DataType) -> Iterator[pa.Scalar]:
    """Yield the values of static partitions that a column of this type can hold: no row has one of the others."""
    for value in rows.values:
        with suppress(pa.ArrowInvalid):
            yield pa.scalar(value).cast(kind)
