"""What a package is made from, as frozen data with a JSON form: the run, its plan, its past and what is around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from osiris_dagster.aiop.facts.options import Options
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.errors import AiopError
from osiris_dagster.oml.model import ConnectionFacts
from osiris_dagster.runs.past import PastRun
from osiris_dagster.runs.record import RunRecord
from osiris_dagster.runs.surroundings import Downstream, Upstream
from osiris_dagster.specs.model import ComponentSpec


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


_SHOWN = ("description", "x-export", "type")
"""What a package may need to know about a field of a component's configuration."""


def lean(facts: Facts) -> Facts:
    """Return the facts with only as much of specs and connections as a package shows."""
    return replace(
        facts,
        specs={name: _lean_spec(spec) for name, spec in facts.specs.items()},
        connections=tuple(replace(connection, paths=(), place=None, faults=()) for connection in facts.connections),
    )


def _lean_spec(spec: ComponentSpec) -> ComponentSpec:
    fields = spec.config_schema.get("properties", {})
    shown = {name: {key: rule[key] for key in _SHOWN if key in rule} for name, rule in fields.items()}
    return ComponentSpec(
        name=spec.name,
        version=spec.version,
        title=spec.title,
        description=spec.description,
        mode=spec.mode,
        capabilities=spec.capabilities,
        config_schema={"properties": shown},
        driver="",
        dataset=spec.dataset,
        package=spec.package,
    )
