"""The package itself with its narrative, control and metadata layers."""

from __future__ import annotations

from dataclasses import dataclass

from osiris_dagster.aiop.model.delta import DeltaLayer
from osiris_dagster.aiop.model.evidence import EvidenceLayer, Run
from osiris_dagster.aiop.model.node import Node, Ref
from osiris_dagster.aiop.model.plan import Pipeline, SemanticLayer


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Node):
    """One paragraph of the narrative and the evidence for it; `untrusted` when it quotes text from outside."""

    KINDS = ("Claim", "schema:Claim")
    seq: int
    topic: str
    text: str
    cites: tuple[Ref, ...]
    untrusted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NarrativeLayer(Node):
    """The run told in paragraphs."""

    KINDS = ("NarrativeLayer",)
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability(Node):
    """Something a person may do next. A proposal: nothing in a package executes anything."""

    KINDS = ("Capability", "schema:Action")
    name: str
    description: str
    command: str
    dry_run: bool
    about: Ref
    remediates: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlLayer(Node):
    """What could be done next; a draft."""

    KINDS = ("ControlLayer",)
    draft: bool
    capabilities: tuple[Capability, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftwareVersion(Node):
    """A piece of software and its version in the run."""

    KINDS = ("SoftwareVersion", "schema:SoftwareApplication")
    name: str
    code_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncation(Node):
    """How much of one kind of content was left out; `annex` is the shard that has all of it."""

    KINDS = ("Truncation",)
    section: str
    kept: int
    dropped: int
    annex: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnexShard(Node):
    """One file of the annex, as JSON lines; size and digest are those of the text before it was compressed."""

    KINDS = ("AnnexShard", "prov:Entity")
    name: str
    path: str
    records: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting(Node):
    """An option under which the package was made, and who set it: cli, env, file or default."""

    KINDS = ("Setting",)
    name: str
    setting: str
    set_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeHint(Node):
    """How large a part of this document is: bytes, and tokens at four bytes each."""

    KINDS = ("SizeHint",)
    section: str
    size_bytes: int
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Redaction(Node):
    """How many masked places of one kind the package has."""

    KINDS = ("Redaction",)
    kind: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Term(Node):
    """A word of this document, explained."""

    KINDS = ("Term", "schema:DefinedTerm")
    name: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataLayer(Node):
    """About the package itself."""

    KINDS = ("MetadataLayer",)
    schema_version: str
    generator: str
    context_sha256: str
    primer: str
    withheld_values: int
    annex_root: str
    shards: tuple[AnnexShard, ...]
    settings: tuple[Setting, ...]
    size_hints: tuple[SizeHint, ...]
    versions: tuple[SoftwareVersion, ...]
    truncations: tuple[Truncation, ...]
    redactions: tuple[Redaction, ...]
    glossary: tuple[Term, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Package(Node):
    """The AI Operation Package of one run of one pipeline."""

    KINDS = ("AIOperationPackage", "prov:Bundle", "schema:Dataset")
    generated: str
    summary: str
    run: Run
    pipeline: Pipeline
    narrative: NarrativeLayer
    semantic: SemanticLayer
    evidence: EvidenceLayer
    delta: DeltaLayer
    control: ControlLayer
    metadata: MetadataLayer
