"""What a document says, worked out from its JSON and the packaged context alone: no RDF library takes part.

Understands exactly the profile of a core document: named nodes, typed terms, whole numbers, no lists, no languages.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from osiris_dagster.aiop.gates.document import XSD_STRING, Triple
from osiris_dagster.aiop.model.context import CONTEXT

RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
PREFIXES = {name: rule["@id"] for name, rule in CONTEXT.items() if isinstance(rule, dict) and rule.get("@prefix")}


def expected_triples(value: dict[str, Any]) -> Iterator[Triple]:
    """Yield one triple for each type, reference and value of a document; ValueError for what has no meaning in it."""
    return _Reader(value).node(value)


def resolve(compact: str, prefixes: dict[str, str]) -> str:
    """Return the absolute form of a compact or absolute IRI; ValueError for a relative one."""
    head, colon, tail = compact.partition(":")
    if not colon:
        raise ValueError(f"{compact!r} is not an absolute IRI")
    return prefixes[head] + tail if head in prefixes and not tail.startswith("//") else compact


def document_prefixes(value: dict[str, Any]) -> dict[str, str]:
    """Return the prefixes that are in force in a document."""
    return {**PREFIXES, **value["@context"][1]}


class _Reader:
    def __init__(self, value: dict[str, Any]) -> None:
        self._prefixes = document_prefixes(value)

    def node(self, item: dict[str, Any]) -> Iterator[Triple]:
        subject = resolve(item["@id"], self._prefixes)
        for kind in item.get("@type", []):
            yield Triple(subject, RDF_TYPE, self._term(kind), "@id")
        for key, values in item.items():
            if key in ("@id", "@type", "@context"):
                continue
            rule = CONTEXT.get(key)
            if rule is None:
                raise ValueError(f"the term {key!r} is not in the context")
            for value in values if isinstance(values, list) else [values]:
                yield from self._property(subject, {"@id": rule} if isinstance(rule, str) else rule, value)

    def _property(self, subject: str, rule: dict[str, Any], value: Any) -> Iterator[Triple]:
        predicate, coercion = resolve(rule["@id"], self._prefixes), rule.get("@type", "")
        if isinstance(value, dict):
            yield Triple(subject, predicate, resolve(value["@id"], self._prefixes), "@id")
            yield from self.node(value)
        elif coercion == "@vocab":
            yield Triple(subject, predicate, resolve(rule["@context"][value], self._prefixes), "@id")
        elif coercion == "@id":
            yield Triple(subject, predicate, resolve(value, self._prefixes), "@id")
        else:
            yield Triple(subject, predicate, _lexical(value), _datatype(value, coercion, self._prefixes))

    def _term(self, name: str) -> str:
        return resolve(CONTEXT.get(name, name), self._prefixes)


def _lexical(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    raise ValueError(f"{value!r} has no place in a package")


def _datatype(value: Any, coercion: str, prefixes: dict[str, str]) -> str:
    if coercion:
        return resolve(coercion, prefixes)
    if not isinstance(value, str):
        raise ValueError(f"{value!r} stands at a term without a type")  # noqa: TRY004 - the document is wrong, not a type
    return XSD_STRING
