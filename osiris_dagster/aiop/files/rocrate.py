"""A package as a Provenance Run Crate: with `ro-crate-metadata.json` in it, its folder is an RO-Crate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from osiris_dagster.aiop.model.evidence import Metric, StepRun
from osiris_dagster.aiop.model.package import Package
from osiris_dagster.aiop.model.plan import Step
from osiris_dagster.canonical import readable_json

METADATA, WORKFLOW = "ro-crate-metadata.json", "pipeline.yaml"
CONTEXT = ["https://w3id.org/ro/crate/1.1/context", "https://w3id.org/ro/terms/workflow-run/context"]
PROFILES = (
    "https://w3id.org/ro/wfrun/process/0.5",
    "https://w3id.org/ro/wfrun/workflow/0.5",
    "https://w3id.org/ro/wfrun/provenance/0.5",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0",
)
_STATUS = {"completed": "CompletedActionStatus"}
_ENGINE, _LANGUAGE = "#engine", "#oml"


def ro_crate(package: Package, files: Iterable[str]) -> bytes:
    """Return the metadata file of a crate that holds these files beside it."""
    names = sorted(files)
    graph = [_descriptor(), _root(package, names), *_files(names), *_workflow(package), *_run(package)]
    graph += [*_steps(package), *_datasets(package)]
    return readable_json({"@context": CONTEXT, "@graph": graph}).encode()


def _descriptor() -> dict[str, Any]:
    return {
        "@id": METADATA,
        "@type": "CreativeWork",
        "about": _ref("./"),
        "conformsTo": [_ref("https://w3id.org/ro/crate/1.1"), _ref(PROFILES[-1])],
    }


def _root(package: Package, names: list[str]) -> dict[str, Any]:
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": package.summary,
        "description": package.narrative.claims[0].text,
        "datePublished": package.generated,
        "license": "not stated: the package belongs to whoever ran the pipeline",
        "identifier": package.id,
        "conformsTo": [_ref(profile) for profile in PROFILES],
        "hasPart": [_ref(name) for name in (*names, *(dataset.id for dataset in package.semantic.datasets))],
        "mainEntity": _ref(WORKFLOW),
        "mentions": [_ref("#run"), _ref("#organize")],
    }


def _files(names: list[str]) -> Iterator[dict[str, Any]]:
    yield from ({"@id": name, "@type": "File", "name": name} for name in names if name != WORKFLOW)
    for profile in PROFILES:
        yield {"@id": profile, "@type": "CreativeWork", "name": profile.rpartition("/ro/")[2]}


def _workflow(package: Package) -> Iterator[dict[str, Any]]:
    pipeline, steps = package.pipeline, package.semantic.steps
    yield {
        "@id": WORKFLOW,
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
        "name": pipeline.name,
        "description": pipeline.intent.text,
        "version": pipeline.manifest_hash,
        "programmingLanguage": _ref(_LANGUAGE),
        "identifier": pipeline.id,
        "step": [_ref(_plan(step)) for step in steps],
        "hasPart": [_ref(component.id) for component in package.semantic.components],
        "input": [],
        "output": [],
    }
    yield {"@id": _LANGUAGE, "@type": "ComputerLanguage", "name": "OML", "version": pipeline.oml_version}
    for step in steps:
        yield {
            "@id": _plan(step),
            "@type": "HowToStep",
            "name": step.step_id,
            "position": str(step.seq),
            "workExample": _ref(step.component),
        }
    for component in package.semantic.components:
        yield {
            "@id": component.id,
            "@type": "SoftwareApplication",
            "name": component.name,
            "description": component.description or component.title or component.name,
            "softwareVersion": component.code_version,
        }


def _run(package: Package) -> Iterator[dict[str, Any]]:
    run = package.run
    issue = next((item for item in package.evidence.issues if item.severity == "error"), None)
    yield {
        "@id": "#run",
        "@type": "CreateAction",
        "name": f"Run {run.dagster_run_id} of {package.pipeline.name}",
        "identifier": run.id,
        "instrument": _ref(WORKFLOW),
        **_times(run.start_time, run.end_time, run.status),
        **({"error": issue.message} if issue else {}),
        **_moved(package.evidence.step_runs),
        "resourceUsage": [_ref(_usage(metric)) for metric in run.metrics],
    }
    yield from _metrics(run.metrics)
    versions = {item.name: item.code_version for item in package.metadata.versions}
    yield {
        "@id": _ENGINE,
        "@type": "SoftwareApplication",
        "name": "osiris-dagster",
        "softwareVersion": versions.get("osiris-dagster", "unknown"),
    }
    yield {
        "@id": "#organize",
        "@type": "OrganizeAction",
        "name": "Execution by the engine",
        "instrument": _ref(_ENGINE),
        "object": [_ref(f"#control/{_own(step)}") for step in package.evidence.step_runs if step.start_time],
        "result": _ref("#run"),
        **_times(run.start_time, run.end_time, run.status),
    }


def _steps(package: Package) -> Iterator[dict[str, Any]]:
    issues = {issue.about: issue for issue in reversed(package.evidence.issues)}
    plans = {step.id: step for step in package.semantic.steps}
    for step in package.evidence.step_runs:
        if not step.start_time or step.executes not in plans:
            continue
        yield {
            "@id": f"#control/{_own(step)}",
            "@type": "ControlAction",
            "name": f"Control of {step.step_id}",
            "instrument": _ref(_plan(plans[step.executes])),
            "object": _ref(f"#step-run/{_own(step)}"),
        }
        yield {
            "@id": f"#step-run/{_own(step)}",
            "@type": "CreateAction",
            "name": f"Step {step.step_id}",
            "instrument": _ref(step.component),
            **_times(step.start_time, step.end_time, step.status),
            **({"error": issues[step.id].message} if step.id in issues else {}),
            **_moved([step]),
            "resourceUsage": [_ref(_usage(metric)) for metric in step.metrics],
        }
        yield from _metrics(step.metrics)


def _datasets(package: Package) -> Iterator[dict[str, Any]]:
    for dataset in package.semantic.datasets:
        yield {"@id": dataset.id, "@type": "Dataset", "name": dataset.name, "additionalType": dataset.kind}


def _moved(steps: Iterable[StepRun]) -> dict[str, Any]:
    """Return what steps used and what they made, as the crate's object and result."""
    shown = list(steps)
    used = dict.fromkeys(name for step in shown for name in step.consumes)
    made = dict.fromkeys(p.version_of for step in shown for p in step.produces if p.version_of)
    return {"object": [_ref(name) for name in used], "result": [_ref(name) for name in made]}


def _metrics(metrics: Iterable[Metric]) -> Iterator[dict[str, Any]]:
    for metric in metrics:
        yield {
            "@id": _usage(metric),
            "@type": "PropertyValue",
            "name": metric.metric_name,
            "propertyID": f"https://osiris.dev/ontology/v1/{metric.metric_name}",
            "value": str(metric.value),
            "unitText": metric.unit,
        }


def _times(start: str, end: str, status: str) -> dict[str, Any]:
    ended = {"endTime": end} if end else {}
    return {
        "startTime": start,
        **ended,
        "actionStatus": f"http://schema.org/{_STATUS.get(status, 'FailedActionStatus')}",
    }


def _usage(metric: Metric) -> str:
    return f"#{metric.id.removeprefix('r:evidence/')}"


def _plan(step: Step) -> str:
    return f"#step/{step.id.rpartition('/')[2]}"


def _own(step: StepRun) -> str:
    return step.id.rpartition("/")[2]


def _ref(name: str) -> dict[str, str]:
    return {"@id": name}
