"""Runs whose process is gone without a word: reported to Dagster as failed."""

from __future__ import annotations

import socket

import psutil
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter

from osiris_dagster.runs.tags import HOST, PID, PROCESS_OF, STARTED


def end_lost_runs(instance: DagsterInstance) -> int:
    """Report runs on this host whose process is gone as failed; return how many.

    Dagster does so while the code server that started the process is there; after a kill of all, nobody does.
    """
    filters = RunsFilter(
        statuses=[DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING],
        tags={HOST: socket.gethostname()},
    )
    told = (run for run in instance.get_runs(filters) if run.tags.get(PROCESS_OF) == run.run_id)
    lost = [run for run in told if not _alive(run)]
    for run in lost:
        instance.report_run_failed(run, "The process of this run is gone; it did not end by itself.")
    return len(lost)


def _alive(run: DagsterRun) -> bool:
    try:
        process = psutil.Process(int(run.tags.get(PID, "0")))
        if process.status() == psutil.STATUS_ZOMBIE:  # ended, and nobody asked for it, as in a container without init
            return False
        return abs(process.create_time() - float(run.tags.get(STARTED, "0"))) < 2
    except (psutil.Error, ValueError):
        return False
