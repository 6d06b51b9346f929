"""The pipeline as planned: what the semantic layer is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from osiris_dagster.aiop.model.columns import Column
from osiris_dagster.aiop.model.ids import NAME
from osiris_dagster.aiop.model.node import Node
from osiris_dagster.aiop.model.values import (
    ColumnId,
    ComponentId,
    ConnectionId,
    Count,
    DatasetId,
    Flag,
    Items,
    Line,
    LongText,
    Maybe,
    Ordinal,
    PipelineId,
    Sha256,
    StepId,
    Text,
    ValueType,
    VersionId,
    fixed,
    one_of,
    pattern,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag(Node):
    """A tag of the pipeline."""

    KINDS = ("Tag",)
    id: Annotated[str, pattern(f"^p:tag/{NAME}$")]
    name: Text
    text: Maybe[Text]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter(Node):
    """A parameter that the run used; its value is not exported, only what kind of value it was."""

    KINDS = ("Parameter",)
    id: Annotated[str, pattern(f"^p:parameter/{NAME}$")]
    name: Text
    value_type: ValueType


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint(Node):
    """The digest of one input of the compilation."""

    KINDS = ("Fingerprint",)
    id: Annotated[str, pattern(f"^p:fingerprint/{NAME}$")]
    name: Text
    text: Maybe[Text]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent(Node):
    """Why the pipeline exists, and who says so: metadata.intent, description, its commit, or its steps."""

    KINDS = ("Intent", "prov:Entity")
    id: Annotated[str, pattern("^p:intent$")]
    text: Text
    intent_source: Annotated[str, one_of("metadata.intent", "description", "commit", "inferred")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline(Node):
    """The pipeline in the version that ran."""

    KINDS = ("Pipeline", "prov:Plan", "p-plan:Plan", "schema:HowTo", "bioschemas:ComputationalWorkflow")
    id: PipelineId
    name: Text
    description: Maybe[Text]
    manifest_hash: Sha256
    oml_version: Text
    file: Text
    step_count: Count
    intent: Intent
    owners: tuple[Text, ...]
    tags: tuple[Tag, ...]
    parameters: tuple[Parameter, ...]
    fingerprints: tuple[Fingerprint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OmlSource(Node):
    """The OML text; `matches_run` tells whether it is the one that was compiled, when that is known."""

    KINDS = ("OmlSource", "prov:Entity", "schema:SoftwareSourceCode")
    id: Annotated[str, fixed("p:oml")]
    path: Text
    text: LongText
    sha256: Sha256
    matches_run: Flag | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigField(Node):
    """A configuration field that is set; `setting` only where the component's spec allows the value to leave."""

    KINDS = ("ConfigField",)
    id: Annotated[str, pattern(f"^p:step/{NAME}/config/{NAME}$")]
    name: Text
    description: Maybe[Text]
    value_type: ValueType
    setting: Maybe[Text]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepInput(Node):
    """Rows that a step takes from another, and the table names under which its SQL may use them."""

    KINDS = ("StepInput",)
    id: Annotated[str, pattern(f"^p:step/{NAME}/input/[0-9]+$")]
    from_step: StepId
    table_names: tuple[Text, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Node):
    """A step as planned."""

    KINDS = ("Step", "p-plan:Step", "schema:HowToStep")
    TERMS: ClassVar = {"depends_on": "p-plan:isPrecededBy"}
    id: StepId
    seq: Ordinal
    step_id: Text
    description: Maybe[Text]
    role: Annotated[str, one_of("extractor", "processor", "writer")]
    line: Line
    part_of: PipelineId
    component: ComponentId
    connection: Maybe[ConnectionId]
    depends_on: tuple[StepId, ...]
    inputs: tuple[StepInput, ...]
    reads: tuple[DatasetId, ...]
    writes: tuple[DatasetId, ...]
    columns: tuple[Column, ...]
    config: tuple[ConfigField, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Component(Node):
    """A component of the catalogue, with the mode and the capabilities its spec declares.

    `part_of` is the package that it comes from, in its version; absent for what comes with the product.
    """

    KINDS = ("Component", "schema:SoftwareApplication")
    TERMS: ClassVar = {"title": "dcterms:title"}
    id: ComponentId
    name: Text
    title: Maybe[Text]
    description: Maybe[Text]
    code_version: Text
    mode: Annotated[str, one_of("extract", "transform", "write")]
    role: Annotated[str, one_of("extractor", "processor", "writer")]
    supports: Annotated[tuple[Text, ...], Items(unique=True)]
    part_of: Maybe[VersionId]


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection(Node):
    """A connection by its alias, with what its owner says about it."""

    KINDS = ("Connection",)
    id: ConnectionId
    name: Text
    family: Text
    description: Maybe[Text]
    purpose: Maybe[Text]
    sla: Maybe[Text]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset(Node):
    """A table or file outside the pipeline; `columns` as this pipeline reads or writes them."""

    KINDS = ("Dataset", "prov:Entity", "dcat:Dataset")
    id: DatasetId
    name: Text
    kind: Annotated[str, one_of("table", "file")]
    columns: tuple[ColumnId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SemanticLayer(Node):
    """What the pipeline is: text, graph, components, connections, datasets."""

    KINDS = ("SemanticLayer",)
    id: Annotated[str, fixed("r:layer/semantic")]
    source: OmlSource | None
    steps: tuple[Step, ...]
    components: tuple[Component, ...]
    connections: tuple[Connection, ...]
    datasets: tuple[Dataset, ...]
