"""The verdict of a run in one line: which pipeline, how it ended, where it broke, how much it moved."""

from __future__ import annotations

from osiris_dagster.aiop.facts.normalize import first_failure
from osiris_dagster.aiop.facts.text import cut
from osiris_dagster.aiop.sections.issues import issues
from osiris_dagster.aiop.sections.scope import Scope
from osiris_dagster.aiop.sections.wording import counted, duration

_LONGEST = 300


def summary(scope: Scope) -> str:
    """Return the line that a person reads first."""
    record, totals = scope.facts.record, scope.totals
    line = f"{scope.facts.manifest.pipeline} {'was canceled' if record.status == 'canceled' else record.status}"
    spent = duration(record.end_ms - record.start_ms)
    first = first_failure(record)
    if record.status == "failed":
        line += f" at step {first.step_id}" if first else " outside its steps"
        issue = issues(scope)[0]
        line += f" with {issue.error_type}" + (f" ({issue.code})" if issue.code else "")
    rows = f", {counted(totals.rows_written, 'row')} written" if totals.rows_written is not None else ""
    return cut(" ".join(f"{line} after {spent}{rows}".split()), _LONGEST)
