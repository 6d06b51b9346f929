"""The catalogue: every component spec by name, with one validator and one fingerprint each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jsonschema.protocols import Validator

from osiris_dagster.canonical import fingerprint
from osiris_dagster.codec import to_json
from osiris_dagster.errors import Diagnostic
from osiris_dagster.specs.connection_schema import connection_schema
from osiris_dagster.specs.model import ComponentSpec
from osiris_dagster.specs.schema import schema_validator

Entry = tuple[ComponentSpec, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Unusable:
    """What an installed package would have brought: a component, or a whole family, and why it is not there."""

    name: str
    diagnostic: Diagnostic

    @property
    def reason(self) -> str:
        """Why, and the way out, in one line."""
        return f"{self.diagnostic.message}; {self.diagnostic.fix}"


class Catalogue:
    """Component specs by name, in the order of their names; does not change once built."""

    def __init__(self, entries: Iterable[Entry], unusable: Iterable[Unusable] = ()) -> None:
        """Take specs with the contents of the file each came from, and what could not be taken in."""
        self.unusable = tuple(unusable)
        ordered = sorted(entries, key=lambda entry: entry[0].name)
        self._specs = {spec.name: spec for spec, _ in ordered}
        self._contents = {spec.name: contents for spec, contents in ordered}
        self._validators: dict[str, Validator] = {}
        self._connection_validators: dict[str, Validator] = {}
        self._fingerprints: dict[str, str] = {}

    def __iter__(self) -> Iterator[ComponentSpec]:
        return iter(self._specs.values())

    def __len__(self) -> int:
        return len(self._specs)

    def __contains__(self, name: object) -> bool:
        return name in self._specs

    def __getitem__(self, name: str) -> ComponentSpec:
        return self._specs[name]

    def get(self, name: str) -> ComponentSpec | None:
        """Return the spec of that name, None without one."""
        return self._specs.get(name)

    @property
    def entries(self) -> list[Entry]:
        """The specs with the contents of their files."""
        return [(spec, self._contents[name]) for name, spec in self._specs.items()]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all components, sorted."""
        return tuple(self._specs)

    @property
    def families(self) -> tuple[str, ...]:
        """Connector families, sorted."""
        return tuple(sorted({spec.family for spec in self}))

    def discovering(self, family: str) -> tuple[ComponentSpec, ...]:
        """Return the specs of a family that name an inspector; empty when its connections cannot be asked."""
        return tuple(spec for spec in self if spec.family == family and spec.inspector)

    def contents(self, name: str) -> Mapping[str, Any]:
        """Return the spec file's data as it was read; KeyError for an unknown name."""
        return self._contents[name]

    def why_not(self, component: str) -> Unusable | None:
        """Return why a component, or a family, that a package should bring is not in the catalogue."""
        wanted = (component, component.partition(".")[0])
        return next((found for name in wanted for found in self.unusable if found.name == name), None)

    def fingerprint(self, name: str) -> str:
        """Return `sha256:<hex>` over the spec's contents, and its package if it has one; KeyError if unknown."""
        if name not in self._fingerprints:
            contents, package = self._contents[name], self._specs[name].package
            self._fingerprints[name] = fingerprint(
                contents if package is None else {"package": to_json(package), "spec": contents}
            )
        return self._fingerprints[name]

    def validator(self, name: str) -> Validator:
        """Return the validator of the component's configSchema, built at the first call; KeyError if unknown."""
        if name not in self._validators:
            self._validators[name] = schema_validator(self._specs[name].config_schema)
        return self._validators[name]

    def connection_validator(self, family: str) -> Validator:
        """Return the validator of the family's connections, built at the first call; of no fields if unknown."""
        if family not in self._connection_validators:
            schema = connection_schema(spec for spec in self if spec.family == family)
            self._connection_validators[family] = schema_validator(schema)
        return self._connection_validators[family]
