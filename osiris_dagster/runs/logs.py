"""The log of a run, line by line and in pages, so that its length costs time but no memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dagster import DagsterInstance, EventLogEntry

_PAGE = 1000
_LEVELS = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "error"}


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. `op` is Dagster's name of what was running, empty for the run; `event` its type of event, if any."""

    ts_ms: int
    level: str
    op: str
    event: str
    message: str


def log_lines(instance: DagsterInstance, run_id: str) -> Iterator[LogLine]:
    """Yield the log of a run in the order in which it was stored."""
    cursor: str | None = None
    while True:
        page = instance.get_records_for_run(run_id, cursor=cursor, limit=_PAGE)
        for record in page.records:
            yield _line(record.event_log_entry)
        if not page.has_more:
            return
        cursor = page.cursor


def _line(entry: EventLogEntry) -> LogLine:
    event = entry.dagster_event
    return LogLine(
        ts_ms=round(entry.timestamp * 1000),
        level=_LEVELS.get(entry.level if isinstance(entry.level, int) else 20, "info"),
        op=entry.step_key or "",
        event=event.event_type_value if event else "",
        message=(event.message if event and event.message else entry.user_message) or "",
    )
