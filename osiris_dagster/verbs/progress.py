"""Step events in, short lines for people out: while a run goes on, and when it has ended."""

from __future__ import annotations

from collections.abc import Sequence

from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.exports.export import Exported
from osiris_dagster.runs.record import RunRecord
from osiris_dagster.steps.report import StepEvent, StepProgress, StepRecord, StepRetry, StepStarted
from osiris_dagster.verbs.asked import Say
from osiris_dagster.verbs.outcome import table

_MARKS = {"completed": "ok", "failed": "FAILED", "aborted": "stopped", "canceled": "canceled", "skipped": "not run"}


class Progress:
    """Hears the events of one run and says one line for each step that ends, and a live line in between."""

    def __init__(self, manifest: Manifest, say: Say) -> None:
        self._say = say
        self._width = max(len(step.id) for step in manifest.steps)
        self._rows: dict[str, int] = {}

    def hear(self, event: StepEvent) -> None:
        """Take one event; cheap enough to be called for every one."""
        if isinstance(event, StepStarted | StepProgress):
            self._rows[event.step_id] = event.rows if isinstance(event, StepProgress) else 0
            running = ", ".join(f"{step} {rows:,}" for step, rows in self._rows.items())
            self._say(f"running: {running} rows", live=True)
            return
        self._rows.pop(event.step_id, None)
        self._say(self._retried(event) if isinstance(event, StepRetry) else self._ended(event))

    def _retried(self, event: StepRetry) -> str:
        said = (event.error.message.splitlines() or [event.error.type])[0]
        again = f"attempt {event.attempt} failed, again in {seconds(event.pause_ms)}"
        return f"  {event.step_id.ljust(self._width)}  {again}: {said}"

    def _ended(self, event: StepRecord) -> str:
        name = event.step_id.ljust(self._width)
        if event.status == "completed":
            return f"  {name}  ok  {event.rows_out or 0:>12,} rows  {seconds(event.took_ms or 0)}"
        said = f": {event.error.message.splitlines()[0]}" if event.error and event.error.message else ""
        return f"  {name}  {_MARKS[event.status]}{said}"


def seconds(milliseconds: int) -> str:
    """Return a duration as people read it."""
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.1f} s"
    minutes, rest = divmod(round(milliseconds / 1000), 60)
    return f"{minutes} min {rest:02d} s"


def run_text(record: RunRecord, exported: Sequence[Exported]) -> str:
    """Return the end of a run in a few lines: how it went, what it wrote, where the package lies."""
    took = seconds(record.end_ms - record.start_ms)
    name = f"{record.pipeline} {record.partition}" if record.partition else record.pipeline
    lines = [f"{name}: {record.status} in {took}  (run {record.run_id})"]
    failed = next((step for step in record.steps if step.status == "failed"), None)
    error = failed.error if failed else record.error
    if error:
        where = f"step {failed.step_id}: " if failed else ""
        lines.append(f"  {where}{error.type}: {error.message}")
        if error.fix:
            lines.append(f"  fix: {error.fix}")
    lines += [
        f"  {'check failed' if check.severity == 'error' else 'warning'}: {step.step_id}, {check.name}: {check.message}"
        for step in record.steps
        for check in step.checks
        if not check.passed
    ]
    lines += [f"  wrote {a.path}  ({a.size_bytes:,} bytes)" for step in record.steps for a in step.artifacts]
    lines += [f"  AIOP  {package.folder}" for package in exported]
    return "\n".join(lines)


def steps_table(steps: Sequence[StepRecord]) -> str:
    """Return how each step of a run went, one line each."""
    rows = [
        (
            step.step_id,
            _MARKS[step.status],
            "" if step.rows_in is None else f"{step.rows_in:,}",
            "" if step.rows_out is None else f"{step.rows_out:,}",
            "" if step.took_ms is None else seconds(step.took_ms),
            "" if step.peak_memory_bytes is None else f"{step.peak_memory_bytes / 1e6:,.0f} MB",
        )
        for step in steps
    ]
    return table(rows, ("step", "status", "rows in", "rows out", "took", "peak memory"))
