"""Runs as Dagster recorded them: the list, and one run step by step."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from dagster import RunRecord as DagsterRunRecord
from dagster import RunsFilter

from osiris_dagster.assets.keys import op_name
from osiris_dagster.codec import to_json
from osiris_dagster.compiler.store import manifest_folder
from osiris_dagster.exports.queue import export_queue
from osiris_dagster.project import Project
from osiris_dagster.runs.instance import open_instance
from osiris_dagster.runs.read import read_run
from osiris_dagster.runs.record import RunRecord
from osiris_dagster.runs.tags import PIPELINE, worked_on
from osiris_dagster.verbs.asked import Asked
from osiris_dagster.verbs.find_run import find_run
from osiris_dagster.verbs.outcome import Outcome, table
from osiris_dagster.verbs.progress import run_text, seconds, steps_table


def list_runs(asked: Asked, *, limit: int = 20, pipeline: str = "") -> Outcome:
    """List runs, the latest first."""
    filters = RunsFilter(tags={PIPELINE: op_name(pipeline)}) if pipeline else None
    with open_instance(asked.project) as instance:
        records = instance.get_run_records(filters, limit=limit)
    runs = [_told(record) for record in records]
    rows = [
        (r["run_id"], f"{r['pipeline']} {r['partition']}".rstrip(), r["status"], r["started"], r["took"]) for r in runs
    ]
    text = table(rows, ("run", "pipeline", "status", "started (UTC)", "took")) if rows else "no runs yet"
    return Outcome({"runs": runs}, text)


def _told(record: DagsterRunRecord) -> dict[str, Any]:
    run = record.dagster_run
    started = datetime.fromtimestamp(record.start_time, UTC) if record.start_time else None
    duration = round((record.end_time - record.start_time) * 1000) if record.end_time and record.start_time else None
    return {
        "run_id": run.run_id,
        "pipeline": run.tags.get(PIPELINE, run.job_name),
        "partition": worked_on(run.tags),
        "status": run.status.value.lower(),
        "started": started.strftime("%Y-%m-%d %H:%M:%S") if started else "",
        "duration_ms": duration,
        "took": seconds(duration) if duration is not None else "",
    }


def view(asked: Asked, *, run: str = "") -> Outcome:
    """Show one run; for a run that is still going on, its state."""
    with open_instance(asked.project) as instance:
        found = find_run(instance, run)
        records = read_run(instance, asked.project, found.run_id)
        state = found.status.value.lower()
    packages = export_queue(asked.project).packages(found.run_id)
    data = {
        "run_id": found.run_id,
        "state": state,
        "pipelines": to_json(records),
        "aiop": packages,
        "manifests": [_manifest(asked.project, record) for record in records],
    }
    parts = [f"{run_text(record, ())}\n\n{steps_table(record.steps)}" for record in records]
    lines = parts or [f"run {found.run_id}: {state}"]
    lines += [f"AIOP  {folder}" for folder in packages]
    return Outcome(data, "\n".join(lines))


def _manifest(project: Project, record: RunRecord) -> str:
    return project.relative(manifest_folder(project.build, record.pipeline, record.manifest_hash))
