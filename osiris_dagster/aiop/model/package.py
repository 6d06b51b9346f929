"""The package itself with its narrative, control and metadata layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from osiris_dagster.aiop.model.delta import DeltaLayer
from osiris_dagster.aiop.model.evidence import EvidenceLayer, Run
from osiris_dagster.aiop.model.metadata import MetadataLayer
from osiris_dagster.aiop.model.node import Node
from osiris_dagster.aiop.model.plan import Pipeline, SemanticLayer
from osiris_dagster.aiop.model.values import (
    AlwaysTrue,
    EvidenceId,
    Flag,
    Instant,
    IssueId,
    Items,
    Maybe,
    Ordinal,
    PackageId,
    PipelineId,
    RunId,
    StepRunId,
    Text,
    fixed,
    one_of,
    pattern,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Node):
    """One paragraph of the narrative and the evidence for it; `untrusted` when it quotes text from outside."""

    KINDS = ("Claim", "schema:Claim")
    TERMS: ClassVar = {"cites": "schema:citation"}
    id: Annotated[str, pattern("^r:claim/[a-z]+$")]
    seq: Ordinal
    topic: Annotated[str, one_of("context", "intent", "execution", "failure", "outcome")]
    text: Text
    cites: Annotated[tuple[EvidenceId, ...], Items(least=1)]
    untrusted: Flag


@dataclass(frozen=True, slots=True, kw_only=True)
class NarrativeLayer(Node):
    """The run told in paragraphs."""

    KINDS = ("NarrativeLayer",)
    id: Annotated[str, fixed("r:layer/narrative")]
    claims: Annotated[tuple[Claim, ...], Items(least=4, most=5)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability(Node):
    """Something a person may do next. A proposal: nothing in a package executes anything."""

    KINDS = ("Capability", "schema:Action")
    id: Annotated[str, pattern("^r:capability/[a-z_]+$")]
    name: Annotated[
        str,
        one_of(
            "inspect",
            "read_log",
            "verify_package",
            "compare_success",
            "inspect_upstream",
            "check_pipeline",
            "rerun_step",
        ),
    ]
    description: Text
    command: Annotated[str, pattern("^osiris [a-z]+ ", most=400)]
    dry_run: AlwaysTrue
    about: StepRunId | RunId | PipelineId
    remediates: Maybe[IssueId]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlLayer(Node):
    """What could be done next; a draft."""

    KINDS = ("ControlLayer",)
    TERMS: ClassVar = {"capabilities": "schema:potentialAction"}
    id: Annotated[str, fixed("r:layer/control")]
    draft: AlwaysTrue
    capabilities: Annotated[tuple[Capability, ...], Items(least=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Package(Node):
    """The AI Operation Package of one run of one pipeline."""

    KINDS = ("AIOperationPackage", "prov:Bundle", "schema:Dataset")
    PREFIXES: ClassVar = {
        "aiop": "https://osiris.dev/ontology/v1/",
        "xsd": "http://www.w3.org/2001/XMLSchema#",
        "prov": "http://www.w3.org/ns/prov#",
        "p-plan": "http://purl.org/net/p-plan#",
        "schema": "http://schema.org/",
        "dcterms": "http://purl.org/dc/terms/",
        "dcat": "http://www.w3.org/ns/dcat#",
        "csvw": "http://www.w3.org/ns/csvw#",
        "bioschemas": "https://bioschemas.org/terms/",
        "wfrun": "https://w3id.org/ro/terms/workflow-run#",
    }
    TERMS: ClassVar = {"generated": "prov:generatedAtTime", "summary": "schema:abstract"}
    RULES: ClassVar = {
        "if": {"properties": {"run": {"properties": {"status": {"const": "failed"}}}}},
        "then": {
            "properties": {
                "evidence": {"required": ["issues"]},
                "narrative": {"properties": {"claims": {"minItems": 5}}},
            }
        },
    }
    id: PackageId
    generated: Instant
    summary: Text
    run: Run
    pipeline: Pipeline
    narrative: NarrativeLayer
    semantic: SemanticLayer
    evidence: EvidenceLayer
    delta: DeltaLayer
    control: ControlLayer
    metadata: MetadataLayer
