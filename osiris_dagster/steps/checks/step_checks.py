"""All checks of one step in one try: each batch is seen once, the results are there when the rows have ended."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from osiris_dagster.arrow import columns_of
from osiris_dagster.compiler.checks import check_fault, columns_named, columns_needed, relation_fault
from osiris_dagster.compiler.manifest import StepPlan
from osiris_dagster.errors import RunError
from osiris_dagster.oml.model import Check
from osiris_dagster.oml.relationship import KIND as RELATIONSHIP
from osiris_dagster.oml.times import duration_seconds
from osiris_dagster.steps.checkpoint import Kept
from osiris_dagster.steps.checks.table import CheckTable
from osiris_dagster.steps.checks.values import VALUE_CHECKS, Failing, failing_values
from osiris_dagster.steps.report import CheckRecord

_OUTSIDE = {
    "not_null": "no {}",
    "accepted_values": "a {} that is not among the accepted values",
    "range": "a {} outside the range",
}
_Outcome = tuple[bool, str, int | None]  # passed, in words, rows at fault


class StepChecks:
    """Sees the rows of one step go by. `results` is empty until `end`."""

    def __init__(
        self, plan: StepPlan, schema: pa.Schema, folder: Path, rows_before: Mapping[str, int], kept: Kept
    ) -> None:
        """`folder` is for a table on disk, `rows_before` the rows of each step in its last good run, `kept` has those
        that a relationship compares with.

        Raises RunError for a check that cannot work on these columns.
        """
        self.step_id = plan.id
        self.results: tuple[CheckRecord, ...] = ()
        self._plan = plan
        self._rows_before = rows_before
        self._kept = kept
        self._rows = 0
        _check_faults(plan, schema, kept)
        self._failing: dict[str, Failing] = {
            check.name: failing_values(check, schema.field(columns_named(check)[0]).type)
            for check in plan.checks
            if check.type in VALUE_CHECKS
        }
        self._counts = dict.fromkeys(self._failing, 0)
        self._newest: dict[str, pa.Scalar] = {}
        self.table = _table(plan, schema, folder)

    def see(self, batch: pa.RecordBatch) -> None:
        """Take note of a batch."""
        self._rows += batch.num_rows
        if not batch.num_rows:
            return
        for check in self._plan.checks:
            if check.name in self._failing:
                self._counts[check.name] += self._failing[check.name](batch.column(columns_named(check)[0]))
            elif check.type == "freshness":
                self._see_age(check, batch)
        if self.table is not None:
            self.table.add(batch)

    def _see_age(self, check: Check, batch: pa.RecordBatch) -> None:
        newest = pc.max(batch.column(columns_named(check)[0]))
        known = self._newest.get(check.name)
        if newest.is_valid and (known is None or pc.greater(newest, known).as_py()):
            self._newest[check.name] = newest

    def end(self) -> None:
        """Judge. Raises RunError when a check of severity error failed, so that no writer sees the end of the rows."""
        self.results = tuple(self._result(check) for check in self._plan.checks)
        failed = [result for result in self.results if not result.passed and result.severity == "error"]
        if failed:
            told = "; ".join(f"{result.name}: {result.message}" for result in failed)
            checks = "a check" if len(failed) == 1 else f"{len(failed)} checks"
            raise RunError(
                f"{checks} of step {self.step_id!r} failed: {told}",
                code="RUN051",
                found=told,
                expected="rows that pass every check of severity error",
                fix="correct the rows at their source; `severity: warn` tells of them and lets them through",
            )

    def _result(self, check: Check) -> CheckRecord:
        try:
            passed, message, failing = self._outcome(check)
        except duckdb.InterruptException:
            raise
        except duckdb.Error as error:
            passed, message, failing = False, f"its SQL failed: {str(error).splitlines()[0]}", None
        return CheckRecord(check.name, check.type, check.severity, passed, self._rows, failing, message)

    def _outcome(self, check: Check) -> _Outcome:
        match check.type:
            case "unique":
                assert self.table is not None
                return _unique(check, *self.table.duplicates(columns_named(check)))
            case "sql":
                assert self.table is not None
                rows = self.table.rows_of(str(check.options["query"]))
                return rows == 0, f"{_counted(rows)} found" if rows else "", rows
            case "relationship":
                assert self.table is not None
                there = str(check.options["to_column"])
                rows = self.table.rows_without(columns_named(check)[0], self._kept.of(check.options["to"]), there)
                return _related(check, rows, self._rows)
            case "row_count":
                return _row_count(check, self._rows, self._rows_before.get(self.step_id))
            case "freshness":
                return _age(check, self._newest.get(check.name))
        failing, name = self._counts[check.name], columns_named(check)[0]
        verb = "has" if failing == 1 else "have"
        said = f"{failing:,} of {_counted(self._rows)} {verb} {_OUTSIDE[check.type].format(f'`{name}`')}"
        return failing == 0, said if failing else "", failing


def _check_faults(plan: StepPlan, schema: pa.Schema, kept: Kept) -> None:
    columns = columns_of(schema)
    for check in plan.checks:
        fault = check_fault(check, columns)
        if fault is None and check.type == RELATIONSHIP:
            fault = relation_fault(check, columns, columns_of(kept.of(check.options["to"]).schema))
        if fault:
            raise RunError(
                f"step {plan.id!r}: {fault.message}",
                code="RUN052",
                found=fault.found,
                expected=fault.expected,
                fix=fault.fix,
            )


def _table(plan: StepPlan, schema: pa.Schema, folder: Path) -> CheckTable | None:
    asked = [check for check in plan.checks if check.type in ("unique", "sql", RELATIONSHIP)]
    if not asked:
        return None
    columns = columns_of(schema)
    names = frozenset[str]().union(*(columns_needed(check, columns) for check in asked))
    return CheckTable(pa.schema([field for field in schema if field.name in names]), folder)


def _counted(rows: int) -> str:
    return f"{rows:,} row{'' if rows == 1 else 's'}"


def _related(check: Check, failing: int, rows: int) -> _Outcome:
    name, verb = columns_named(check)[0], "has" if failing == 1 else "have"
    there = f"`{check.options['to_column']}` of step {check.options['to']!r}"
    said = f"{failing:,} of {_counted(rows)} {verb} a `{name}` that is not among the {there}"
    return failing == 0, said if failing else "", failing


def _unique(check: Check, values: int, rows: int) -> _Outcome:
    names = ", ".join(f"`{name}`" for name in columns_named(check))
    word = "value of {} occurs" if values == 1 else "values of {} occur"
    return values == 0, f"{values:,} {word.format(names)} more than once, in {rows:,} rows" if values else "", rows


def _row_count(check: Check, rows: int, before: int | None) -> _Outcome:
    reasons = list(_count_reasons(check.options, rows, before))
    if reasons:
        return False, f"{_counted(rows)}, {' and '.join(reasons)}", None
    new = "max_change" in check.options and before is None
    return True, "there is no earlier run to compare with" if new else "", None


def _count_reasons(options: Mapping[str, Any], rows: int, before: int | None) -> Iterator[str]:
    if rows < options.get("min", 0):
        yield f"at least {options['min']:,} expected"
    if rows > options.get("max", rows):
        yield f"at most {options['max']:,} expected"
    most = options.get("max_change")
    if most is not None and before is not None and abs(rows - before) > most * before:
        yield f"{before:,} in the last good run: a change of at most {most * 100:g} % expected"


def _age(check: Check, newest: pa.Scalar | None) -> _Outcome:
    name, most = columns_named(check)[0], str(check.options["max_age"])
    if newest is None:
        return False, f"no row has a `{name}`, at most {most} old expected", None
    age = time.time() - newest.cast(pa.timestamp("us")).value / 1e6
    if age <= duration_seconds(most):
        return True, "", None
    return False, f"the newest `{name}` is {age / 3600:,.1f} h old, at most {most} expected", None
