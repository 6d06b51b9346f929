"""The package itself with its narrative, control and metadata layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from osiris_dagster.aiop.facts.options import SHARDS
from osiris_dagster.aiop.model.delta import DeltaLayer
from osiris_dagster.aiop.model.evidence import EvidenceLayer, Run
from osiris_dagster.aiop.model.ids import NAME
from osiris_dagster.aiop.model.node import Node
from osiris_dagster.aiop.model.plan import Pipeline, SemanticLayer
from osiris_dagster.aiop.model.values import (
    AlwaysTrue,
    Count,
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
    Sha256,
    ShardId,
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
class SoftwareVersion(Node):
    """A piece of software and its version in the run."""

    KINDS = ("SoftwareVersion", "schema:SoftwareApplication")
    id: Annotated[str, pattern(f"^r:version/{NAME}$")]
    name: Text
    code_version: Maybe[Text]


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncation(Node):
    """How much of one kind of content was left out; `annex` is the shard that has all of it."""

    KINDS = ("Truncation",)
    id: Annotated[str, pattern(f"^r:truncation/{NAME}$")]
    section: Text
    kept: Count
    dropped: Ordinal
    annex: Maybe[ShardId]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnexShard(Node):
    """One file of the annex, as JSON lines; size and digest are those of the text before it was compressed."""

    KINDS = ("AnnexShard", "prov:Entity")
    id: ShardId
    name: Annotated[str, one_of(*SHARDS)]
    path: Annotated[str, pattern(r"^annex/[a-z]+\.ndjson(\.gz|\.zst)?$")]
    records: Count
    size_bytes: Count
    sha256: Sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting(Node):
    """An option under which the package was made, and who set it: cli, env, file or default."""

    KINDS = ("Setting",)
    id: Annotated[str, pattern("^r:setting/[a-z_]+$")]
    name: Text
    setting: Text
    set_by: Annotated[str, one_of("cli", "env", "file", "default")]


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeHint(Node):
    """How large a part of this document is: bytes, and tokens at four bytes each."""

    KINDS = ("SizeHint",)
    id: Annotated[str, pattern("^r:size/[a-z]+$")]
    section: Text
    size_bytes: Ordinal
    tokens: Ordinal


@dataclass(frozen=True, slots=True, kw_only=True)
class Redaction(Node):
    """How many masked places of one kind the package has."""

    KINDS = ("Redaction",)
    id: Annotated[str, pattern(f"^r:redaction/{NAME}$")]
    kind: Text
    count: Ordinal


@dataclass(frozen=True, slots=True, kw_only=True)
class Term(Node):
    """A word of this document, explained."""

    KINDS = ("Term", "schema:DefinedTerm")
    id: Annotated[str, pattern(f"^r:glossary/{NAME}$")]
    name: Text
    description: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataLayer(Node):
    """About the package itself."""

    KINDS = ("MetadataLayer",)
    id: Annotated[str, fixed("r:layer/metadata")]
    schema_version: Annotated[str, pattern(r"^1\.[0-9]+\.[0-9]+$")]
    generator: Annotated[str, fixed("osiris-dagster")]
    context_sha256: Sha256
    primer: Text
    withheld_values: Count
    annex_root: Maybe[Sha256]
    shards: Annotated[tuple[AnnexShard, ...], Items(most=5)]
    settings: Annotated[tuple[Setting, ...], Items(least=1)]
    size_hints: Annotated[tuple[SizeHint, ...], Items(least=7, most=7)]
    versions: tuple[SoftwareVersion, ...]
    truncations: tuple[Truncation, ...]
    redactions: tuple[Redaction, ...]
    glossary: Annotated[tuple[Term, ...], Items(least=1)]


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
