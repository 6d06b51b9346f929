"""The queue in, packages out: a few runs at a time, within a time budget."""

from __future__ import annotations

import time

from dagster import DagsterInstance

from osiris_dagster.aiop.child import Exporter
from osiris_dagster.aiop.facts.configure import load_options
from osiris_dagster.errors import OsirisError
from osiris_dagster.exports.export import export_run
from osiris_dagster.exports.queue import ExportQueue, Pending, export_queue
from osiris_dagster.project import Project
from osiris_dagster.redaction import PROCESS, capture

UNFORESEEN = "AIO034"
BUDGET = 30.0  # seconds of work; Dagster ends a tick of a sensor after 60


def work_off(instance: DagsterInstance, project: Project, budget: float = BUDGET) -> tuple[int, list[str]]:
    """Export queued runs for at most `budget` seconds; return how many, and what failed. Idempotent."""
    queue = export_queue(project)
    if not load_options(project).enabled:
        return 0, []  # they wait, for the day on which packages are wanted
    deadline = time.monotonic() + budget
    exported, failed = 0, []
    waiting = list(queue.pending())
    if not waiting:
        return 0, []
    with Exporter() as exporter:
        for item in waiting:
            if time.monotonic() >= deadline:
                break
            error = _export(instance, project, item.run_id, exporter)
            if error:
                failed.append(f"run {item.run_id}: {error}" + _put_back(queue, item, error))
            else:
                exported += 1
    return exported, failed


def _export(instance: DagsterInstance, project: Project, run_id: str, exporter: Exporter) -> str:
    """Export a run; return what went wrong, nothing when all is well."""
    try:
        export_run(instance, project, run_id, exporter=exporter)
    except OsirisError as error:
        return PROCESS.text(str(error))
    except OSError as error:
        return f"AIO007 the package cannot be written: {error.strerror or type(error).__name__}"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is kept with the run, and the next run has its turn
        where = capture(error, PROCESS, project.root)
        frame = where.frames[-1] if where.frames else None
        return f"{UNFORESEEN} {where.type}: {where.message}" + (f" ({frame.file}:{frame.line})" if frame else "")
    return ""


def _put_back(queue: ExportQueue, item: Pending, error: str) -> str:
    """Count the failed attempt; a disk that takes not even that leaves the run where it waits."""
    try:
        return "; given up, see the dead folder" if queue.failed(item, error) else ""
    except OSError:
        return ""
