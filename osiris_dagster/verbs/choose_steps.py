"""Which steps of a pipeline a call means: all, those it names, or those that an earlier run did not end well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dagster import DagsterInstance, DagsterRun, RunsFilter

from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.compiler.store import load
from osiris_dagster.project import Project
from osiris_dagster.runs.ancestry import resuming
from osiris_dagster.runs.lost import end_lost_runs
from osiris_dagster.runs.read import ENDED, read_run
from osiris_dagster.runs.record import RunRecord
from osiris_dagster.runs.tags import FULL_REFRESH
from osiris_dagster.specs.nearest import did_you_mean
from osiris_dagster.verbs.asked import WrongUsageError
from osiris_dagster.verbs.find_run import RunNotFoundError, find_run

LAST = "last"
_NEWEST = 200  # runs in which the last one of a pipeline is looked for


@dataclass(frozen=True, slots=True)
class Chosen:
    """Steps to run, and what the run is tagged with because of them; all steps without any."""

    steps: frozenset[str] = frozenset()
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Earlier:
    """A run to go on with."""

    record: RunRecord
    full_refresh: bool  # whether its incremental steps began anew

    @property
    def tags(self) -> Mapping[str, str]:
        """The tags of a run that goes on with it."""
        kept = {FULL_REFRESH: "true"} if self.full_refresh else {}
        return {**resuming(self.record.root_run_id, self.record.run_id), **kept}


def named_steps(manifest: Manifest, names: Sequence[str]) -> Chosen:
    """Return the steps of these ids; WrongUsageError with the nearest for an unknown one."""
    known = [step.id for step in manifest.steps]
    for name in names:
        if name not in known:
            raise WrongUsageError(
                f"pipeline {manifest.pipeline!r} has no step {name!r}",
                found=name,
                expected=", ".join(known),
                fix=did_you_mean(name, known) or "name a step that the file has",
            )
    return Chosen(frozenset(names))


def earlier_run(instance: DagsterInstance, project: Project, wanted: str, file: Path | None) -> Earlier:
    """Return the run to go on with: `wanted`, or for `last` the latest that ended, of the pipeline in `file` if given.

    RunNotFoundError without such a run, WrongUsageError when it ran several pipelines and `file` does not say which.
    """
    end_lost_runs(instance)  # a run whose process was killed has not ended by itself
    shown = project.relative(file) if file else ""
    for run in [find_run(instance, wanted, ended=True)] if wanted != LAST else _latest(instance):
        records = [r for r in read_run(instance, project, run.run_id) if shown in ("", _file_of(project, r))]
        if len(records) > 1:
            raise WrongUsageError(
                f"run {run.run_id} ran several pipelines",
                found=", ".join(record.pipeline for record in records),
                expected="the OML file of one of them",
                fix=f"osiris run pipelines/... --retry {run.run_id}",
            )
        if records:
            return Earlier(records[0], run.tags.get(FULL_REFRESH) == "true")
    raise RunNotFoundError(
        f"there is no run of {shown} that could be retried" if shown else "there is no run that could be retried",
        found=wanted,
        expected="a run that has ended",
        fix="see `osiris runs list`",
    )


def file_of(project: Project, record: RunRecord) -> Path:
    """Return the OML file that a run was compiled from. CompileError when its manifest is gone."""
    return project.inside(_file_of(project, record))


def unfinished_steps(manifest: Manifest, earlier: Earlier, before: Manifest) -> Chosen:
    """Return the steps that `earlier` did not end well, and those that the file has got since if it ran all it had.

    WrongUsageError when there is none.
    """
    record = earlier.record
    well = {step.step_id for step in record.steps if step.status == "completed"}
    ran = {step.step_id for step in record.steps}
    if ran >= {step.id for step in before.steps}:
        ran |= {step.id for step in manifest.steps}
    steps = frozenset(step.id for step in manifest.steps if step.id in ran - well)
    if not steps:
        raise WrongUsageError(
            f"run {record.run_id} has nothing to retry",
            found=f"it {record.status}, and all of its steps ended well",
            expected="a run with a step that did not end well",
            fix=f"to run everything again: osiris run {manifest.file}",
        )
    return Chosen(steps, earlier.tags)


def manifest_of(project: Project, record: RunRecord) -> Manifest:
    """Return the manifest that a run had. CompileError when it is gone."""
    return load(project.build, record.pipeline, record.manifest_hash)


def _latest(instance: DagsterInstance) -> Sequence[DagsterRun]:
    return instance.get_runs(RunsFilter(statuses=list(ENDED)), limit=_NEWEST)


def _file_of(project: Project, record: RunRecord) -> str:
    return manifest_of(project, record).file
