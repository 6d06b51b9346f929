"""Tries a unit again as the step that failed in it asks for, with growing pauses in between.

A step is tried together with the steps that stream with it, for their rows are gone. What a writer committed all the
same is not written twice: the record of loads knows the run.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter

from osiris_dagster.canonical import slug
from osiris_dagster.oml.model import Retry
from osiris_dagster.steps.report import StepRetry
from osiris_dagster.steps.stream import Fault
from osiris_dagster.steps.unit_run import Attempt, Shared, UnitEnd, UnitRun
from osiris_dagster.steps.units import Unit

LONGEST_PAUSE = 3600.0
"""Seconds beyond which pauses do not grow; a `delay` that is longer stays what it is."""
_JITTER = 0.25  # a pause is up to so much longer, so that steps that failed together do not come back together


def run_unit(unit: Unit, shared: Shared) -> UnitEnd:
    """Run a unit until it ends well, fails for good, or the run is canceled; never raises."""
    started: dict[str, int] = {}
    failures: Counter[str] = Counter()
    number = 0
    while True:
        number += 1
        attempt = Attempt(number, shared.folder / slug(f"{unit.steps[-1]} {number}"), started)
        run = UnitRun(unit, shared, attempt)
        fault = run.run()
        if fault is None:
            return run.ended()
        shutil.rmtree(attempt.folder, ignore_errors=True)
        failures[fault.step_id] += 1
        pause = _pause(shared.plans[fault.step_id].retry, fault, failures[fault.step_id])
        step_id, error = run.blamed(fault)
        if pause is None or error is None:
            return run.broke(fault)
        shared.journal.retried(StepRetry(step_id, shared.clock.now_ms(), number, round(pause * 1000), error))
        if shared.canceled.wait(pause):
            return run.broke(Fault(fault.step_id, None))


def _pause(retry: Retry | None, fault: Fault, failures: int) -> float | None:
    """Return the seconds to wait after so many failures of the step; None when it is not to be tried again."""
    if retry is None or fault.error is None or fault.error.retryable not in retry.on or failures > retry.attempts:
        return None
    grown = retry.delay * 2.0 ** min(failures - 1, 30)
    return min(grown, max(LONGEST_PAUSE, retry.delay)) * random.uniform(1, 1 + _JITTER)  # noqa: S311 - no secret
