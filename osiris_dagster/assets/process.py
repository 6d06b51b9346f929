"""What the process of a run does before its first step: it says who it is, and waits for its turn."""

from __future__ import annotations

import multiprocessing
import os
import time
from contextlib import suppress

import psutil
from dagster import AssetExecutionContext

from osiris_dagster.assets.automation import pool_of
from osiris_dagster.assets.keys import op_name
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.runs.pools import claim, holders_of
from osiris_dagster.runs.tags import PROCESS_OF, process_tags

_IN_CHILDREN = ("multiprocess", "multi_or_in_process_executor")  # executors that start a process for each step
_PAUSE = 1.0  # seconds between two looks at a pool


def tell_process(context: AssetExecutionContext) -> None:
    """Tag the run with its process, where that is on this host, so that its end is noticed however it comes."""
    run, executor = context.run, context.job_def.executor_def.name
    parent = multiprocessing.parent_process() if executor in _IN_CHILDREN else None
    if run.tags.get(PROCESS_OF) == run.run_id or executor not in ("in_process", *_IN_CHILDREN):
        return
    pid = parent.pid if parent and parent.pid else os.getpid()
    with suppress(psutil.Error):
        context.instance.add_run_tags(run.run_id, process_tags(run.run_id, pid))


def wait_for_pool(manifest: Manifest, context: AssetExecutionContext) -> None:
    """Hold the pool for the whole run, not for this step: its first step claims it, the end of the run frees it."""
    pool = pool_of(manifest)
    if pool is None:
        return
    told = False
    while not claim(context.instance, pool, context.run.run_id, op_name(manifest.pipeline)):
        if not told:
            holders = ", ".join(holders_of(context.instance, pool)) or "one about to start"
            context.log.info("waiting for another run of the pool %s: %s", manifest.concurrency, holders)
            told = True
        time.sleep(_PAUSE)
