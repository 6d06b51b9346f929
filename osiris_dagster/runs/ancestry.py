"""Which run a run executes again. Dagster knows it as fields of a run it launched, and as tags of one in process."""

from __future__ import annotations

from collections.abc import Mapping

from dagster import DagsterInstance, DagsterRun, RunsFilter

_ROOT, _PARENT = "dagster/root_run_id", "dagster/parent_run_id"
# Not `dagster/retry_strategy`, which a job may carry for all its runs: it says how Dagster is to retry them.
_RESUMES = ("dagster/is_resume_retry", "dagster/is_asset_resume_retry")


def root_of(run: DagsterRun) -> str:
    """Return the first run of the chain of re-executions, the run itself when it is none."""
    return run.root_run_id or run.tags.get(_ROOT) or run.run_id


def parent_of(run: DagsterRun) -> str:
    """Return the run that this one executes again, nothing when it is none."""
    return run.parent_run_id or run.tags.get(_PARENT) or ""


def resumed_of(run: DagsterRun) -> str:
    """Return the run that this one goes on with from its failure; a re-execution of everything goes on with none."""
    return parent_of(run) if any(run.tags.get(tag) == "true" for tag in _RESUMES) else ""


def resuming(root_run_id: str, parent_run_id: str) -> Mapping[str, str]:
    """Return the tags of a run that goes on with `parent_run_id` from its failure."""
    return {_ROOT: root_run_id, _PARENT: parent_run_id, "dagster/is_asset_resume_retry": "true"}


def runs_of(instance: DagsterInstance, root_run_id: str) -> list[DagsterRun]:
    """Return the runs of a chain, the last first; none when its first run is unknown."""
    first = instance.get_run_by_id(root_run_id)
    later = list(instance.get_runs(RunsFilter(tags={_ROOT: root_run_id}))) if first else []
    return [*(run for run in later if run.run_id != root_run_id), *([first] if first else [])]
