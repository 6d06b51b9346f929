"""One ended run in, its packages out: the one export that the sensor and `osiris run` call. Idempotent.

Building and proving happen in a child process, so that a large package cannot hold up or bring down the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dagster import AssetMaterialization, DagsterInstance, MetadataValue

from osiris_dagster.aiop.child import Exporter, Job
from osiris_dagster.aiop.facts.configure import load_options
from osiris_dagster.aiop.facts.options import Options
from osiris_dagster.assets.keys import aiop_key, op_name
from osiris_dagster.codec import stamped
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.compiler.store import load
from osiris_dagster.connections.project import connections_of
from osiris_dagster.connections.resolution import Connections
from osiris_dagster.errors import ConfigError
from osiris_dagster.exports.gather import gather
from osiris_dagster.exports.neighbours import neighbours
from osiris_dagster.exports.queue import export_queue
from osiris_dagster.exports.spool import Wanted, spool_logs
from osiris_dagster.project import Project
from osiris_dagster.redaction import PROCESS, Redactor
from osiris_dagster.runs.history import ENTRY, VERSION
from osiris_dagster.runs.logs import log_lines
from osiris_dagster.runs.past import past_of
from osiris_dagster.runs.read import read_run
from osiris_dagster.runs.record import RunRecord
from osiris_dagster.settings import Settings

TIMEOUT = 60.0  # seconds for one package
CORE, RUN_CARD = "core.jsonld", "run-card.md"


@dataclass(frozen=True, slots=True)
class Exported:
    """One package on disk; `folder` is project-relative, `reasons` say why a package is not valid."""

    pipeline: str
    folder: str
    valid: bool
    reasons: tuple[str, ...]
    core_bytes: int
    triples: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """A package that was written, the run that it is about, and the fingerprints of what went wrong there."""

    record: RunRecord
    package: Exported
    errors: tuple[str, ...]


def export_run(
    instance: DagsterInstance,
    project: Project,
    run_id: str,
    options: Options | None = None,
    exporter: Exporter | None = None,
) -> tuple[Exported, ...]:
    """Write a package for each Osiris pipeline of an ended run, and show it on the pipeline's AIOP asset.

    The same run gives the same bytes, so a second call changes nothing. `exporter` is for who has many runs. Raises
    AiopError when a package cannot be built in time, CompileError when a manifest is gone, ConfigError for damaged
    connections or options.
    """
    queue = export_queue(project)
    exported = []
    wanted = options or load_options(project)
    with queue.alone(run_id):
        shown = set(queue.packages(run_id))
        for delivered in packages_of(instance, project, run_id, wanted, exporter=exporter):
            exported.append(delivered.package)
            if delivered.package.folder not in shown:
                instance.report_runless_asset_event(_event(project, delivered))
        queue.done(run_id, [package.folder for package in exported])
    return tuple(exported)


def packages_of(
    instance: DagsterInstance,
    project: Project,
    run_id: str,
    options: Options,
    root: Path | None = None,
    exporter: Exporter | None = None,
) -> Iterator[Delivered]:
    """Write a package for each pipeline of a run below `root`, and yield it."""
    records = read_run(instance, project, run_id)
    if not records:
        return
    with nullcontext(exporter) if exporter else Exporter() as able:
        yield from _packages(instance, project, records, options, root or project.aiop, able)


def _packages(
    instance: DagsterInstance,
    project: Project,
    records: Sequence[RunRecord],
    options: Options,
    root: Path,
    exporter: Exporter,
) -> Iterator[Delivered]:
    annexes = project.inside(options.annex_dir) if options.annex_dir else None
    manifests = {record.pipeline: load(project.build, record.pipeline, record.manifest_hash) for record in records}
    known = {name: _resolved(manifest, project) for name, manifest in manifests.items()}
    around = neighbours(project)
    project.state.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="log-", dir=project.state) as folder:
        wanted = {
            record.pipeline: _wanted(
                record, Path(folder) / f"{number}.jsonl", _relative(known[record.pipeline].redactor, project)
            )
            for number, record in enumerate(records)
        }
        told = spool_logs(log_lines(instance, records[0].run_id), wanted)
        for record in records:
            logged = replace(record, events=(*record.events, *told[record.pipeline]))
            facts = gather(instance, project, logged, manifests[record.pipeline], around)
            connections = known[record.pipeline]
            facts = replace(facts, connections=connections.facts, options=options)
            job = Job(facts, root, connections.redactor, wanted[record.pipeline].path, annexes)
            result = exporter.export(job, TIMEOUT)
            where = project.relative(root / Path(result.folder))
            package = Exported(record.pipeline, where, result.valid, result.reasons, result.core_bytes, result.triples)
            yield Delivered(record, package, result.errors)


def _wanted(record: RunRecord, path: Path, redact: Callable[[str], str]) -> Wanted:
    ended = [step.end_ms for step in record.steps if step.status == "failed" and step.end_ms is not None]
    return Wanted(op_name(record.pipeline), path, min(ended, default=record.end_ms), redact)


def _relative(redactor: Redactor, project: Project) -> Callable[[str], str]:
    """Return what takes secrets and the project's place on this machine out of a text."""
    return lambda text: redactor.text(text).replace(f"{project.root}/", "")


def _resolved(manifest: Manifest, project: Project) -> Connections:
    """Return connections whose redactor knows the secrets of this pipeline, and no others.

    So a package is the same whatever else the process has resolved; what that knows is only looked for.
    """
    connections = connections_of(project, Settings())
    for reference in {step.connection for step in manifest.steps if step.connection}:
        with suppress(ConfigError):  # a secret that cannot be resolved here cannot be in the record either
            connections.resolve(reference)
    return connections


def _event(project: Project, delivered: Delivered) -> AssetMaterialization:
    record, package = delivered.record, delivered.package
    folder = project.root / package.folder
    metadata: dict[str, Any] = {
        "run": MetadataValue.dagster_run(record.run_id),
        "run status": record.status,
        "what happened": PROCESS.text(_headline(record)),
        "run card": MetadataValue.md((folder / RUN_CARD).read_text(encoding="utf-8")),
        "package": MetadataValue.path(f"{package.folder}/{CORE}"),
        "valid": package.valid,
        "triples": package.triples,
        ENTRY: MetadataValue.json(stamped(replace(past_of(record), errors=delivered.errors), VERSION)),
    }
    if package.reasons:
        metadata["why not valid"] = "; ".join(package.reasons)
    return AssetMaterialization(
        aiop_key(record.pipeline), description=f"{record.pipeline} {record.status}", metadata=metadata
    )


def _headline(record: RunRecord) -> str:
    """Return how the run ended in one line, for whoever sees only the asset page."""
    failed = next((step for step in record.steps if step.status == "failed"), None)
    error = failed.error if failed else record.error
    if error:
        where = f"at {failed.step_id}: " if failed else ""
        fix = f" Way out: {error.fix}." if error.fix else ""
        return f"{where}{error.message.splitlines()[0]}.{fix}"
    written = sum(step.rows_out or 0 for step in record.steps if step.writes)
    return f"{len(record.steps)} steps, {written:,} rows written"
