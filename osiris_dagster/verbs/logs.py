"""What a run left: its timeline."""

from __future__ import annotations

from datetime import UTC, datetime

from osiris_dagster.runs.instance import open_instance
from osiris_dagster.runs.read import read_run
from osiris_dagster.runs.record import EventRecord
from osiris_dagster.verbs.asked import Asked
from osiris_dagster.verbs.find_run import find_run
from osiris_dagster.verbs.outcome import Outcome


def show(asked: Asked, *, run: str = "") -> Outcome:
    """Show the timeline of a run, pipeline by pipeline."""
    with open_instance(asked.project) as instance:
        found = find_run(instance, run)
        records = read_run(instance, asked.project, found.run_id)
    lines = [line for record in records for line in (f"# {record.pipeline}", *map(_line, record.events))]
    data = {
        "run_id": found.run_id,
        "pipelines": [
            {
                "pipeline": record.pipeline,
                "events": [
                    {"ts": _moment(e.ts_ms), "type": e.type, "step": e.step_id, "level": e.level, "message": e.message}
                    for e in record.events
                ],
            }
            for record in records
        ],
    }
    return Outcome(data, "\n".join(lines) or f"run {found.run_id} has not ended, or holds no pipeline of this project")


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _line(event: EventRecord) -> str:
    parts = (_moment(event.ts_ms), event.type.ljust(13), event.step_id, event.message.replace("\n", " "))
    return "  ".join(part for part in parts if part).rstrip()
