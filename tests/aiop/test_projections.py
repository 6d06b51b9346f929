"""Every projection is read by the tool it is made for, or by the standard's own library."""

from __future__ import annotations

import json
import warnings
from datetime import datetime

import pytest
import rdflib
from cases import CASES, built
from openlineage.client import event_v2, facet_v2
from rocrate.rocrate import ROCrate
from samples import SAMPLES

from osiris_dagster.aiop.files.brief import MAX_BYTES, brief
from osiris_dagster.aiop.files.bundle import bundle
from osiris_dagster.aiop.files.openlineage import openlineage
from osiris_dagster.aiop.files.runlog import metrics, run_log

FACETS = {
    "parent": facet_v2.parent_run.ParentRunFacet,
    "errorMessage": facet_v2.error_message_run.ErrorMessageRunFacet,
    "processing_engine": facet_v2.processing_engine_run.ProcessingEngineRunFacet,
    "schema": facet_v2.schema_dataset.SchemaDatasetFacet,
    "outputStatistics": facet_v2.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
    "documentation": facet_v2.documentation_job.DocumentationJobFacet,
    "ownership": facet_v2.ownership_job.OwnershipJobFacet,
    "columnLineage": facet_v2.column_lineage_dataset.ColumnLineageDatasetFacet,
    "jobType": facet_v2.job_type_job.JobTypeJobFacet,
}


def lines(data: bytes) -> list[dict]:
    return [json.loads(line) for line in data.splitlines()]


def facets_of(found: dict) -> dict:
    """Build the facets with the standard's client, which knows their fields and the address of their schema."""
    for name, facet in found.items():
        values = {key: value for key, value in facet.items() if not key.startswith("_")}
        made = FACETS[name](**values)
        assert made._schemaURL == facet["_schemaURL"], name
    return found


@pytest.mark.parametrize("case", CASES)
def test_openlineage_events_are_those_of_the_client_of_the_standard(case):
    events = lines(openlineage(built(case).package))
    kinds: dict[str, list[str]] = {}
    for event in events:
        run, job = event["run"], event["job"]
        made = event_v2.RunEvent(
            eventType=event_v2.RunState(event["eventType"]),
            eventTime=event["eventTime"],
            run=event_v2.Run(run["runId"], facets_of(run["facets"])),
            job=event_v2.Job(job["namespace"], job["name"], facets_of(job["facets"])),
            producer=event["producer"],
        )
        assert made.schemaURL == event["schemaURL"]
        for dataset in (*event["inputs"], *event["outputs"]):
            facets_of(dataset["facets"])
            facets_of(dataset.get("outputFacets", {}))
        kinds.setdefault(run["runId"], []).append(event["eventType"])
    assert all(told[0] == "START" and told[1] in ("COMPLETE", "FAIL", "ABORT") for told in kinds.values())
    assert all(len(told) == 2 for told in kinds.values())


@pytest.mark.parametrize("name", ["success", "failure"])
def test_the_folder_of_a_package_is_a_crate_that_its_library_reads(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        crate = ROCrate(SAMPLES / name)
    assert crate.mainEntity.type == ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"]
    files = {path.relative_to(SAMPLES / name).as_posix() for path in (SAMPLES / name).rglob("*") if path.is_file()}
    parts = {entity.id for entity in crate.root_dataset["hasPart"]}
    assert files - parts == {"ro-crate-metadata.json"}
    run = crate.dereference("#run")
    assert run["instrument"].id == "pipeline.yaml"
    assert run["resourceUsage"]
    assert bool(run.get("error")) == (name == "failure")


CRATE_QUESTIONS = {
    "which workflow was run, and how did it end": """
        SELECT ?name ?status WHERE { ?run a schema:CreateAction ; schema:instrument ?w ; schema:actionStatus ?status .
                                     ?w a bioschemas:ComputationalWorkflow ; schema:name ?name }""",
    "which tool carried out which step": """
        SELECT ?step ?tool WHERE { ?control a schema:ControlAction ; schema:instrument ?step ; schema:object ?action .
                                   ?action schema:instrument ?tool . ?tool a schema:SoftwareApplication }""",
    "what did the steps use and make": """
        SELECT ?used ?made WHERE { ?a schema:object ?used . ?b schema:result ?made . ?b a schema:CreateAction }""",
    "how much did the run take": """
        SELECT ?name ?value WHERE { ?run wfrun:resourceUsage ?usage .
                                    ?usage schema:propertyID ?name ; schema:value ?value }""",
    "which engine ran it": """
        SELECT ?name ?version WHERE { ?o a schema:OrganizeAction ; schema:instrument ?engine .
                                      ?engine schema:name ?name ; schema:softwareVersion ?version }""",
}
CONTEXT = {
    "@vocab": "http://schema.org/",
    "ComputationalWorkflow": "https://bioschemas.org/terms/ComputationalWorkflow",
    "resourceUsage": {"@id": "https://w3id.org/ro/terms/workflow-run#resourceUsage", "@type": "@id"},
    "propertyID": "http://schema.org/propertyID",
    "File": "http://schema.org/MediaObject",
}


@pytest.mark.parametrize("question", sorted(CRATE_QUESTIONS))
def test_a_crate_answers_the_questions_of_its_profile(question):
    value = json.loads((SAMPLES / "success" / "ro-crate-metadata.json").read_text(encoding="utf-8"))
    value["@context"] = CONTEXT  # the published one is fetched from the network
    graph = rdflib.Graph().parse(data=json.dumps(value), format="json-ld", publicID="https://example.org/crate/")
    prefixes = (
        "PREFIX schema: <http://schema.org/> PREFIX bioschemas: <https://bioschemas.org/terms/> "
        "PREFIX wfrun: <https://w3id.org/ro/terms/workflow-run#> "
    )
    assert list(graph.query(prefixes + CRATE_QUESTIONS[question]))


@pytest.mark.parametrize("case", CASES)
def test_the_run_log_tells_each_step_from_start_to_end(case):
    package = built(case).package
    told = lines(run_log(package))
    assert next(line["step"] for line in told if line["event"] == "start") == ""
    assert told[-1]["event"] == "end"
    assert all(datetime.fromisoformat(line["ts"]) and line["correlation_id"] and line["agent"] for line in told)
    ended = {line["step"]: line["status"] for line in told if line["event"] == "end"}
    assert ended == {"": package.run.status} | {step.step_id: step.status for step in package.evidence.step_runs}
    assert any(line["event"] == "error" for line in told) == bool(package.evidence.issues)
    figures = json.loads(metrics(package))
    assert figures["exit_code"] == {"completed": 0, "failed": 4, "canceled": 130}[package.run.status]


@pytest.mark.parametrize("case", CASES)
def test_a_brief_is_short_and_begins_with_the_answer(case):
    package = built(case).package
    text = brief(package, "aiop/p/r")
    assert len(text.encode()) <= MAX_BYTES
    assert package.run.status.removesuffix("ed") in text.partition("\n")[0]


def test_a_brief_of_very_much_is_cut_in_the_right_places():
    from dataclasses import replace

    package = built("failure").package
    issue = replace(package.evidence.issues[0], message="x" * 4000)
    changes = tuple(replace(package.delta.changes[0], seq=n, before="y" * 4000) for n in range(100))
    loud = tuple(replace(event, log_message="z" * 4000) for event in package.evidence.timeline)
    large = replace(
        package,
        evidence=replace(package.evidence, issues=(issue,), timeline=loud),
        delta=replace(package.delta, changes=changes),
    )
    text = brief(large, "aiop/p/r")
    assert len(text.encode()) <= MAX_BYTES
    for title in ("## Failure", "## Since the last success", "## Affected", "## Look closer", "## Left out"):
        assert title in text


@pytest.mark.parametrize("case", CASES)
def test_no_text_from_outside_can_pass_for_a_heading_of_the_bundle(case):
    text = bundle(built(case).package)
    headings = [after for rule, after in zip(text.split("\n"), text.split("\n")[1:], strict=False) if rule == "=" * 80]
    assert [line for line in headings if line.isupper()] == [
        "STORY", "MANIFEST", "CONFIGURATION", "SCHEMAS", "TIMELINE", "METRICS", "ARTIFACTS", "ERRORS AND WARNINGS",
        "HINTS FOR ANALYSIS",
    ]  # fmt: skip
    assert text.rstrip().splitlines()[-1].startswith("end of bundle, format osiris-bundle/1.0")
