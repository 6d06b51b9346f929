"""A component spec as frozen data: everything that a spec file declares and code reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

SpecMode = Literal["extract", "write", "transform"]
Override = Literal["allowed", "warning", "forbidden"]
OML_MODES: Mapping[str, SpecMode] = {"read": "extract", "write": "write", "transform": "transform"}
ROLES: Mapping[SpecMode, Literal["extractor", "processor", "writer"]] = {
    "extract": "extractor",
    "transform": "processor",
    "write": "writer",
}


def oml_mode(mode: SpecMode) -> str:
    """Return how OML writes a mode: `read` for `extract`."""
    return next(written for written, own in OML_MODES.items() if own == mode)


@dataclass(frozen=True, slots=True)
class Package:
    """The distribution that a component from outside comes from, as installers call it."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class Constraint:
    """When the config has the values of `when`, it must satisfy the JSON Schema properties of `must`."""

    when: Mapping[str, Any]
    must: Mapping[str, Any]
    error: str


@dataclass(frozen=True, slots=True)
class DatasetRule:
    """How config names the table or file a step touches: the names of the config fields that hold each part."""

    kind: Literal["table", "file"]
    path: str = ""  # file: field with the project path
    table: str = ""  # table: fields with the table, its schema, and SQL that names tables
    schema: str = ""
    query: str = ""
    default_schema: str = ""


@dataclass(frozen=True, slots=True)
class SqlRule:
    """Which config fields hold SQL that the source runs, and its dialect: whole statements, and conditions on rows."""

    dialect: str  # a name of sqlglot
    statements: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """A complete step configuration that validates."""

    title: str
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ComponentSpec:
    """One entry of the catalogue, e.g. `duckdb.extractor`."""

    name: str
    version: str
    title: str
    description: str
    mode: SpecMode
    capabilities: frozenset[str]
    config_schema: Mapping[str, Any]  # JSON Schema 2020-12 of the step's `config`, without `connection`
    driver: str  # "package.module:Class"
    inspector: str = ""  # the same, for a family whose connections can be asked
    secrets: tuple[str, ...] = ()  # JSON Pointers into the config or the connection
    connection: Literal["none", "optional", "required"] = "none"
    connection_fields: Mapping[str, Override] = field(default_factory=dict)  # config fields a connection may set
    constraints: tuple[Constraint, ...] = ()
    dataset: DatasetRule | None = None
    sql: SqlRule | None = None
    examples: tuple[Example, ...] = ()
    input_aliases: Mapping[str, str] = field(default_factory=dict)  # what an option is called elsewhere -> the option
    package: Package | None = None  # None: it comes with the product

    @property
    def family(self) -> str:
        """The connector family: `duckdb` of `duckdb.extractor`."""
        return self.name.partition(".")[0]

    @property
    def role(self) -> Literal["extractor", "processor", "writer"]:
        """What the component is to a pipeline."""
        return ROLES[self.mode]

    @property
    def defaults(self) -> dict[str, Any]:
        """Values of the config fields that a step leaves out."""
        rules: Mapping[str, Mapping[str, Any]] = self.config_schema.get("properties", {})
        return {name: rule["default"] for name, rule in rules.items() if "default" in rule}

    @property
    def exported(self) -> tuple[str, ...]:
        """Config fields whose values may leave the project in an AIOP (`x-export: true`)."""
        fields = self.config_schema.get("properties", {})
        return tuple(name for name, rule in fields.items() if rule.get("x-export"))
