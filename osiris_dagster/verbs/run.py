"""Run one OML file in this process: compile, let Dagster execute and record it, export the package, report."""

from __future__ import annotations

import logging
import os
import uuid
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg

from osiris_dagster.aiop.facts.configure import load_options
from osiris_dagster.assets.factory import PipelineAssets, pipeline_assets
from osiris_dagster.assets.keys import job_name, step_keys
from osiris_dagster.assets.translator import DagsterOsirisTranslator
from osiris_dagster.codec import to_json
from osiris_dagster.compiler.draft import Compiled
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.compiler.params import param_text
from osiris_dagster.compiler.store import store
from osiris_dagster.connections.project import connections_of
from osiris_dagster.errors import Diagnostic, OsirisError, RunError
from osiris_dagster.exports.checkpoints import drop_checkpoints
from osiris_dagster.exports.export import Exported, export_run
from osiris_dagster.exports.queue import export_queue
from osiris_dagster.loading import compile_file
from osiris_dagster.oml.render import render
from osiris_dagster.project import Project
from osiris_dagster.resources.services import Services
from osiris_dagster.resources.table import driver_resources
from osiris_dagster.runs.instance import open_instance
from osiris_dagster.runs.read import read_run
from osiris_dagster.runs.record import RunRecord
from osiris_dagster.runs.tags import FULL_REFRESH, ORIGIN, process_tags
from osiris_dagster.specs.load import load_catalogue
from osiris_dagster.verbs.asked import Asked, WrongUsageError
from osiris_dagster.verbs.choose_partitions import Wanted, runs_of
from osiris_dagster.verbs.choose_steps import (
    Chosen,
    Earlier,
    earlier_run,
    file_of,
    manifest_of,
    named_steps,
    unfinished_steps,
)
from osiris_dagster.verbs.outcome import INTERRUPTED, OK, RUN_FAILED, Outcome
from osiris_dagster.verbs.progress import Progress, run_text
from osiris_dagster.verbs.wait_for_pool import PATIENCE, slot_of_pool

_EXIT = {"completed": OK, "failed": RUN_FAILED, "canceled": INTERRUPTED}
# Runs made in process belong to the same repository as those of the UI, so that its job pages list them.
_REPOSITORY = "__repository__@osiris_dagster.definitions"
# Our own progress says what happens; Dagster's log goes to the event log only.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def run_file(  # noqa: PLR0913 - the options of the verb
    asked: Asked,
    *,
    file: str = "",
    no_aiop: bool = False,
    retry: str | None = None,
    select: Sequence[str] = (),
    full_refresh: bool = False,
    partition: str = "",
    partition_range: str = "",
    each: bool = False,
    wait: int = PATIENCE,
) -> Outcome:
    """Run a file, or go on with the run `retry`; exit code 0, 4 when a step failed, 130 when it was interrupted.

    With `each`, every partition of `partition_range` has a run of its own; one that fails does not stop the others.

    Raises OmlError, CompileError, ConfigError also for a secret that is not set, WrongUsageError when the options do
    not say what to run, and RunError when another run of the pipeline's pool goes on for longer than `wait` seconds.
    """
    # A beta mark of Dagster is nothing that the person who runs a pipeline can act on.
    warnings.filterwarnings("ignore", category=dg.BetaWarning)
    # Nor about a connection to the event log that an interrupt caught while it was being closed.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    project = asked.project
    path, earlier = _meant(project, file, retry, select)
    catalogue = load_catalogue()
    services = Services(project, connections_of(project, asked.settings, catalogue), catalogue)
    compiled, text = _compiled(asked, path, services, earlier)
    manifest = compiled.manifest
    chosen = named_steps(manifest, select)
    if earlier:
        chosen = unfinished_steps(manifest, earlier, manifest_of(project, earlier.record))
    if full_refresh:
        chosen = replace(chosen, tags={**chosen.tags, FULL_REFRESH: "true"})
    wanted = Wanted(partition, partition_range, each, earlier.record.partition if earlier else "")
    runs = runs_of(manifest, wanted)
    for reference in sorted({step.connection for step in manifest.steps if step.connection}):
        services.connections.resolve(reference)  # a missing secret ends it here, before anything is read or written
    store(project.build, manifest, text)
    if compiled.diagnostics:
        asked.progress(render(compiled.diagnostics))
    going = _Going(asked, manifest, services, wait, no_aiop)
    outcomes: list[Outcome] = []
    with open_instance(project) as instance:
        for tags in runs:
            outcomes.append(_run(instance, going, replace(chosen, tags={**chosen.tags, **tags}), compiled.diagnostics))
            if outcomes[-1].exit_code == INTERRUPTED:
                break
    return _together(outcomes) if each else outcomes[0]


@dataclass(frozen=True, slots=True)
class _Going:
    """What the runs of one call have in common."""

    asked: Asked
    manifest: Manifest
    services: Services
    wait: int
    no_aiop: bool


def _run(instance: dg.DagsterInstance, going: _Going, chosen: Chosen, warned: tuple[Diagnostic, ...]) -> Outcome:
    """Make one run, from the pool's slot to its package."""
    manifest, project, run_id = going.manifest, going.asked.project, str(uuid.uuid4())
    progress = Progress(manifest, going.asked.progress)
    built = pipeline_assets(manifest, going.services, DagsterOsirisTranslator(), listener=progress.hear)
    with slot_of_pool(instance, manifest, run_id, going.wait, going.asked.progress):
        _execute(instance, manifest, built, going.services, chosen, run_id)
    record = _record_of(instance, project, run_id, manifest)
    drop_checkpoints(instance, project, manifest.pipeline, record.root_run_id)
    exported, missed = ((), ()) if going.no_aiop else _export(instance, project, run_id)
    return _outcome(record, exported, (*warned, *missed))


def _together(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the outcome of several runs: it went as the worst of them."""
    statuses = [outcome.data["status"] for outcome in outcomes]
    status = next(status for status in ("canceled", "failed", "completed") if status in statuses)
    found = dict.fromkeys(found for outcome in outcomes for found in outcome.diagnostics)
    data = {"pipeline": outcomes[0].data["pipeline"], "status": status, "runs": [each.data for each in outcomes]}
    return Outcome(data, "\n".join(outcome.text for outcome in outcomes), _EXIT[status], tuple(found))


def _meant(project: Project, file: str, retry: str | None, select: Sequence[str]) -> tuple[Path, Earlier | None]:
    """Return the OML file to run, and the earlier run to go on with."""
    if not (file or retry) or (retry and select):
        raise WrongUsageError(
            "it is not clear what to run",
            found="both --retry and --select" if file or retry else "no file",
            expected="a file, alone or with --select STEP; or --retry RUN, alone or with a file",
            fix="osiris run pipelines/NAME.yaml",
        )
    path = Path(file).resolve() if file else None
    if not retry:
        return path or Path(), None
    with open_instance(project) as instance:
        earlier = earlier_run(instance, project, retry, path)
    return path or file_of(project, earlier.record), earlier


def _compiled(asked: Asked, path: Path, services: Services, earlier: Earlier | None) -> tuple[Compiled, str]:
    """Compile the file as it is now; going on with a run, its parameters hold unless others are given."""
    compiled, text = compile_file(asked.project, path, asked.settings, services.connections)
    if earlier is None:
        return compiled, text
    before = manifest_of(asked.project, earlier.record).params
    held = {name: param_text(value) for name, value in before.items() if name in compiled.manifest.params}
    settings = replace(asked.settings, params={**held, **asked.settings.params})
    return compile_file(asked.project, path, settings, services.connections)


def _execute(
    instance: dg.DagsterInstance,
    manifest: Manifest,
    built: PipelineAssets,
    services: Services,
    chosen: Chosen,
    run_id: str,
) -> None:
    """Run steps of the pipeline's job in this process, recorded on the instance under `run_id`."""
    definitions = dg.Definitions(assets=built.assets, jobs=[built.job], resources=driver_resources(services.catalogue))
    job = definitions.resolve_job_def(job_name(manifest.pipeline))
    keys = step_keys(manifest)
    job.execute_in_process(
        instance=instance,
        run_config=_QUIET,
        raise_on_error=False,
        asset_selection=[keys[step] for step in sorted(chosen.steps)] or None,
        tags={**_tags(run_id), **chosen.tags},
        run_id=run_id,
    )


def _tags(run_id: str) -> dict[str, str]:
    return {ORIGIN: "cli", **process_tags(run_id, os.getpid()), ".dagster/repository": _REPOSITORY}


def _record_of(instance: dg.DagsterInstance, project: Project, run_id: str, manifest: Manifest) -> RunRecord:
    for record in read_run(instance, project, run_id):
        if record.pipeline == manifest.pipeline:
            return record
    run = instance.get_run_by_id(run_id)
    raise RunError(
        f"Dagster recorded no end of run {run_id}",
        code="RUN031",
        found=run.status.value if run else "no such run",
        expected="a run that ended",
        fix=f"see `osiris runs view {run_id}`",
    )


def _export(
    instance: dg.DagsterInstance, project: Project, run_id: str
) -> tuple[tuple[Exported, ...], tuple[Diagnostic, ...]]:
    """Export the run; a package that fails never changes how the run went, it waits in the queue instead."""
    try:
        options = load_options(project)
        return export_run(instance, project, run_id, options) if options.enabled else (), ()
    except OsirisError as error:
        missed = error.diagnostics
    except OSError as error:
        missed = (Diagnostic("AIO007", f"the package cannot be written: {error.strerror or type(error).__name__}"),)
    with suppress(OSError):
        export_queue(project).add(run_id)
    return (), tuple(replace(found, severity="warning") for found in missed)


def _outcome(record: RunRecord, exported: tuple[Exported, ...], warned: tuple[Diagnostic, ...]) -> Outcome:
    steps: list[dict[str, Any]] = [
        {
            "id": step.step_id,
            "status": step.status,
            "rows_in": step.rows_in,
            "rows_out": step.rows_out,
            "duration_ms": step.took_ms,
            **({"attempts": step.attempts} if step.attempts > 1 else {}),
            **({"checks": to_json(step.checks)} if step.checks else {}),
            **({"error": to_json(step.error)} if step.error else {}),
        }
        for step in record.steps
    ]
    data = {
        "run_id": record.run_id,
        "pipeline": record.pipeline,
        "manifest_hash": record.manifest_hash,
        "status": record.status,
        **({"partition": record.partition} if record.partition else {}),
        "duration_ms": record.end_ms - record.start_ms,
        "steps": steps,
        "aiop": to_json(exported),
    }
    return Outcome(data, _text(record, exported, warned), _EXIT[record.status], warned)


def _text(record: RunRecord, exported: tuple[Exported, ...], warned: tuple[Diagnostic, ...]) -> str:
    missed = [d for d in warned if d.code.startswith("AIO")]
    return run_text(record, exported) + ("\n" + render(missed) if missed else "")
