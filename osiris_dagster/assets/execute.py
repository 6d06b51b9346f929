"""The body of a pipeline's op: run the selected steps, and tell Dagster about each of them from the main thread."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psutil
from dagster import (
    AssetCheckKey,
    AssetCheckResult,
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    DagsterExecutionInterruptedError,
    DagsterRun,
    DagsterRunStatus,
    EventLogEntry,
    Failure,
    MaterializeResult,
)

from osiris_dagster.assets.automation import pool_of
from osiris_dagster.assets.checks import check_results, rows_before
from osiris_dagster.assets.keys import op_name, step_keys, step_ops
from osiris_dagster.assets.record import dataset_written, materialized, retried, unfinished
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.errors import OsirisError
from osiris_dagster.resources.driver import OsirisDriver
from osiris_dagster.resources.services import Services
from osiris_dagster.runs.ancestry import resumed_of, root_of
from osiris_dagster.runs.pools import claim, holders_of
from osiris_dagster.runs.tags import FULL_REFRESH, HOST, ORIGIN, process_tags
from osiris_dagster.steps.execution import Execution
from osiris_dagster.steps.identity import identities
from osiris_dagster.steps.place import checkpoint_place
from osiris_dagster.steps.report import StepEvent, StepFailure, StepReport, StepRetry
from osiris_dagster.steps.runtime import Runtime
from osiris_dagster.steps.store import Store

_PARTITION = ("dagster/partition", "dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
_IN_CHILDREN = ("multiprocess", "multi_or_in_process_executor")  # executors that start a process for each step
_PAUSE = 1.0  # seconds between two looks at a pool
_INTERRUPTS = (DagsterExecutionInterruptedError.__name__, KeyboardInterrupt.__name__)
Listener = Callable[[StepEvent], None]
Result = MaterializeResult[Any] | AssetCheckResult
Results = Generator[Result]


@dataclass(frozen=True, slots=True)
class Body:
    """What the op of one pipeline needs to know before it runs."""

    manifest: Manifest
    services: Services
    listener: Listener | None = None  # hears every step event, for progress on a terminal


def run_body(body: Body, context: AssetExecutionContext, drivers: Mapping[str, OsirisDriver]) -> Results:
    """Yield a result for each selected step that ends well; raise Failure when one does not.

    An interrupt cancels what is running, records it, and goes on to Dagster.
    """
    manifest = body.manifest
    keys = step_keys(manifest)
    selected = frozenset(step for step, key in keys.items() if key in context.selected_asset_keys)
    failures: list[StepFailure] = []
    _tell_process(context)
    try:
        execution = Execution(manifest, selected, _runtime(body, context, drivers))
    except OsirisError as error:
        raise Failure(str(error), allow_retries=False) from None
    if manifest.execution.isolation == "step" and (pool := pool_of(manifest)):
        _wait_for_pool(pool, manifest, context)
    try:
        for event in execution.events():
            if body.listener is not None:
                body.listener(event)
            if isinstance(event, StepReport):
                yield from _ended(event, manifest, keys, context)
            elif isinstance(event, StepRetry):
                context.log_event(retried(keys[event.step_id], manifest, event))
            elif isinstance(event, StepFailure):
                context.log_event(unfinished(keys[event.step_id], manifest, event))
                yield from _checked(event, keys, context)
                failures.append(event)
    except (DagsterExecutionInterruptedError, KeyboardInterrupt, GeneratorExit):
        _canceled(execution, body, keys, context)
        raise
    except OsirisError as error:
        raise Failure(str(error), allow_retries=False) from None
    if failures:
        raise _failure(failures)


def close_with_op(running: Results, context: AssetExecutionContext) -> None:
    """Close the body when Dagster gives its op up: an interrupt can also arise outside of it, between two results."""

    def heard(entry: EventLogEntry) -> None:
        event = entry.dagster_event
        if event is not None and event.is_step_failure and event.step_key == context.op_execution_context.op.name:
            running.close()
            error = event.step_failure_data.error
            if error is not None and error.cls_name in _INTERRUPTS:
                _tell_canceling(context)

    context.instance.add_event_listener(context.run.run_id, heard)


def _tell_process(context: AssetExecutionContext) -> None:
    """Tag the run with its process, where that is on this host, so that its end is noticed however it comes."""
    run, executor = context.run, context.job_def.executor_def.name
    parent = multiprocessing.parent_process() if executor in _IN_CHILDREN else None
    if HOST in run.tags or executor not in ("in_process", *_IN_CHILDREN):
        return
    with suppress(psutil.Error):
        context.instance.add_run_tags(run.run_id, process_tags(parent.pid if parent and parent.pid else os.getpid()))


def _tell_canceling(context: AssetExecutionContext) -> None:
    """Nobody but the person at the keyboard interrupts a run in process; Dagster would call it a failure."""
    run = context.instance.get_run_by_id(context.run.run_id)
    if run and run.tags.get(ORIGIN) == "cli" and run.status == DagsterRunStatus.STARTED:
        context.instance.report_run_canceling(run, "Interrupted from the keyboard.")


def _runtime(body: Body, context: AssetExecutionContext, drivers: Mapping[str, OsirisDriver]) -> Runtime:
    run = context.run
    return Runtime(
        project=body.services.project,
        factories={family: driver.factory(body.services) for family, driver in drivers.items()},
        resolve=body.services.connections.resolve,
        redactor=body.services.connections.redactor,
        run_id=run.run_id,
        root_run_id=root_of(run),
        retry_of=resumed_of(run),
        full_refresh=run.tags.get(FULL_REFRESH) == "true",
        rows_before=rows_before(context.instance, body.manifest),
        store=_store(body, run),
    )


def _wait_for_pool(pool: str, manifest: Manifest, context: AssetExecutionContext) -> None:
    """Hold the pool for the whole run, not for this step: its first step claims it, the end of the run frees it."""
    told = False
    while not claim(context.instance, pool, context.run.run_id, op_name(manifest.pipeline)):
        if not told:
            holders = ", ".join(holders_of(context.instance, pool))
            context.log.info(f"waiting for another run of the pool {manifest.concurrency}: {holders or 'about to start'}")
            told = True
        time.sleep(_PAUSE)


def _store(body: Body, run: DagsterRun) -> Store:
    manifest = body.manifest
    isolated = manifest.execution.isolation == "step"
    partition = "...".join(run.tags[tag] for tag in _PARTITION if tag in run.tags)
    full_refresh = run.tags.get(FULL_REFRESH) == "true"
    return Store(
        place=checkpoint_place(body.services.project),
        pipeline=manifest.pipeline,
        run_id=run.run_id,
        root_run_id=root_of(run),
        identities=identities(manifest, partition=partition, full_refresh=full_refresh, isolated=isolated),
        policy=manifest.execution.checkpoint,
        isolated=isolated,
        resumes=bool(resumed_of(run)),
        ran=_steps_of(run, manifest) if isolated else frozenset(),
    )


def _steps_of(run: DagsterRun, manifest: Manifest) -> frozenset[str]:
    """Return the steps that a run executes in ops of their own, all of its processes together."""
    keys, ops = step_keys(manifest), step_ops(manifest)
    return frozenset(
        step.id
        for step in manifest.steps
        if (not run.asset_selection or keys[step.id] in run.asset_selection)
        and (run.step_keys_to_execute is None or ops[step.id] in run.step_keys_to_execute)
    )


def _ended(
    report: StepReport, manifest: Manifest, keys: Mapping[str, AssetKey], context: AssetExecutionContext
) -> Results:
    for dataset in report.writes:
        context.log_event(dataset_written(dataset, manifest, report))
    yield materialized(keys[report.step_id], manifest, manifest.step(report.step_id), report)
    yield from _checked(report, keys, context)  # after the materialization, which they are about


def _checked(
    end: StepReport | StepFailure, keys: Mapping[str, AssetKey], context: AssetExecutionContext
) -> Generator[AssetCheckResult]:
    for result in check_results(keys[end.step_id], end.checks):
        if AssetCheckKey(keys[end.step_id], str(result.check_name)) in context.selected_asset_check_keys:
            yield result


def _canceled(execution: Execution, body: Body, keys: Mapping[str, AssetKey], context: AssetExecutionContext) -> None:
    _tell_canceling(context)
    canceled = execution.cancel()
    for report in execution.late_reports:
        result = materialized(keys[report.step_id], body.manifest, body.manifest.step(report.step_id), report)
        context.log_event(AssetMaterialization(keys[report.step_id], metadata=result.metadata))
    for failure in canceled:
        if body.listener is not None:
            body.listener(failure)
        context.log_event(unfinished(keys[failure.step_id], body.manifest, failure))


def _failure(failures: list[StepFailure]) -> Failure:
    """Return the op's failure: the first failing step in words, without a traceback that could hold data."""
    first = next((f for f in failures if f.status == "failed"), failures[0])
    error = first.error
    said = f"step {first.step_id} failed" + (f": {error.type}: {error.message}" if error else "")
    others = [f.step_id for f in failures if f is not first]
    return Failure(
        description=said + (f"\n{error.fix}" if error and error.fix else ""),
        metadata={"step": first.step_id, **({"not finished": ", ".join(others)} if others else {})},
        allow_retries=False,
    )
