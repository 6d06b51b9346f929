"""The package as frozen data. A field that is not declared here cannot be exported: this is the allow-list.

Every class is a kind of node: `id` becomes `@id`, KINDS become `@type`, each other field the term of its name.
A field of type Ref holds the id of another node. Empty text, empty tuples and None are left out of the document.
"""

from osiris_dagster.aiop.model.around import (
    DownstreamPipeline,
    UpstreamState,
)
from osiris_dagster.aiop.model.delta import (
    Change,
    Comparison,
    DeltaLayer,
)
from osiris_dagster.aiop.model.evidence import (
    Artifact,
    Cause,
    Event,
    EvidenceLayer,
    Frame,
    Issue,
    Metric,
    Output,
    Run,
    StepRun,
)
from osiris_dagster.aiop.model.node import (
    Node,
    Ref,
)
from osiris_dagster.aiop.model.package import (
    AnnexShard,
    Capability,
    Claim,
    ControlLayer,
    MetadataLayer,
    NarrativeLayer,
    Package,
    Redaction,
    Setting,
    SizeHint,
    SoftwareVersion,
    Term,
    Truncation,
)
from osiris_dagster.aiop.model.plan import (
    Column,
    Component,
    ConfigField,
    Connection,
    Dataset,
    Fingerprint,
    Intent,
    OmlSource,
    Parameter,
    Pipeline,
    SemanticLayer,
    Step,
    StepInput,
    Tag,
)

__all__ = [
    "AnnexShard",
    "Artifact",
    "Capability",
    "Cause",
    "Change",
    "Claim",
    "Column",
    "Comparison",
    "Component",
    "ConfigField",
    "Connection",
    "ControlLayer",
    "Dataset",
    "DeltaLayer",
    "DownstreamPipeline",
    "Event",
    "EvidenceLayer",
    "Fingerprint",
    "Frame",
    "Intent",
    "Issue",
    "MetadataLayer",
    "Metric",
    "NarrativeLayer",
    "Node",
    "OmlSource",
    "Output",
    "Package",
    "Parameter",
    "Pipeline",
    "Redaction",
    "Ref",
    "Run",
    "SemanticLayer",
    "Setting",
    "SizeHint",
    "SoftwareVersion",
    "Step",
    "StepInput",
    "StepRun",
    "Tag",
    "Term",
    "Truncation",
    "UpstreamState",
]
