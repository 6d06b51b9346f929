"""What every rule sees: the document, the catalogue, the connections, and the steps as far as they can be read."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.document import Document, Path, path_text
from osiris_dagster.oml.model import VERSIONS, ConnectionFacts
from osiris_dagster.oml.params import declared, substitute
from osiris_dagster.oml.secrets import InlineSecret, inline_secrets
from osiris_dagster.redaction import MASK
from osiris_dagster.specs.catalogue import Catalogue
from osiris_dagster.specs.model import OML_MODES, ROLES, ComponentSpec
from osiris_dagster.specs.schema_faults import SchemaFault, kind_of, schema_faults
from osiris_dagster.specs.secrets import may_be_secret_name, secret_fields

_LONGEST_SHOWN = 80
_MOST_FAULTS_A_STEP = 100


@dataclass(frozen=True)
class StepText:
    """One step as it is written: what cannot be read is empty, so that rules about the rest still work."""

    index: int
    body: Mapping[str, Any]
    id: str
    component: str
    mode: str
    spec: ComponentSpec | None
    config: Mapping[str, Any]
    needs: tuple[str, ...]  # written, or the previous step
    needs_written: bool

    @property
    def path(self) -> Path:
        """Where the step stands in the document."""
        return ("steps", self.index)

    @cached_property
    def role(self) -> str:
        """Extractor, processor or writer; empty when neither component nor mode tells."""
        if self.spec is not None:
            return self.spec.role
        return ROLES[OML_MODES[self.mode]] if self.mode in OML_MODES else ""

    @property
    def connected(self) -> bool:
        """Whether the config names a connection."""
        return self.config.get("connection") is not None


@dataclass(frozen=True)
class Context:
    """One document under validation. `connections` is None when nothing is known about them."""

    document: Document
    catalogue: Catalogue
    connections: tuple[ConnectionFacts, ...] | None = None
    values: Mapping[str, Any] = field(default_factory=dict)  # parameter values that go before the defaults
    known_secrets: Collection[str] = field(default=(), repr=False)  # values that must not stand in the document

    @property
    def body(self) -> Mapping[str, Any]:
        """The top-level mapping; empty when the document is none."""
        value = self.document.value
        return value if isinstance(value, dict) else {}

    @property
    def version(self) -> str:
        """The document's OML version; an unreadable one counts as the newest, so that nothing else is blamed."""
        written = self.body.get("oml_version")
        return written if written in VERSIONS else VERSIONS[-1]

    @cached_property
    def steps(self) -> tuple[StepText, ...]:
        """The items of `steps` that are mappings."""
        items = self.body.get("steps")
        found: list[StepText] = []
        previous = ""
        for index, item in enumerate(items if isinstance(items, list) else ()):
            if isinstance(item, dict):
                found.append(_step_text(index, item, previous, self.catalogue))
            previous = _text(item.get("id")) if isinstance(item, dict) else ""
        return tuple(found)

    @cached_property
    def by_id(self) -> Mapping[str, StepText]:
        """Step id -> the first step of that id."""
        found: dict[str, StepText] = {}
        for step in self.steps:
            if step.id:
                found.setdefault(step.id, step)
        return found

    @cached_property
    def params(self) -> Mapping[str, Any]:
        """Declared parameter -> the value to check with; None where it is known only at compile time."""
        return {name: self.values.get(name, default) for name, default in declared(self.body).items()}

    @cached_property
    def secrets(self) -> tuple[InlineSecret, ...]:
        """Secrets that stand in the document."""
        return tuple(inline_secrets(self.body, self.catalogue, self.known_secrets))

    @cached_property
    def _configs(self) -> dict[int, dict[str, Any]]:
        return {}

    def config(self, step: StepText) -> dict[str, Any]:
        """Return the step's config with the parameters that have values put in, without `connection`."""
        if step.index not in self._configs:
            config = substitute(dict(step.config), self.params)
            config.pop("connection", None)
            self._configs[step.index] = config
        return self._configs[step.index]

    @cached_property
    def _faults(self) -> dict[int, tuple[SchemaFault, ...]]:
        return {}

    def config_faults(self, step: StepText) -> tuple[SchemaFault, ...]:
        """Return what the component's configSchema objects to."""
        if step.spec is None:
            return ()
        if step.index not in self._faults:
            found = _applicable(step, schema_faults(self.catalogue.validator(step.component), self.config(step)))
            self._faults[step.index] = tuple(found)
        return self._faults[step.index]

    def secret(self, path: Path) -> bool:
        """Tell whether the name of the field at `path`, or of one around it, says that it holds a secret."""
        if any(isinstance(part, str) and may_be_secret_name(part) for part in path):
            return True
        if len(path) < 4 or path[0] != "steps" or path[2] != "config":
            return False
        component = self.body["steps"][path[1]].get("component")
        spec = self.catalogue.get(component) if isinstance(component, str) else None
        return spec is not None and path[3] in secret_fields(spec)

    def shown(self, path: Path, value: Any) -> str:
        """Return a value for a message: short, a secret masked, a collection only counted."""
        if isinstance(value, dict | list):
            return kind_of(value)
        if self.secret(path) and value not in ("", None):
            return MASK
        cut = value[: _LONGEST_SHOWN + 1] if isinstance(value, str) else value
        text = json.dumps(cut, ensure_ascii=False)
        return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"

    def at(self, path: Path, message: str, *, key: bool = False, found: Any = "", **parts: Any) -> Diagnostic:
        """Return a finding at the value of `path`, or at its key; the rule adds code, severity and example."""
        return Diagnostic(
            "", message, place=self.document.place(path, key=key), path=path_text(path), found=found, **parts
        )

    def yaml_faults(self, code: str) -> Iterator[Diagnostic]:
        """Yield what the composer found under that code."""
        return (fault for fault in self.document.faults if fault.code == code)


def _step_text(index: int, item: Mapping[str, Any], previous: str, catalogue: Catalogue) -> StepText:
    needs = item.get("needs")
    written = "needs" in item
    if isinstance(needs, list):
        ids = tuple(need for need in needs if isinstance(need, str))
    else:
        ids = (previous,) if previous and not written else ()
    component = _text(item.get("component"))
    config = item.get("config")
    return StepText(
        index=index,
        body=item,
        id=_text(item.get("id")),
        component=component,
        mode=_text(item.get("mode")),
        spec=catalogue.get(component),
        config=config if isinstance(config, dict) else {},
        needs=ids,
        needs_written=written,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _applicable(step: StepText, faults: Iterator[SchemaFault]) -> Iterator[SchemaFault]:
    """Leave out what a connection provides and what only the values of parameters and partitions decide."""
    spec = step.spec
    provided = {*spec.connection_fields, *secret_fields(spec)} if spec and step.connected else frozenset()
    for count, fault in enumerate(faults):
        if count >= _MOST_FAULTS_A_STEP:
            return
        if fault.kind == "missing" and len(fault.path) == 1 and fault.path[0] in provided:
            continue
        if isinstance(fault.value, str) and _open_at_compile(fault):
            continue
        yield fault


def _open_at_compile(fault: SchemaFault) -> bool:
    value = fault.value
    if fault.kind == "type":
        return "${params." in value
    return fault.kind in ("choice", "pattern", "range") and "${" in value
