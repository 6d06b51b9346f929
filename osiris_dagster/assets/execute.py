"""The body of a pipeline's op: run the selected steps, and tell Dagster about each of them from the main thread."""

from __future__ import annotations

import traceback
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager

from dagster import (
    AssetCheckKey,
    AssetCheckResult,
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    DagsterExecutionInterruptedError,
    DagsterRunStatus,
    EventLogEntry,
    Failure,
)

from osiris_dagster.assets.body import Body, Result
from osiris_dagster.assets.checks import check_results
from osiris_dagster.assets.keys import step_keys
from osiris_dagster.assets.partitions import partition_of
from osiris_dagster.assets.process import tell_process, wait_for_pool
from osiris_dagster.assets.record import dataset_written, materialized, retried, unfinished
from osiris_dagster.assets.surroundings import runtime_of
from osiris_dagster.compiler.manifest import Dataset, Manifest
from osiris_dagster.errors import OsirisError
from osiris_dagster.oml.partition import Partition
from osiris_dagster.redaction import PROCESS, capture
from osiris_dagster.resources.driver import OsirisDriver
from osiris_dagster.runs.tags import ORIGIN
from osiris_dagster.steps.execution import Execution
from osiris_dagster.steps.report import StepRecord, StepRetry

_INTERRUPTS = (DagsterExecutionInterruptedError.__name__, KeyboardInterrupt.__name__)
Results = Generator[Result]


def run_body(body: Body, context: AssetExecutionContext, drivers: Mapping[str, OsirisDriver]) -> Results:
    """Yield a result for each selected step that ends well; raise Failure when one does not.

    An interrupt cancels what is running, records it, and goes on to Dagster.
    """
    manifest = body.manifest
    keys = step_keys(manifest)
    selected = frozenset(step for step, key in keys.items() if key in context.selected_asset_keys)
    failures: list[StepRecord] = []
    tell_process(context)
    if body.isolated:
        wait_for_pool(manifest, context)
    execution = _execution(body, context, selected, drivers)
    partition = partition_of(context.run, manifest.partitions)
    with named_for_dagster(body):
        try:
            for event in execution.events():
                if body.listener is not None:
                    body.listener(event)
                if isinstance(event, StepRetry):
                    context.log_event(retried(keys[event.step_id], manifest, event))
                elif isinstance(event, StepRecord) and event.status == "completed":
                    yield from _ended(event, manifest, partition, context)
                elif isinstance(event, StepRecord):
                    context.log_event(unfinished(keys[event.step_id], manifest, event))
                    yield from _checked(event, keys, context)
                    failures.append(event)
        except (DagsterExecutionInterruptedError, KeyboardInterrupt, GeneratorExit):
            _canceled(execution, body, keys, context)
            raise
    if failures:
        raise _failure(failures)


def _execution(
    body: Body, context: AssetExecutionContext, selected: frozenset[str], drivers: Mapping[str, OsirisDriver]
) -> Execution:
    with named_for_dagster(body):
        runtime = runtime_of(body.manifest, body.services, context, drivers, isolated=body.isolated)
        return Execution(body.manifest, selected, runtime)


@contextmanager
def named_for_dagster(body: Body) -> Iterator[None]:
    """Let Dagster record what we know by its message, and nothing with a secret in it."""
    try:
        yield
    except OsirisError as error:
        raise Failure(PROCESS.text(str(error)), allow_retries=False) from None
    except Exception as error:
        # Dagster records the causes as well, so all of them are looked through.
        if not PROCESS.holds("".join(traceback.format_exception(error))):
            raise
        info = capture(error, PROCESS, body.services.project.root)
        raise Failure(f"{info.type}: {info.message}", allow_retries=False) from None


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


def _tell_canceling(context: AssetExecutionContext) -> None:
    """Nobody but the person at the keyboard interrupts a run in process; Dagster would call it a failure."""
    run = context.instance.get_run_by_id(context.run.run_id)
    if run and run.tags.get(ORIGIN) == "cli" and run.status == DagsterRunStatus.STARTED:
        context.instance.report_run_canceling(run, "Interrupted from the keyboard.")


def _ended(
    report: StepRecord, manifest: Manifest, partition: Partition | None, context: AssetExecutionContext
) -> Results:
    keys = step_keys(manifest)
    for dataset in report.writes:
        for key in partition.keys if partition else (None,):
            context.log_event(dataset_written(Dataset(dataset), manifest, report, key))
    yield materialized(keys[report.step_id], manifest, manifest.step(report.step_id), report, partition)
    yield from _checked(report, keys, context)  # after the materialization, which they are about


def _checked(
    end: StepRecord, keys: Mapping[str, AssetKey], context: AssetExecutionContext
) -> Generator[AssetCheckResult]:
    for result in check_results(keys[end.step_id], end.checks):
        if AssetCheckKey(keys[end.step_id], str(result.check_name)) in context.selected_asset_check_keys:
            yield result


def _canceled(execution: Execution, body: Body, keys: Mapping[str, AssetKey], context: AssetExecutionContext) -> None:
    _tell_canceling(context)
    canceled = execution.cancel()
    partition = partition_of(context.run, body.manifest.partitions)
    for report in execution.late_reports:
        step = body.manifest.step(report.step_id)
        result = materialized(keys[report.step_id], body.manifest, step, report, partition)
        for key in partition.keys if partition else (None,):
            context.log_event(AssetMaterialization(keys[report.step_id], metadata=result.metadata, partition=key))
    for failure in canceled:
        if body.listener is not None:
            body.listener(failure)
        context.log_event(unfinished(keys[failure.step_id], body.manifest, failure))


def _failure(failures: list[StepRecord]) -> Failure:
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
