"""How a step becomes an AssetSpec. Subclass `DagsterOsirisTranslator` to change what the UI shows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dagster import (
    AssetDep,
    AssetKey,
    AssetSpec,
    AutomationCondition,
    CodeReferencesMetadataValue,
    FreshnessPolicy,
    LocalFileCodeReference,
    MetadataValue,
    PartitionMapping,
    TableColumn,
    TableColumnConstraints,
    TableSchema,
)

from osiris_dagster.assets.column_lineage import LINEAGE, step_lineage
from osiris_dagster.assets.keys import aiop_key, dataset_key, op_name, step_keys
from osiris_dagster.columns import Columns
from osiris_dagster.compiler.manifest import Manifest, StepPlan

_OWNER = re.compile(r"team:[A-Za-z0-9_]+|[^@\s]+@[^@\s]+\.[^@\s]+")
_TAG_KEY = re.compile(r"([A-Za-z0-9_.-]{1,63}/)?[A-Za-z0-9_.-]{1,63}")
_TAG_VALUE = re.compile(r"[A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class StepData:
    """What a translator knows of a step: the step, its manifest, the OML file on disk, and who feeds what it reads."""

    manifest: Manifest
    step: StepPlan
    oml_path: Path
    feeders: tuple[AssetKey, ...] = ()  # steps of other pipelines that write the tables this one reads
    manifest_hash: str = ""  # of the manifest; given once for all of its steps, as it takes a while
    origins: Mapping[str, str] = field(default_factory=dict)  # where each column comes from, in words
    start: AutomationCondition[AssetKey] | None = None  # of a pipeline that waits for updates
    freshness: FreshnessPolicy | None = None  # of the pipeline's last steps
    mappings: Mapping[AssetKey, PartitionMapping] = field(default_factory=dict)  # to partitions of other pipelines


class DagsterOsirisTranslator:
    """Turns steps into asset specs; override `get_asset_spec` and change the spec it returns."""

    def get_asset_spec(self, data: StepData) -> AssetSpec:
        """Return the spec of one step: key, upstream keys, and everything that is known before a run."""
        manifest, step = data.manifest, data.step
        keys = step_keys(manifest)
        return AssetSpec(
            key=keys[step.id],
            deps=[*(keys[need] for need in step.needs), *_outside(data)],
            skippable=True,
            description=_description(step),
            group_name=op_name(manifest.pipeline),
            kinds=kinds_of(step),
            owners=[owner for owner in manifest.owners if _OWNER.fullmatch(owner)],
            tags=tags_of(manifest),
            code_version=step.fingerprint[:16],
            metadata=_metadata(data, keys),
            automation_condition=data.start,
            freshness_policy=data.freshness,
        )


def _outside(data: StepData) -> list[AssetDep]:
    keys = [*(dataset_key(dataset) for dataset in data.step.reads), *data.feeders]
    return [AssetDep(key, partition_mapping=data.mappings.get(key)) for key in keys]


def _description(step: StepPlan) -> str:
    parts = [step.description] if step.description else []
    query = step.config.get("query")
    if query:
        parts.append(f"```sql\n{str(query).strip()}\n```")
    return "\n\n".join(parts) or f"{step.component}"


def kinds_of(step: StepPlan) -> set[str]:
    """Return the badges of a step: its store, and SQL where it is one."""
    family, _, role = step.component.partition(".")
    shown = role.partition("_")[0] if family == "filesystem" else family
    return {shown, "sql"} if step.role == "processor" else {shown}


def tags_of(manifest: Manifest) -> dict[str, str]:
    """Return the tags that Dagster can hold; the manifest keeps all of them."""
    return {k: v for k, v in manifest.tags.items() if _TAG_KEY.fullmatch(k) and _TAG_VALUE.fullmatch(v)}


def _reference(data: StepData) -> LocalFileCodeReference:
    return LocalFileCodeReference(
        file_path=str(data.oml_path), line_number=data.step.line, label=f"step {data.step.id}"
    )


def _metadata(data: StepData, keys: Mapping[str, AssetKey]) -> Mapping[str, Any]:
    step = data.step
    metadata: dict[str, Any] = {
        "dagster/code_references": CodeReferencesMetadataValue(code_references=[_reference(data)]),
        "osiris/component": f"{step.component} {step.version}",
        "osiris/manifest": data.manifest_hash,
        "osiris/packages": MetadataValue.asset(aiop_key(data.manifest.pipeline)),
        "osiris/config": MetadataValue.json(dict(step.config)),
    }
    if step.columns:
        metadata["dagster/column_schema"] = table_schema(step.columns, data.origins)
    if lineage := step_lineage(step, keys):
        metadata[LINEAGE] = lineage
    if step.connection:
        metadata["osiris/connection"] = step.connection
    return metadata


def table_schema(columns: Columns, origins: Mapping[str, str] | None = None) -> TableSchema:
    """Return columns as Dagster shows them, each described by where it comes from."""
    said = origins or {}
    return TableSchema(
        [
            TableColumn(c.name, c.type, said.get(c.name), constraints=TableColumnConstraints(nullable=c.nullable))
            for c in columns
        ]
    )
