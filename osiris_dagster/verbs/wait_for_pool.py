"""Wait until no other run of the pipeline's pool is going on; say so, and give up after a while."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from dagster import DagsterInstance

from osiris_dagster.assets.automation import pool_of
from osiris_dagster.assets.keys import op_name
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.errors import RunError
from osiris_dagster.runs.lost import end_lost_runs
from osiris_dagster.runs.pools import claim, free_ended, holders_of, limit_pools, releasing
from osiris_dagster.verbs.asked import Say

PATIENCE = 600  # seconds, unless --wait says another number
_PAUSE = 1.0  # seconds between two tries


@contextmanager
def slot_of_pool(instance: DagsterInstance, manifest: Manifest, run_id: str, wait: int, say: Say) -> Iterator[None]:
    """Hold the pipeline's slot for the block; RunError when it is not free within `wait` seconds."""
    pool = pool_of(manifest)
    if pool is None:
        yield
        return
    limit_pools(instance, [pool])
    with releasing(instance, run_id):
        _wait(instance, pool, manifest, run_id, wait, say)
        yield


def _wait(instance: DagsterInstance, pool: str, manifest: Manifest, run_id: str, wait: int, say: Say) -> None:
    deadline = time.monotonic() + wait
    told = False
    while not claim(instance, pool, run_id, op_name(manifest.pipeline)):
        end_lost_runs(instance)
        freed, others = free_ended(instance), holders_of(instance, pool)
        if freed:
            continue
        if time.monotonic() >= deadline:
            raise _busy(manifest, others, wait)
        if not told:
            say(f"waiting for another run of the pool {manifest.concurrency}: {', '.join(others) or 'about to start'}")
            told = True
        time.sleep(_PAUSE)


def _busy(manifest: Manifest, others: tuple[str, ...], wait: int) -> RunError:
    who = f"run {', '.join(others)}" if others else "a run about to start"
    return RunError(
        f"another run of the pool {manifest.concurrency!r} is going on; nothing was run",
        code="CMP102",
        found=f"{who}, still after {wait} s",
        expected="at most one run of a pool at a time",
        fix="wait for it, or end it in the UI; --wait SECONDS says how long to wait",
    )
