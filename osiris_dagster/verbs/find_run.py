"""Which run is meant: an id, its first characters, or the last one."""

from __future__ import annotations

from dagster import DagsterInstance, DagsterRun, RunsFilter

from osiris_dagster.errors import OsirisError
from osiris_dagster.runs.read import ENDED

_NEWEST = 500


class RunNotFoundError(OsirisError):
    """No run of that id; the exit code is that of `logs aiop`."""

    exit_code = 2
    code = "RUN030"


def find_run(instance: DagsterInstance, wanted: str, *, ended: bool = False) -> DagsterRun:
    """Return the run that `wanted` names, or the last one for an empty text; RunNotFoundError without one."""
    matching = _matching(instance, wanted, RunsFilter(statuses=list(ENDED)) if ended else None)
    if wanted and len(matching) > 1:
        raise RunNotFoundError(
            f"{len(matching)} runs begin with {wanted!r}",
            found=", ".join(run.run_id for run in matching[:5]),
            expected="enough characters to name one run",
            fix="give more characters of the id",
        )
    if matching:
        return matching[0]
    going_on = _matching(instance, wanted, None) if ended and wanted else []
    if going_on:
        raise RunNotFoundError(
            f"run {going_on[0].run_id} has not ended",
            found=going_on[0].status.value.lower(),
            expected="a run that has ended",
            fix=f"wait for its end; see `osiris runs view {going_on[0].run_id}`",
        )
    raise RunNotFoundError(
        f"there is no run {wanted!r}" if wanted else "there is no run yet",
        found=wanted,
        expected="a run id or its first characters",
        fix="see `osiris runs list`",
    )


def _matching(instance: DagsterInstance, wanted: str, filters: RunsFilter | None) -> list[DagsterRun]:
    """Return the runs whose ids begin with `wanted`, the latest first; for an empty text only the last run."""
    exact = instance.get_run_by_id(wanted) if wanted else None
    if exact is not None and (filters is None or exact.status in ENDED):
        return [exact]
    runs = instance.get_runs(filters, limit=_NEWEST if wanted else 1)
    return [run for run in runs if run.run_id.startswith(wanted)]
