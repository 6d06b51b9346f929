"""What a run left: its timeline, and its AI Operation Package."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from osiris_dagster.atomic import write_bytes
from osiris_dagster.errors import AiopError
from osiris_dagster.runs.instance import open_instance
from osiris_dagster.runs.read import read_run
from osiris_dagster.runs.record import EventRecord
from osiris_dagster.sensors.export import export_run
from osiris_dagster.sensors.queue import export_queue
from osiris_dagster.verbs.asked import Asked
from osiris_dagster.verbs.find_run import find_run
from osiris_dagster.verbs.outcome import Outcome

_FILES = {"json": "core.jsonld", "md": "run-card.md"}


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


def aiop(
    asked: Asked,
    *,
    run: str = "",
    session: str = "",
    last: bool = False,
    format: str = "json",  # noqa: A002 - the option's name
    output: str = "",
) -> Outcome:
    """Show the package of a run, building it when it is not there; exit code 2 for an unknown run."""
    project = asked.project
    wanted = "" if last else run or session
    with open_instance(project) as instance:
        found = find_run(instance, wanted, ended=True)
        folders = export_queue(project).packages(found.run_id)
        if not all((project.root / folder / _FILES[format]).is_file() for folder in folders) or not folders:
            folders = [package.folder for package in export_run(instance, project, found.run_id)]
    if not folders:
        raise AiopError(
            f"run {found.run_id} has no package: it holds no pipeline of this project",
            code="AIO020",
            expected="a run of an OML pipeline",
            fix="see `osiris runs list`",
        )
    texts = [(project.root / folder / _FILES[format]).read_text(encoding="utf-8") for folder in folders]
    text = "\n\n".join(texts)
    if output:
        write_bytes(Path(output).resolve(), text)
        return Outcome({"run_id": found.run_id, "packages": folders, "output": output}, f"written to {output}")
    shown = [json.loads(t) for t in texts] if format == "json" else texts
    return Outcome({"run_id": found.run_id, "packages": folders, "documents": shown}, text)
