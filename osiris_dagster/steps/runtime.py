"""What a run needs beside the manifest (project, drivers, connections, ids), and how a step's driver is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from osiris_dagster.canonical import slug
from osiris_dagster.compiler.manifest import StepPlan
from osiris_dagster.drivers.base import Driver, DriverFactory, StepCall
from osiris_dagster.errors import RunError
from osiris_dagster.oml.partition import Partition
from osiris_dagster.project import Project
from osiris_dagster.redaction import Redactor
from osiris_dagster.steps.store import Store


@dataclass(frozen=True)
class Runtime:
    """The surroundings of one run.

    `factories` is keyed by component family. `resolve` turns "@family.alias" into the fields of the connection,
    secrets included, and registers those with `redactor`.
    """

    project: Project
    factories: Mapping[str, DriverFactory]
    resolve: Callable[[str], Mapping[str, Any]]
    redactor: Redactor
    run_id: str
    root_run_id: str
    setup: Callable[[str], str] = lambda _reference: ""  # what makes the store behind a connection, if its file says so
    retry_of: str = ""
    full_refresh: bool = False  # incremental steps read everything, and their writers replace what is there
    partition: Partition | None = None  # what the run of a partitioned pipeline works on
    rows_before: Mapping[str, int] = field(default_factory=dict)  # rows of steps in their last good run
    store: Store | None = None  # where rows are kept beyond the execution; None: nowhere
    max_parallel: int = 4  # units at once
    cancel_seconds: float = 30.0  # how long a cancellation waits for drivers to stop
    scratch: Path | None = None  # where each execution makes its private folder; default `.osiris/scratch`

    @property
    def scratch_root(self) -> Path:
        """The folder that holds the private folders of executions."""
        return self.scratch or self.project.state / "scratch"


def open_driver(call: StepCall, runtime: Runtime) -> Driver:
    """Make the driver of a call. Raises RunError without one for the family, and what the driver raises."""
    family = call.component.partition(".")[0]
    factory = runtime.factories.get(family)
    if factory is None:
        raise RunError(
            f"no driver runs {call.component!r}",
            code="RUN011",
            found=family,
            expected=", ".join(sorted(runtime.factories)),
            fix="`osiris components list` shows what is installed",
        )
    return factory(call)


def step_call(
    plan: StepPlan, pipeline: str, runtime: Runtime, folder: Path, others: Iterable[StepPlan] = ()
) -> StepCall:
    """Return what the driver of a step may know; makes its scratch folder, `folder/<step>`, with mode 700.

    `others` are the steps that run beside it. Raises what `resolve` raises.
    """
    scratch = folder / slug(plan.id)
    scratch.mkdir(mode=0o700)
    return StepCall(
        pipeline=pipeline,
        step_id=plan.id,
        component=plan.component,
        package=plan.package,
        config=plan.config,
        connection=runtime.resolve(plan.connection) if plan.connection else {},
        project=runtime.project,
        role=plan.role,
        reference=plan.connection,
        setup=runtime.setup(plan.connection) if plan.connection else "",
        run_id=runtime.run_id,
        root_run_id=runtime.root_run_id,
        scratch=scratch,
        retry_of=runtime.retry_of,
        columns=plan.columns or (),
        partition=runtime.partition,
        store_written=any(other.role == "writer" and _store(other) == _store(plan) for other in others),
    )


def _store(plan: StepPlan) -> tuple[str, str, str]:
    """Return what two steps on one database have in common; two aliases of one database are not seen as one."""
    return plan.family, plan.connection, "" if plan.connection else str(plan.config.get("path", ""))
