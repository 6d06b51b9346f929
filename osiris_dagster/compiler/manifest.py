"""The manifest: what a run needs to know, as frozen data with one canonical form and one hash. No secret inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

from osiris_dagster.canonical import canonical_json, sha256, slug
from osiris_dagster.codec import SPARSE, fields_from_json, fields_to_json, json_key, to_json
from osiris_dagster.columns import Columns
from osiris_dagster.compiler.lineage import Lineage
from osiris_dagster.oml.model import Check, Execution, Freshness, Incremental, Partitions, Retry, Schedule
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

    JSON: ClassVar = "value"
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
    reads: tuple[Dataset, ...] = field(default=(), metadata=json_key("consumes"))
    writes: tuple[Dataset, ...] = field(default=(), metadata=json_key("produces"))
    description: str = ""
    line: int = 1  # of the step in the OML file
    # Only what is set is written from here on, so that manifests of older versions keep their hash.
    package: Package | None = field(default=None, metadata=SPARSE)  # where the component comes from; None: the product
    lineage: Lineage | None = field(default=None, metadata=SPARSE)  # of `columns`, or of those that SQL names
    retry: Retry | None = field(default=None, metadata=SPARSE)
    timeout: float | None = field(default=None, metadata=SPARSE)  # seconds of the step's own busy time
    checks: tuple[Check, ...] = field(default=(), metadata=SPARSE)
    contract: Columns = field(default=(), metadata=SPARSE)  # columns that the OML declares
    incremental: Incremental | None = field(default=None, metadata=SPARSE)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form: the fields, and where the configuration lies beside the manifest."""
        return {**fields_to_json(self), "cfg": cfg_path(self.id)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read back what `to_json` wrote; MalformedError for another shape."""
        return fields_from_json(cls, value)

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
        return sha256(canonical_json(parts if self.package is None else [*parts, to_json(self.package)]))


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
    schedule: Schedule | None = field(default=None, metadata=SPARSE)
    partitions: Partitions | None = field(default=None, metadata=SPARSE)
    freshness: Freshness | None = field(default=None, metadata=SPARSE)
    concurrency: str = field(default="", metadata=SPARSE)  # pool
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
        return sha256(canonical_json(self.to_json()))

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form, which satisfies the RunManifest schema."""
        told = fields_to_json(self)
        told["execution"]["params"] = told.pop("params")
        return {"apiVersion": API_VERSION, "kind": KIND, **told}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read back what `to_json` wrote; MalformedError for another shape."""
        return fields_from_json(cls, {**value, "params": value.get("execution", {}).get("params")})


def cfg_path(step_id: str) -> str:
    """Return where a step's configuration lies beside the manifest."""
    return f"cfg/{slug(step_id)}.json"
