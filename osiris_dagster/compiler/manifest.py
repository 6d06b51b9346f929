"""The manifest: what a run needs to know, as frozen data with one canonical form and one hash. No secret inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from osiris_dagster.canonical import canonical_json, sha256, slug
from osiris_dagster.columns import Columns, columns_from
from osiris_dagster.compiler.blocks import (
    block_dict,
    execution_dict,
    execution_from,
    partitions_from,
    step_blocks_dict,
    step_blocks_from,
)
from osiris_dagster.compiler.lineage import Lineage, lineage_from
from osiris_dagster.oml.model import Check, Execution, Incremental, Partitions, Retry, Schedule
from osiris_dagster.oml.relationship import KIND as RELATIONSHIP
from osiris_dagster.specs.model import Package

Role = Literal["extractor", "processor", "writer"]
API_VERSION = "osiris.v1"
KIND = "RunManifest"


@dataclass(frozen=True, slots=True)
class Dataset:
    """A table or file outside the pipeline; the key never holds a host name.

    Table: (family, alias or the connection's identity, schema, table). File: ("file", *parts of the project path).
    """

    key: tuple[str, ...]

    @property
    def name(self) -> str:
        """The key as one readable text."""
        return "/".join(self.key)


@dataclass(frozen=True, slots=True)
class StepInput:
    """Rows that a step reads from another: the upstream step, the table names SQL may use, scans in the plan."""

    step: str
    names: tuple[str, ...]
    scans: int = 0  # 0 = unknown


@dataclass(frozen=True, slots=True)
class StepPlan:
    """One step as it will run."""

    id: str
    component: str
    version: str  # of the component spec
    role: Role
    config: Mapping[str, Any]  # params substituted, defaults filled in
    connection: str = ""  # "@duckdb.ops"
    needs: tuple[str, ...] = ()  # all upstream steps: those in `inputs` and those for order only
    inputs: tuple[StepInput, ...] = ()
    columns: Columns | None = None  # what it hands on (a writer: what it receives); None = known at run start
    reads: tuple[Dataset, ...] = ()
    writes: tuple[Dataset, ...] = ()
    lineage: Lineage | None = None  # of `columns`, or of those that SQL of a source names; None = nothing is known
    description: str = ""
    retry: Retry | None = None
    timeout: float | None = None  # seconds of the step's own busy time
    checks: tuple[Check, ...] = ()
    contract: Columns = ()  # columns that the OML declares
    incremental: Incremental | None = None
    line: int = 1  # of the step in the OML file
    package: Package | None = None  # where the component comes from; None: from the product

    @property
    def family(self) -> str:
        """The connector family: `duckdb` of `duckdb.processor`."""
        return self.component.partition(".")[0]

    @property
    def sources(self) -> tuple[StepInput, ...]:
        """All rows that the step needs: its inputs, and those that its checks compare with."""
        compared = dict.fromkeys(check.options["to"] for check in self.checks if check.type == RELATIONSHIP)
        return (*self.inputs, *(StepInput(step, ()) for step in compared))

    @property
    def fingerprint(self) -> str:
        """Hash of everything that decides what the step does by itself (not its upstreams)."""
        parts = [self.component, self.version, dict(self.config), self.connection]
        return sha256(canonical_json(parts if self.package is None else [*parts, self.package.as_dict()]))


@dataclass(frozen=True)  # without slots: the hash is kept
class Manifest:
    """One pipeline, compiled. Steps are in an order in which each comes after its needs."""

    pipeline: str  # the name in the OML file
    file: str  # project-relative OML file
    oml_version: str
    steps: tuple[StepPlan, ...]
    description: str = ""
    intent: str = ""
    owners: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    schedule: Schedule | None = None
    partitions: Partitions | None = None
    freshness_max_lag: str = ""
    concurrency: str = ""  # pool
    execution: Execution = field(default_factory=Execution)
    params: Mapping[str, Any] = field(default_factory=dict)  # values used
    # inputs of the compilation: oml, specs, params, schemas, connections, compiler
    fingerprints: Mapping[str, str] = field(default_factory=dict)

    @property
    def packages(self) -> dict[str, str]:
        """Versions of the packages from outside that its components come from."""
        return {step.package.name: step.package.version for step in self.steps if step.package}

    def step(self, step_id: str) -> StepPlan:
        """Return the step of that id; KeyError without one."""
        for step in self.steps:
            if step.id == step_id:
                return step
        raise KeyError(step_id)

    @cached_property
    def hash(self) -> str:
        """Hex SHA-256 over the canonical JSON of the whole manifest, steps included."""
        return sha256(canonical_json(self.as_dict()))

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form, which satisfies the RunManifest schema; `manifest_from_dict` reads it back."""
        return {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "pipeline": self.pipeline,
            "file": self.file,
            "oml_version": self.oml_version,
            "description": self.description,
            "intent": self.intent,
            "owners": list(self.owners),
            "tags": dict(self.tags),
            **self._blocks(),
            "execution": {**execution_dict(self.execution), "params": dict(self.params)},
            "fingerprints": dict(self.fingerprints),
            "steps": [_step_dict(step) for step in self.steps],
        }

    def _blocks(self) -> dict[str, Any]:
        written = {
            "schedule": self.schedule and block_dict(self.schedule),
            "partitions": self.partitions and block_dict(self.partitions),
            "freshness": self.freshness_max_lag and {"max_lag": self.freshness_max_lag},
            "concurrency": self.concurrency,
        }
        return {name: value for name, value in written.items() if value}


def _step_dict(step: StepPlan) -> dict[str, Any]:
    return {
        "id": step.id,
        "cfg": cfg_path(step.id),
        "component": step.component,
        "version": step.version,
        "role": step.role,
        "config": dict(step.config),
        "connection": step.connection,
        "needs": list(step.needs),
        "inputs": [{"step": i.step, "names": list(i.names), "scans": i.scans} for i in step.inputs],
        "columns": None if step.columns is None else [c.as_dict() for c in step.columns],
        "consumes": [list(d.key) for d in step.reads],
        "produces": [list(d.key) for d in step.writes],
        "description": step.description,
        "line": step.line,
        # Only what is set is written from here on, so that manifests of older versions keep their hash.
        **({} if step.package is None else {"package": step.package.as_dict()}),
        **({} if step.lineage is None else {"lineage": [column.as_dict() for column in step.lineage]}),
        **step_blocks_dict(step),
    }


def cfg_path(step_id: str) -> str:
    """Return where a step's configuration lies beside the manifest."""
    return f"cfg/{slug(step_id)}.json"


def manifest_from_dict(value: Mapping[str, Any]) -> Manifest:
    """Read back what `Manifest.as_dict` wrote; KeyError or TypeError for another shape."""
    execution = value["execution"]
    schedule = value.get("schedule")
    return Manifest(
        pipeline=value["pipeline"],
        file=value["file"],
        oml_version=value["oml_version"],
        steps=tuple(_step_from(item) for item in value["steps"]),
        description=value["description"],
        intent=value["intent"],
        owners=tuple(value["owners"]),
        tags=value["tags"],
        schedule=Schedule(**schedule) if schedule else None,
        partitions=partitions_from(value.get("partitions")),
        freshness_max_lag=value.get("freshness", {}).get("max_lag", ""),
        concurrency=value.get("concurrency", ""),
        execution=execution_from(execution),
        params=execution["params"],
        fingerprints=value["fingerprints"],
    )


def _step_from(item: Mapping[str, Any]) -> StepPlan:
    columns, lineage, package = item["columns"], item.get("lineage"), item.get("package")
    return StepPlan(
        id=item["id"],
        component=item["component"],
        version=item["version"],
        role=item["role"],
        config=item["config"],
        connection=item["connection"],
        needs=tuple(item["needs"]),
        inputs=tuple(StepInput(i["step"], tuple(i["names"]), i["scans"]) for i in item["inputs"]),
        columns=None if columns is None else columns_from(columns),
        reads=tuple(Dataset(tuple(key)) for key in item["consumes"]),
        writes=tuple(Dataset(tuple(key)) for key in item["produces"]),
        lineage=None if lineage is None else lineage_from(lineage),
        description=item["description"],
        line=item["line"],
        package=None if package is None else Package(**package),
        **step_blocks_from(item),
    )
