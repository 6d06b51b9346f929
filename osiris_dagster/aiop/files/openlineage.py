"""A package as OpenLineage run events: a START and an end for the run and for each step that started."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from osiris_dagster import __version__
from osiris_dagster.aiop.model.columns import Column
from osiris_dagster.aiop.model.evidence import Artifact, Output, StepRun
from osiris_dagster.aiop.model.issues import Issue
from osiris_dagster.aiop.model.package import Package
from osiris_dagster.aiop.model.plan import Dataset, Step
from osiris_dagster.canonical import canonical_json

PRODUCER = f"https://osiris.dev/osiris-dagster/{__version__}"
EVENT_SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
NAMESPACE = "osiris"
_ENDS = {"completed": "COMPLETE", "failed": "FAIL", "aborted": "ABORT", "canceled": "ABORT", "skipped": "ABORT"}
_FACETS = {
    "parent": "1-2-0/ParentRunFacet",
    "errorMessage": "1-0-1/ErrorMessageRunFacet",
    "processing_engine": "1-1-1/ProcessingEngineRunFacet",
    "schema": "1-2-0/SchemaDatasetFacet",
    "columnLineage": "1-2-0/ColumnLineageDatasetFacet",
    "outputStatistics": "1-0-2/OutputStatisticsOutputDatasetFacet",
    "documentation": "1-1-0/DocumentationJobFacet",
    "ownership": "1-0-1/OwnershipJobFacet",
    "jobType": "2-0-4/JobTypeJobFacet",
}


def openlineage(package: Package) -> bytes:
    """Return the events as JSON lines, in the order of their times."""
    events = sorted(_events(package), key=lambda event: str(event["eventTime"]))
    return b"".join(canonical_json(event) + b"\n" for event in events)


def _events(package: Package) -> Iterator[dict[str, Any]]:
    run, job = package.run, _job(package)
    facets = _engine(package)
    yield _event("START", run.start_time, {"runId": _run_id(package), "facets": facets}, job, package, None)
    for step in package.evidence.step_runs:
        if step.start_time:
            yield from _step_events(package, step)
    failed = next((issue for issue in package.evidence.issues if issue.severity == "error"), None)
    ended = {"runId": _run_id(package), "facets": {**facets, **_error(failed)}}
    yield _event(_ENDS[run.status], run.end_time, ended, job, package, None)


def _step_events(package: Package, step: StepRun) -> Iterator[dict[str, Any]]:
    plan = next((item for item in package.semantic.steps if item.id == step.executes), None)
    failed = next((issue for issue in package.evidence.issues if issue.about == step.id), None)
    run = {"runId": _step_id(package, step), "facets": _parent(package)}
    yield _event("START", step.start_time, run, _step_job(package, step, plan), package, step)
    ended = {**run, "facets": {**_parent(package), **_error(failed)}}
    job = _step_job(package, step, plan)
    yield _event(_ENDS[step.status], step.end_time or package.run.end_time, ended, job, package, step)


def _event(
    kind: str, time: str, run: dict[str, Any], job: dict[str, Any], package: Package, step: StepRun | None
) -> dict[str, Any]:
    ended = kind != "START"
    steps = [step] if step else list(package.evidence.step_runs)
    return {
        "eventType": kind,
        "eventTime": time,
        "run": run,
        "job": job,
        "inputs": list(_inputs(package, steps)),
        "outputs": list(_outputs(package, steps)) if ended else [],
        "producer": PRODUCER,
        "schemaURL": EVENT_SCHEMA,
    }


def _run_id(package: Package) -> str:
    """Return the fingerprint of the run in the form of a UUID."""
    return str(uuid.UUID(package.run.id.rpartition("/")[2]))


def _step_id(package: Package, step: StepRun) -> str:
    return str(uuid.uuid5(uuid.UUID(_run_id(package)), step.id))


def _facet(name: str, /, **values: Any) -> dict[str, Any]:
    file = _FACETS[name]
    url = f"https://openlineage.io/spec/facets/{file}.json#/$defs/{file.partition('/')[2]}"
    return {name: {"_producer": PRODUCER, "_schemaURL": url, **values}}


def _job(package: Package) -> dict[str, Any]:
    facets = _facet("jobType", processingType="BATCH", integration="OSIRIS", jobType="PIPELINE")
    if package.pipeline.description:
        facets |= _facet("documentation", description=package.pipeline.description)
    if package.pipeline.owners:
        facets |= _facet("ownership", owners=[{"name": owner} for owner in package.pipeline.owners])
    return {"namespace": NAMESPACE, "name": package.pipeline.name, "facets": facets}


def _step_job(package: Package, step: StepRun, plan: Step | None) -> dict[str, Any]:
    facets = _facet("jobType", processingType="BATCH", integration="OSIRIS", jobType="STEP")
    if plan and plan.description:
        facets |= _facet("documentation", description=plan.description)
    return {"namespace": NAMESPACE, "name": f"{package.pipeline.name}.{step.step_id}", "facets": facets}


def _parent(package: Package) -> dict[str, Any]:
    own = {"run": {"runId": _run_id(package)}, "job": {"namespace": NAMESPACE, "name": package.pipeline.name}}
    return _facet("parent", **own, root=own)


def _engine(package: Package) -> dict[str, Any]:
    versions = {item.name: item.code_version for item in package.metadata.versions}
    if "dagster" not in versions:
        return {}
    return _facet(
        "processing_engine",
        version=versions["dagster"],
        name="dagster",
        openlineageAdapterVersion=versions.get("osiris-dagster", __version__),
    )


def _error(issue: Issue | None) -> dict[str, Any]:
    if issue is None:
        return {}
    frames = [f"{frame.file}:{frame.line} in {frame.function}" for frame in issue.frames]
    trace = {"stackTrace": "\n".join(frames)} if frames else {}
    return _facet("errorMessage", message=issue.message, programmingLanguage="PYTHON", **trace)


def _inputs(package: Package, steps: Iterable[StepRun]) -> Iterator[dict[str, Any]]:
    used = dict.fromkeys(name for step in steps for name in step.consumes)
    known = {dataset.id: dataset for dataset in package.semantic.datasets}
    columns = _columns(package)
    return (_dataset(known[name], columns) for name in used if name in known)


def _outputs(package: Package, steps: Iterable[StepRun]) -> Iterator[dict[str, Any]]:
    known = {dataset.id: dataset for dataset in package.semantic.datasets}
    columns = _columns(package)
    made: dict[str, dict[str, int]] = {}
    for step in steps:
        for product in step.produces:
            if product.version_of in known:
                figures = made.setdefault(product.version_of, {})
                _count(figures, product)
    for name, figures in made.items():
        statistics = _facet("outputStatistics", **figures) if figures else {}
        entry = _dataset(known[name], columns)
        fields = {
            columns[item].name: inputs
            for item in known[name].columns
            if item in columns and (inputs := _made_of(columns[item], columns, known))
        }
        lineage = _facet("columnLineage", fields=fields) if fields else {}
        yield {**entry, "facets": {**entry["facets"], **lineage}, "outputFacets": statistics}


def _made_of(column: Column, columns: dict[str, Column], known: dict[str, Dataset]) -> dict[str, Any]:
    """Return the columns of datasets that a column is made of, through every step between."""
    found: dict[tuple[str, str], None] = {}
    seen, front = {column.id}, [column]
    while front:
        here = front.pop()
        found |= dict.fromkeys((source.dataset, source.name) for source in here.read_from)
        before = [columns[name] for name in here.derived_from if name in columns and name not in seen]
        seen |= {item.id for item in before}
        front += before
    fields = [
        {"namespace": _namespace(known[dataset]), "name": known[dataset].name, "field": name}
        for dataset, name in sorted(found)
        if dataset in known
    ]
    return {"inputFields": fields} if fields else {}


def _count(figures: dict[str, int], product: Artifact | Output) -> None:
    if isinstance(product, Output):
        if product.records is not None:
            figures["rowCount"] = product.records
    else:
        figures["size"] = figures.get("size", 0) + product.size_bytes
        figures["fileCount"] = figures.get("fileCount", 0) + 1


def _columns(package: Package) -> dict[str, Column]:
    owners: list[Step | StepRun] = [*package.semantic.steps, *package.evidence.step_runs]
    return {column.id: column for owner in owners for column in owner.columns}


def _dataset(dataset: Dataset, columns: dict[str, Column]) -> dict[str, Any]:
    fields = [
        {
            "name": columns[name].name or "(empty)",
            "type": columns[name].data_type,
            "ordinal_position": columns[name].seq,
        }
        for name in dataset.columns
        if name in columns
    ]
    facets = _facet("schema", fields=fields) if fields else {}
    return {"namespace": _namespace(dataset), "name": dataset.name, "facets": facets}


def _namespace(dataset: Dataset) -> str:
    """Return where a name is unique: the project for a file, the connector family for a table."""
    if dataset.kind == "file":
        return f"{NAMESPACE}-files"
    return f"{NAMESPACE}-{dataset.name.partition('/')[0]}"
