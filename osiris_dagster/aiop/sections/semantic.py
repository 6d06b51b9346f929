"""What the pipeline is: its text and intent, its steps as a graph, components, connections and datasets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from osiris_dagster.aiop.facts.text import cut, distinct
from osiris_dagster.aiop.model.ids import component_iri, connection_iri, dataset_iri, named
from osiris_dagster.aiop.model.plan import (
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
from osiris_dagster.aiop.sections.columns import planned_columns
from osiris_dagster.aiop.sections.execution import columns_of
from osiris_dagster.aiop.sections.scope import Scope, once
from osiris_dagster.aiop.sections.wording import counted, listed
from osiris_dagster.canonical import canonical_json
from osiris_dagster.compiler.manifest import StepPlan
from osiris_dagster.oml.model import ConnectionFacts
from osiris_dagster.specs.model import ROLES, ComponentSpec

_JSON_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", tuple: "array"}


def pipeline_of(scope: Scope) -> Pipeline:
    """Return the pipeline in the version that ran."""
    manifest, names = scope.facts.manifest, scope.names
    return Pipeline(
        id=names.pipeline,
        name=manifest.pipeline,
        description=manifest.description,
        manifest_hash=names.manifest_hash,
        oml_version=manifest.oml_version,
        file=manifest.file,
        step_count=scope.totals.steps,
        intent=intent_of(scope),
        owners=distinct(manifest.owners),
        tags=tuple(Tag(id=i, name=n, text=str(v)) for i, n, v in named("p:tag", manifest.tags)),
        parameters=tuple(
            Parameter(id=i, name=n, value_type=json_type(v)) for i, n, v in named("p:parameter", manifest.params)
        ),
        fingerprints=tuple(
            Fingerprint(id=i, name=n, text=str(v)) for i, n, v in named("p:fingerprint", manifest.fingerprints)
        ),
    )


def semantic_layer(scope: Scope) -> SemanticLayer:
    """Return the meaning of the pipeline: everything that is known without running it."""
    return SemanticLayer(
        id="r:layer/semantic",
        source=_source(scope) if scope.facts.oml else None,
        steps=tuple(_step(scope, seq, plan) for seq, plan in enumerate(scope.facts.manifest.steps, 1)),
        components=_components(scope),
        connections=_connections(scope),
        datasets=datasets_of(scope),
    )


def intent_of(scope: Scope) -> Intent:
    """Return why the pipeline exists, with the place that says so."""
    manifest = scope.facts.manifest
    if manifest.intent.strip():
        return Intent(id="p:intent", text=manifest.intent.strip(), intent_source="metadata.intent")
    if manifest.description.strip():
        return Intent(id="p:intent", text=manifest.description.strip(), intent_source="description")
    if scope.facts.commit_intent:
        return Intent(id="p:intent", text=scope.facts.commit_intent, intent_source="commit")
    return Intent(id="p:intent", text=_inferred(scope), intent_source="inferred")


def _inferred(scope: Scope) -> str:
    plans = scope.facts.manifest.steps
    reads = list(dict.fromkeys(dataset_name(read.key) for plan in plans for read in plan.reads))
    writes = list(dict.fromkeys(dataset_name(write.key) for plan in plans for write in plan.writes))
    transforms = sum(plan.role == "processor" for plan in plans)
    if not plans:
        return "it has no steps yet"
    parts = [f"reads {listed(reads)}"] if reads else []
    parts += [f"transforms rows in {counted(transforms, 'step')}"] if transforms else []
    parts += [f"writes {listed(writes)}"] if writes else []
    return "it " + (listed(parts) or "names no data that it reads or writes")


def _source(scope: Scope) -> OmlSource:
    manifest, text = scope.facts.manifest, scope.facts.oml
    return OmlSource(
        id="p:oml",
        path=manifest.file,
        text=text,
        sha256=scope.oml.sha256,
        matches_run=scope.oml.matches_run,
    )


def _step(scope: Scope, seq: int, plan: StepPlan) -> Step:
    names = scope.names
    own = names.step(plan.id)
    return Step(
        id=own,
        seq=seq,
        step_id=plan.id,
        description=plan.description,
        role=plan.role,
        line=plan.line,
        part_of=names.pipeline,
        component=component_iri(plan.component, plan.version),
        connection=connection_iri(plan.connection) if plan.connection else "",
        depends_on=tuple(names.step(need) for need in dict.fromkeys(plan.needs)),
        inputs=_inputs(scope, own, plan),
        reads=tuple(dict.fromkeys(dataset_iri(read.key) for read in plan.reads)),
        writes=tuple(dict.fromkeys(dataset_iri(write.key) for write in plan.writes)),
        columns=planned_columns(scope, plan),
        config=_config(scope, own, plan),
    )


def _inputs(scope: Scope, own: str, plan: StepPlan) -> tuple[StepInput, ...]:
    names = scope.names
    return tuple(
        StepInput(
            id=f"{own}/input/{number}",
            from_step=names.step(item.step),
            table_names=distinct(item.names),
        )
        for number, item in enumerate(plan.inputs, 1)
    )


def _config(scope: Scope, own: str, plan: StepPlan) -> tuple[ConfigField, ...]:
    spec = scope.facts.specs.get(plan.component)
    rules = spec.config_schema.get("properties", {}) if spec else {}
    exported = spec.exported if spec else ()
    return tuple(
        ConfigField(
            id=field_id,
            name=name,
            description=str(rules.get(name, {}).get("description", "")),
            value_type=json_type(value),
            setting=cut(_shown(value), scope.limits.text) if name in exported else "",
        )
        for field_id, name, value in named(f"{own}/config", plan.config)
    )


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else canonical_json(value).decode()


def json_type(value: Any) -> str:
    """Name the JSON type of a value.

    >>> [json_type(value) for value in ("a", 1, 1.5, True, None, [], {})]
    ['string', 'integer', 'number', 'boolean', 'null', 'array', 'object']
    """
    return "null" if value is None else _JSON_TYPES.get(type(value), "object")


def withheld(scope: Scope) -> int:
    """Count the configuration and parameter values that are set and not exported."""
    specs = scope.facts.specs
    kept_back = len(scope.facts.manifest.params)
    for plan in scope.facts.manifest.steps:
        spec = specs.get(plan.component)
        kept_back += len(set(plan.config) - set(spec.exported if spec else ()))
    return kept_back


def versions_of(scope: Scope) -> list[tuple[str, str, str]]:
    """Return id, name and version of the software that ran the pipeline, packages of its components included."""
    return named("r:version", {**scope.facts.record.versions, **scope.facts.manifest.packages})


def _components(scope: Scope) -> tuple[Component, ...]:
    used = {component_iri(plan.component, plan.version): plan for plan in scope.facts.manifest.steps}
    packages = {name: version_id for version_id, name, _ in versions_of(scope)}
    specs = scope.facts.specs
    return tuple(_component(iri, plan, specs.get(plan.component), packages) for iri, plan in sorted(used.items()))


def _component(iri: str, plan: StepPlan, spec: ComponentSpec | None, packages: Mapping[str, str]) -> Component:
    part_of = packages[plan.package.name] if plan.package else ""
    if spec is None or (spec.version, spec.package) != (plan.version, plan.package):
        return Component(
            id=iri,
            name=plan.component,
            title="",
            description="",
            code_version=plan.version,
            mode=next(mode for mode, role in ROLES.items() if role == plan.role),
            role=plan.role,
            supports=(),
            part_of=part_of,
        )
    return Component(
        id=iri,
        name=spec.name,
        title=spec.title,
        description=spec.description,
        code_version=spec.version,
        mode=spec.mode,
        role=spec.role,
        supports=distinct(spec.capabilities),
        part_of=part_of,
    )


def _connections(scope: Scope) -> tuple[Connection, ...]:
    known = {facts.reference: facts for facts in scope.facts.connections}
    used = sorted({plan.connection for plan in scope.facts.manifest.steps if plan.connection})
    by_iri = {connection_iri(reference): (reference, known.get(reference)) for reference in used}
    return tuple(_connection(iri, reference, facts) for iri, (reference, facts) in sorted(by_iri.items()))


def _connection(iri: str, reference: str, facts: ConnectionFacts | None) -> Connection:
    return Connection(
        id=iri,
        name=reference,
        family=reference.removeprefix("@").partition(".")[0],
        description=facts.description if facts else "",
        purpose=facts.purpose if facts else "",
        sla=facts.sla if facts else "",
    )


@once
def datasets_of(scope: Scope) -> tuple[Dataset, ...]:
    """Return every table and file of the plan, and what the run wrote beyond it."""
    keys: dict[tuple[str, ...], tuple[str, ...]] = {}
    for plan in scope.facts.manifest.steps:
        record = scope.records.get(plan.id)
        for key in (*(write.key for write in plan.writes), *(record.writes if record else ())):
            keys[key] = keys.get(key) or _columns_seen(scope, plan)
    for plan in scope.facts.manifest.steps:
        columns = () if _queries(scope, plan) else _columns_seen(scope, plan)
        for read in plan.reads:
            keys[read.key] = keys.get(read.key) or columns
    by_iri = {dataset_iri(key): (key, columns) for key, columns in keys.items()}
    return tuple(
        Dataset(
            id=iri,
            name=cut(dataset_name(key), scope.limits.text),
            kind="file" if key[:1] == ("file",) else "table",
            columns=columns,
        )
        for iri, (key, columns) in sorted(by_iri.items())
    )


def dataset_name(key: tuple[str, ...]) -> str:
    """Return the path of a file, or the parts of a table's key.

    >>> dataset_name(("file", "data", "a.csv")), dataset_name(("duckdb", "ops", "main", "t"))
    ('data/a.csv', 'duckdb/ops/main/t')
    """
    return "/".join(key[1:] if key[:1] == ("file",) else key)


def _columns_seen(scope: Scope, plan: StepPlan) -> tuple[str, ...]:
    """Return the ids of the columns that a step run had, else of those that were planned."""
    record = scope.records.get(plan.id)
    if record and record.columns not in ((), plan.columns):
        return tuple(column.id for column in columns_of(scope.names.step_run(plan.id), record.columns))
    return tuple(column.id for column in columns_of(scope.names.step(plan.id), plan.columns or ()))


def _queries(scope: Scope, plan: StepPlan) -> bool:
    """Tell whether the rows come from SQL, so that their columns say nothing about the tables behind it."""
    spec = scope.facts.specs.get(plan.component)
    return bool(spec and spec.dataset and spec.dataset.query and plan.config.get(spec.dataset.query))
