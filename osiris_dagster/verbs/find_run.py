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
    filters = RunsFilter(statuses=list(ENDED)) if ended else None
    runs = instance.get_runs(filters, limit=1 if not wanted else _NEWEST)
    matching = [run for run in runs if run.run_id.startswith(wanted)]
    exact = instance.get_run_by_id(wanted) if wanted and not matching else None
    if exact is not None:
        return exact
    if not matching:
        raise RunNotFoundError(
            f"there is no run {wanted!r}" if wanted else "there is no run yet",
            found=wanted,
            expected="a run id or its first characters",
            fix="see `osiris runs list`",
        )
    if wanted and len(matching) > 1:
        raise RunNotFoundError(
            f"{len(matching)} runs begin with {wanted!r}",
            found=", ".join(run.run_id for run in matching[:5]),
            expected="enough characters to name one run",
            fix="give more characters of the id",
        )
    return matching[0]
