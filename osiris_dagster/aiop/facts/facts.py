"""What a package is made from, as frozen data with a JSON form: the run, its plan, its past and what is around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from osiris_dagster.aiop.facts.options import Options, options_from_dict
from osiris_dagster.compiler.manifest import Manifest, manifest_from_dict
from osiris_dagster.errors import AiopError
from osiris_dagster.oml.model import ConnectionFacts
from osiris_dagster.runs.codec import record_as_dict, record_from_dict
from osiris_dagster.runs.past import PastRun, past_from_dict
from osiris_dagster.runs.record import RunRecord
from osiris_dagster.runs.surroundings import Downstream, Upstream, downstream_from_dict, upstream_from_dict
from osiris_dagster.specs.model import ComponentSpec, DatasetRule, Package


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the builder may read; nothing else reaches a package."""

    record: RunRecord
    manifest: Manifest
    oml: str = ""  # the text that was compiled; empty when it is not known any more
    specs: Mapping[str, ComponentSpec] = field(default_factory=dict)  # by component name
    connections: tuple[ConnectionFacts, ...] = ()
    oml_sha256: str = ""  # of the text before anything was masked; empty: of `oml`
    history: tuple[PastRun, ...] = ()  # earlier runs of the pipeline, oldest first
    previous: RunRecord | None = None  # the last one of them that succeeded
    previous_manifest: Manifest | None = None
    upstream: tuple[Upstream, ...] = ()
    downstream: tuple[Downstream, ...] = ()
    commit_intent: str = ""  # what the commit that brought the text says of its purpose
    options: Options = field(default_factory=Options)


def checked(facts: Facts) -> Facts:
    """Return the facts when they belong together; AiopError when record and manifest do not."""
    record, manifest = facts.record, facts.manifest
    if record.manifest_hash != manifest.hash:
        raise AiopError(
            f"the manifest of {manifest.pipeline!r} is not the one that run {record.run_id} used",
            code="AIO002",
            found=f"manifest {manifest.hash}",
            expected=f"manifest {record.manifest_hash}",
            fix="export with the manifest kept under build/ for that run",
        )
    planned = {step.id for step in manifest.steps}
    strangers = sorted(step.step_id for step in record.steps if step.step_id not in planned)
    if strangers:
        raise AiopError(
            f"run {record.run_id} has records of steps that its manifest does not have",
            code="AIO002",
            found=", ".join(strangers[:5]),
            expected="steps of the manifest",
            fix="export with the manifest kept under build/ for that run",
        )
    return facts


def facts_as_dict(facts: Facts) -> dict[str, Any]:
    """Return the JSON form. Of a spec only what a package shows is kept; secrets are in none of the parts."""
    return {
        "record": record_as_dict(facts.record),
        "manifest": facts.manifest.as_dict(),
        "oml": facts.oml,
        "oml_sha256": facts.oml_sha256,
        "specs": [_spec_dict(spec) for _, spec in sorted(facts.specs.items())],
        "connections": [_connection_dict(connection) for connection in facts.connections],
        "history": [asdict(past) for past in facts.history],
        "previous": record_as_dict(facts.previous) if facts.previous else None,
        "previous_manifest": facts.previous_manifest.as_dict() if facts.previous_manifest else None,
        "upstream": [asdict(item) for item in facts.upstream],
        "downstream": [asdict(item) for item in facts.downstream],
        "commit_intent": facts.commit_intent,
        "options": facts.options.as_dict(),
    }


def facts_from_dict(value: Mapping[str, Any]) -> Facts:
    """Read back what `facts_as_dict` wrote; KeyError, TypeError or ValueError for another shape."""
    specs = [_spec_from(item) for item in value["specs"]]
    previous, plan = value["previous"], value["previous_manifest"]
    return Facts(
        record=record_from_dict(value["record"]),
        manifest=manifest_from_dict(value["manifest"]),
        oml=str(value["oml"]),
        oml_sha256=str(value["oml_sha256"]),
        specs={spec.name: spec for spec in specs},
        connections=tuple(
            ConnectionFacts(**{**item, "fields": tuple(item["fields"])}) for item in value["connections"]
        ),
        history=tuple(past_from_dict(item) for item in value["history"]),
        previous=record_from_dict(previous) if previous else None,
        previous_manifest=manifest_from_dict(plan) if plan else None,
        upstream=tuple(upstream_from_dict(item) for item in value["upstream"]),
        downstream=tuple(downstream_from_dict(item) for item in value["downstream"]),
        commit_intent=str(value["commit_intent"]),
        options=options_from_dict(value["options"]),
    )


def _connection_dict(connection: ConnectionFacts) -> dict[str, Any]:
    return {name: getattr(connection, name) for name in _CONNECTION_KEYS}


_CONNECTION_KEYS = ("family", "alias", "identity", "default", "description", "purpose", "sla", "fields")
_FIELD_KEYS = ("description", "x-export", "type")


def _spec_dict(spec: ComponentSpec) -> dict[str, Any]:
    fields = spec.config_schema.get("properties", {})
    return {
        "name": spec.name,
        "version": spec.version,
        "title": spec.title,
        "description": spec.description,
        "mode": spec.mode,
        "capabilities": sorted(spec.capabilities),
        "fields": {name: {key: rule[key] for key in _FIELD_KEYS if key in rule} for name, rule in fields.items()},
        "dataset": asdict(spec.dataset) if spec.dataset else None,
        "package": spec.package and spec.package.as_dict(),
    }


def _spec_from(item: Mapping[str, Any]) -> ComponentSpec:
    return ComponentSpec(
        name=item["name"],
        version=item["version"],
        title=item["title"],
        description=item["description"],
        mode=item["mode"],
        capabilities=frozenset(item["capabilities"]),
        config_schema={"properties": item["fields"]},
        driver="",
        dataset=DatasetRule(**item["dataset"]) if item["dataset"] else None,
        package=Package(**item["package"]) if item.get("package") else None,
    )
