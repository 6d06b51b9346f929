"""The text of a connections file in, what is wrong with its fields by the component specs out: places, no values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from osiris_dagster.connections.file import FACTS, composed
from osiris_dagster.errors import Diagnostic, Place
from osiris_dagster.oml.document import Document, path_text
from osiris_dagster.specs.catalogue import Catalogue
from osiris_dagster.specs.nearest import did_you_mean
from osiris_dagster.specs.schema_faults import SchemaFault, kind_of, schema_faults
from osiris_dagster.specs.secrets import is_secret_name, secret_fields


@dataclass(frozen=True, slots=True)
class AliasReport:
    """Where an alias stands and what is wrong with its fields."""

    place: Place
    faults: tuple[Diagnostic, ...]
    paths: tuple[tuple[str, str], ...] = ()  # its project paths, by field; none with a variable in it


@lru_cache(maxsize=4)
def connection_reports(text: str, file: str, catalogue: Catalogue) -> Mapping[tuple[str, str], AliasReport]:
    """Return a report for each (family, alias); empty for a text that the reader of the file refuses anyway."""
    document = composed(text, file)
    families = document.value.get("connections") if isinstance(document.value, dict) and not document.faults else None
    return {
        (family, alias): AliasReport(
            document.place(("connections", family, alias), key=True),
            tuple(_faults(document, catalogue, family, alias, fields)),
            tuple(_paths(catalogue, family, fields)),
        )
        for family, aliases in _items(families)
        for alias, fields in _items(aliases)
    }


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    yield from value.items() if isinstance(value, dict) else ()


def _paths(catalogue: Catalogue, family: str, fields: Any) -> Iterator[tuple[str, str]]:
    specs = [spec for spec in catalogue if spec.family == family]
    for key, value in _items(fields):
        schemas = (spec.config_schema["properties"].get(key, {}) for spec in specs)
        if isinstance(value, str) and "${" not in value and any(s.get("format") == "project-path" for s in schemas):
            yield key, value


def _faults(document: Document, catalogue: Catalogue, family: str, alias: str, fields: Any) -> Iterator[Diagnostic]:
    path = ("connections", family, alias)
    if family not in catalogue.families:
        yield Diagnostic(
            "OML120",
            f"no component has connections of the family `{family[:80]}`",
            place=document.place(("connections", family), key=True),
            path=path_text(path),
            expected=", ".join(catalogue.families),
            fix=_family_fix(catalogue, family),
        )
        return
    own = {key: value for key, value in _items(fields) if key not in FACTS}
    for fault in schema_faults(catalogue.connection_validator(family), own):
        if not (isinstance(fault.value, str) and "${" in fault.value and fault.kind != "unknown"):
            yield _diagnostic(document, path, fault)
    secret = {name for spec in catalogue if spec.family == family for name in secret_fields(spec)}
    for key, value in own.items():
        if (key in secret or is_secret_name(key)) and isinstance(value, str | int) and "${" not in str(value) and value:
            yield Diagnostic(
                "OML122",
                f"`{key[:80]}` of @{family}.{alias} is a secret in clear",
                severity="warning",
                place=document.place((*path, key)),
                path=path_text((*path, key)),
                expected="a variable, as in ${SHOP_PASSWORD}",
                fix="put the value into the environment or .env, and ${VARIABLE} here",
            )


def _family_fix(catalogue: Catalogue, family: str) -> str:
    if unusable := catalogue.why_not(family):
        return unusable.reason
    return did_you_mean(family, catalogue.families) or "use the family of a component, the part before the dot"


def _diagnostic(document: Document, path: tuple[str, str, str], fault: SchemaFault) -> Diagnostic:
    where = (*path, *fault.path)
    name = f"@{path[1]}.{path[2]}"
    return Diagnostic(
        "OML120" if fault.kind == "unknown" else "OML121",
        f"{name}: {fault.message}",
        place=document.place(where, key=fault.on_key),
        path=path_text(where),
        found="" if fault.on_key else kind_of(fault.value),
        expected=fault.expected,
        fix=fault.fix,
    )
