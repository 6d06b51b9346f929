"""Columns declared `nullable: false`: the first NULL in one of them ends the stream."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from osiris_dagster.errors import RunError


class FilledColumns:
    """Sees the rows of one step go by. Raises RunError, naming column and row, at the first NULL."""

    def __init__(self, step_id: str, names: Sequence[str]) -> None:
        self.step_id = step_id
        self._names = names
        self._rows = 0

    def see(self, batch: pa.RecordBatch) -> None:
        """Look for NULL."""
        for name in self._names:
            column = batch.column(name)
            if column.null_count:
                row = self._rows + pc.index(column.is_null(), True).as_py() + 1
                raise RunError(
                    f"column {name!r} of step {self.step_id!r} has no value in row {row:,}",
                    code="RUN054",
                    found="NULL",
                    expected="a value in every row, as `nullable: false` declares",
                    fix="correct the rows at their source, or declare the column without `nullable: false`",
                )
        self._rows += batch.num_rows

    def end(self) -> None:
        """Nothing was missing."""
