"""The kinds of values that fields of nodes hold: the JSON Schema of each, and how the JSON-LD context reads it.

The type of a field carries them, as `Annotated` metadata; `docs/package_schema.py` makes schema and context of it.
A value with a name stands under it in the schema's `$defs`. Numbers are whole, times and decimals are text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from osiris_dagster.aiop.model.ids import NAME

T = TypeVar("T")
_LARGEST = 2**53 - 1  # of the whole numbers that every JSON reader keeps exactly
_EVIDENCE = rf"{NAME}\.{NAME}\.[0-9]{{13}}"


@dataclass(frozen=True, slots=True)
class Value:
    """A rule for one value; `datatype` of text is `@id` for the id of a node, or a datatype of XML Schema."""

    schema: Mapping[str, Any] = field(hash=False)
    name: str = ""
    datatype: str = ""


@dataclass(frozen=True, slots=True)
class Items:
    """How many items a list has, 0 meaning any number; with `least` it is always there. Ids never repeat."""

    least: int = 0
    most: int = 0
    unique: bool = False


LACKING = "may be lacking"
Maybe = Annotated[T, LACKING]
"""Text that may be empty, and is then left out of the document; so are lists without `least`, and None."""


def pattern(regex: str, most: int = 0) -> Value:
    """Return the rule of text that a regular expression matches, of at most so many characters."""
    return Value({"type": "string", "pattern": regex, **({"maxLength": most} if most else {})})


def one_of(*words: str) -> Value:
    """Return the rule of a closed set of words."""
    return Value({"enum": list(words)})


def fixed(word: str) -> Value:
    """Return the rule of the one text that stands here."""
    return Value({"const": word})


def whole(least: int, most: int = _LARGEST, name: str = "") -> Value:
    """Return the rule of a whole number."""
    return Value({"type": "integer", "minimum": least, "maximum": most}, name)


def ref(name: str, regex: str) -> Value:
    """Return the rule of the id of another node."""
    return Value({"type": "string", "pattern": regex}, name, "@id")


Text = Annotated[str, Value({"type": "string", "minLength": 1, "maxLength": 4000}, "text")]
LongText = Annotated[str, Value({"type": "string", "minLength": 1, "maxLength": 65_000}, "long_text")]
Count = Annotated[int, whole(0, name="count")]
Ordinal = Annotated[int, whole(1, name="seq")]
Line = Annotated[int, whole(0, 2**31 - 1, "line")]
Flag = Annotated[bool, Value({"type": "boolean"}, "flag")]
AlwaysTrue = Annotated[bool, Value({"const": True}, "true")]
Instant = Annotated[str, Value({"type": "string", "format": "date-time"}, "instant", "xsd:dateTime")]
DecimalText = Annotated[
    str, Value({"type": "string", "pattern": r"^-?[0-9]+\.[0-9]+$", "maxLength": 60}, "decimal", "xsd:decimal")
]
Sha256 = Annotated[str, Value({"type": "string", "pattern": "^[0-9a-f]{64}$"}, "sha256")]
Status = Annotated[str, Value({"enum": ["completed", "failed", "aborted", "canceled", "skipped"]}, "status")]
ValueType = Annotated[
    str, Value({"enum": ["string", "integer", "number", "boolean", "null", "array", "object"]}, "value_type")
]

PackageId = Annotated[str, ref("package_id", "^osiris://aiop/[0-9a-f]{32}$")]
RunId = Annotated[str, ref("run_id", "^osiris://run/[0-9a-f]{32}$")]
PipelineId = Annotated[str, ref("pipeline_id", rf"^osiris://pipeline/{NAME}@[0-9a-f]{{64}}$")]
ComponentId = Annotated[str, ref("component_id", "^osiris://component/[a-z0-9_.-]+@[a-z0-9_.-]+$")]
ConnectionId = Annotated[str, ref("connection_id", f"^osiris://connection/{NAME}/{NAME}$")]
DatasetId = Annotated[str, ref("dataset_id", "^osiris://dataset(/[a-z0-9_.-]+)+$")]
StepId = Annotated[str, ref("step_id", f"^p:step/{NAME}$")]
StepRunId = Annotated[str, ref("step_run_id", f"^r:step/{NAME}$")]
ColumnId = Annotated[str, ref("column_id", f"^[rp]:step/{NAME}/column/{NAME}$")]
ShardId = Annotated[str, ref("shard_id", "^r:annex/[a-z]+$")]
ArtifactId = Annotated[str, ref("artifact_id", rf"^r:evidence/ev\.artifact\.{_EVIDENCE}$")]
VersionId = Annotated[str, ref("version_id", f"^r:version/{NAME}$")]
CheckId = Annotated[str, ref("check_id", rf"^r:evidence/ev\.check\.{_EVIDENCE}$")]
EventId = Annotated[str, ref("event_id", rf"^r:evidence/ev\.event\.{_EVIDENCE}$")]
IssueId = Annotated[str, ref("issue_id", rf"^r:evidence/ev\.issue\.{_EVIDENCE}$")]
MetricId = Annotated[str, ref("metric_id", rf"^r:evidence/ev\.metric\.{_EVIDENCE}$")]
OutputId = Annotated[str, ref("output_id", rf"^r:evidence/ev\.output\.{_EVIDENCE}$")]
EvidenceId = Annotated[
    str,
    ref(
        "evidence_id",
        rf"^(r:evidence/ev\.(event|metric|artifact|output|issue)\.{_EVIDENCE}"
        r"|r:(delta|change|upstream|downstream)/[a-z0-9_/-]+|p:intent)$",
    ),
]
