"""The pipeline as planned: what the semantic layer is made of."""

from __future__ import annotations

from dataclasses import dataclass

from osiris_dagster.aiop.model.node import Node, Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag(Node):
    """A tag of the pipeline."""

    KINDS = ("Tag",)
    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter(Node):
    """A parameter that the run used; its value is not exported, only what kind of value it was."""

    KINDS = ("Parameter",)
    name: str
    value_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint(Node):
    """The digest of one input of the compilation."""

    KINDS = ("Fingerprint",)
    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent(Node):
    """Why the pipeline exists, and who says so: metadata.intent, description, its commit, or its steps."""

    KINDS = ("Intent", "prov:Entity")
    text: str
    intent_source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline(Node):
    """The pipeline in the version that ran."""

    KINDS = ("Pipeline", "prov:Plan", "p-plan:Plan", "schema:HowTo", "bioschemas:ComputationalWorkflow")
    name: str
    description: str
    manifest_hash: str
    oml_version: str
    file: str
    step_count: int
    intent: Intent
    owners: tuple[str, ...]
    tags: tuple[Tag, ...]
    parameters: tuple[Parameter, ...]
    fingerprints: tuple[Fingerprint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OmlSource(Node):
    """The OML text; `matches_run` tells whether it is the one that was compiled, when that is known."""

    KINDS = ("OmlSource", "prov:Entity", "schema:SoftwareSourceCode")
    path: str
    text: str
    sha256: str
    matches_run: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceColumn(Node):
    """A column of a table or file that a column of a step is made of."""

    KINDS = ("SourceColumn", "prov:Entity")
    dataset: Ref
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(Node):
    """A named, typed column of a step's rows, and what it is made of: columns of steps before, or of datasets.

    `derivation`: identity, transformation, aggregation, or unknown; absent where nothing was worked out.
    """

    KINDS = ("Column", "prov:Entity", "csvw:Column")
    seq: int
    name: str
    data_type: str
    nullable: bool
    derivation: str
    derived_from: tuple[Ref, ...]
    read_from: tuple[SourceColumn, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigField(Node):
    """A configuration field that is set; `setting` only where the component's spec allows the value to leave."""

    KINDS = ("ConfigField",)
    name: str
    description: str
    value_type: str
    setting: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepInput(Node):
    """Rows that a step takes from another, and the table names under which its SQL may use them."""

    KINDS = ("StepInput",)
    from_step: Ref
    table_names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Node):
    """A step as planned."""

    KINDS = ("Step", "p-plan:Step", "schema:HowToStep")
    seq: int
    step_id: str
    description: str
    role: str
    line: int
    part_of: Ref
    component: Ref
    connection: Ref
    depends_on: tuple[Ref, ...]
    inputs: tuple[StepInput, ...]
    reads: tuple[Ref, ...]
    writes: tuple[Ref, ...]
    columns: tuple[Column, ...]
    config: tuple[ConfigField, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Component(Node):
    """A component of the catalogue, with the mode and the capabilities its spec declares.

    `part_of` is the package that it comes from, in its version; absent for what comes with the product.
    """

    KINDS = ("Component", "schema:SoftwareApplication")
    name: str
    title: str
    description: str
    code_version: str
    mode: str
    role: str
    supports: tuple[str, ...]
    part_of: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection(Node):
    """A connection by its alias, with what its owner says about it."""

    KINDS = ("Connection",)
    name: str
    family: str
    description: str
    purpose: str
    sla: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset(Node):
    """A table or file outside the pipeline; `columns` as this pipeline reads or writes them."""

    KINDS = ("Dataset", "prov:Entity", "dcat:Dataset")
    name: str
    kind: str
    columns: tuple[Ref, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SemanticLayer(Node):
    """What the pipeline is: text, graph, components, connections, datasets."""

    KINDS = ("SemanticLayer",)
    source: OmlSource | None
    steps: tuple[Step, ...]
    components: tuple[Component, ...]
    connections: tuple[Connection, ...]
    datasets: tuple[Dataset, ...]
