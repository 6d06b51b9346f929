"""What the steps of one try of a unit promise about their rows, hung on its streams: declared columns, data checks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from osiris_dagster.canonical import slug
from osiris_dagster.columns import Columns
from osiris_dagster.compiler.manifest import StepPlan
from osiris_dagster.steps.checkpoint import Kept
from osiris_dagster.steps.checks.completion import Completion
from osiris_dagster.steps.checks.filled import FilledColumns
from osiris_dagster.steps.checks.partition_rows import PartitionRows, rows_of_partition
from osiris_dagster.steps.checks.step_checks import StepChecks
from osiris_dagster.steps.checks.table import CheckTable
from osiris_dagster.steps.open_drivers import OpenDriver, OpenDrivers
from osiris_dagster.steps.promises import check_contract
from osiris_dagster.steps.report import CheckRecord
from osiris_dagster.steps.runtime import Runtime
from osiris_dagster.steps.stream import Observer, Stream


class UnitChecks:
    """`begin` a step when its columns are known, `watch` the stream of its rows, `complete` before a commit."""

    def __init__(self, runtime: Runtime, folder: Path, drivers: OpenDrivers, kept: Kept) -> None:
        self._runtime = runtime
        self._kept = kept
        self._folder = folder
        self._drivers = drivers
        self._checks: dict[str, StepChecks] = {}
        self._filled: dict[str, FilledColumns] = {}
        self._partitions: dict[str, PartitionRows] = {}
        self._tables: dict[str, OpenDriver[CheckTable]] = {}
        self._watched: list[Stream] = []

    def begin(self, plan: StepPlan, columns: Columns, schema: pa.Schema) -> None:
        """Raise RunError when the columns are not those declared, or a check cannot work on them."""
        if plan.columns is None:  # else the compiler has
            check_contract(plan, columns)
        names = {column.name for column in columns}
        filled = [column.name for column in plan.contract if not column.nullable and column.name in names]
        if filled:
            self._filled[plan.id] = FilledColumns(plan.id, filled)
        if (rows := rows_of_partition(plan, columns, self._runtime.partition)) is not None:
            self._partitions[plan.id] = rows
        if plan.checks:
            folder = self._folder / slug(f"checks {plan.id}")
            checks = self._checks[plan.id] = StepChecks(plan, schema, folder, self._runtime.rows_before, self._kept)
            if checks.table is not None:
                self._tables[plan.id] = self._drivers.add(checks.table)

    def watch(self, stream: Stream, step_id: str) -> None:
        """Let what a step promises see the rows of a stream."""
        promises = (self._filled, self._partitions, self._checks)
        possible: tuple[Observer | None, ...] = tuple(each.get(step_id) for each in promises)
        observers = [observer for observer in possible if observer is not None]
        if observers:
            stream.observe(*observers)
            self._watched.append(stream)

    def last(self, stream: Stream, step_id: str) -> None:
        """Let all checks be complete before the reader of this stream, which commits or keeps rows, sees its end."""
        stream.observe(Completion(step_id, lambda: self.complete(before=stream)))

    def complete(self, before: Stream | None = None) -> None:
        """Read what was not read: a step may stop early, e.g. with a LIMIT, and its checks are about all rows."""
        for stream in self._watched:
            if stream is not before and not stream.ended:
                deque(stream, maxlen=0)

    def opened(self, step_id: str) -> Iterator[OpenDriver[CheckTable]]:
        """Yield what has to be interrupted with the step."""
        if (table := self._tables.get(step_id)) is not None:
            yield table

    def found(self, step_id: str) -> tuple[CheckRecord, ...]:
        """Return the results of a step, without secrets; none unless all of its rows were seen."""
        checks = self._checks.get(step_id)
        clean = self._runtime.redactor.text
        return tuple(replace(result, message=clean(result.message)) for result in checks.results) if checks else ()

    def close(self) -> None:
        """Forget the rows that were kept."""
        for table in self._tables.values():
            self._drivers.close(table)
