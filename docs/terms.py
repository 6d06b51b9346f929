"""The reference page of every term of an AI Operation Package, with what it maps to in other vocabularies."""

from __future__ import annotations

import dataclasses
import inspect
import json
from collections.abc import Iterable, Iterator
from importlib.resources import files
from typing import Any

from package_schema import kinds

from osiris_dagster.aiop.model.node import Node
from osiris_dagster.aiop.sections.metadata import GLOSSARY
from osiris_dagster.canonical import canonical_json, sha256

_XSD = {
    "xsd:integer": "whole number",
    "xsd:boolean": "true or false",
    "xsd:dateTime": "instant, UTC",
    "xsd:decimal": "decimal, as text",
}
_INTRODUCTION = (
    "A core document is JSON-LD with the packaged context inline (`osiris_dagster/aiop/model/context.json`, "
    "SHA-256 `{digest}`). Every object is a node with `@id` and `@type`; the first type is ours, the others "
    "say the same in the vocabularies of other tools. Empty values are left out."
)


def terms_page(context: dict[str, Any]) -> str:
    """Return the page of a context: prefixes, kinds of nodes with their fields, words of the glossary, capabilities."""
    parts = [
        "# Terms of the AI Operation Package",
        _INTRODUCTION.format(digest=sha256(canonical_json(context))),
        "## Prefixes",
        _prefixes(context),
        "## Kinds",
    ]
    for _, kind in sorted(kinds().items()):
        parts += _kind(kind, context)
    parts += ["## Words", *(f"- **{word}**: {text}" for word, text in sorted(GLOSSARY.items()))]
    parts += ["## Capabilities", _capabilities()]
    return "\n\n".join(parts) + "\n"


def _prefixes(context: dict[str, Any]) -> str:
    rows = [(name, rule["@id"]) for name, rule in context.items() if isinstance(rule, dict) and rule.get("@prefix")]
    rows += [("r", "the run: `osiris://run/<fingerprint>/`"), ("p", "the pipeline in its version")]
    return table(("prefix", "stands for"), [(f"`{name}:`", text) for name, text in sorted(rows)])


def _kind(kind: type[Node], context: dict[str, Any]) -> Iterator[str]:
    also = ", ".join(f"`{name}`" for name in kind.KINDS[1:])
    yield f"### {kind.KINDS[0]}"
    yield inspect.cleandoc(kind.__doc__ or "") + (f"\n\nAlso {also}." if also else "")
    rows = [(f"`{f.name}`", *_mapping(context[f.name])) for f in dataclasses.fields(kind) if f.name != "id"]
    yield table(("field", "means", "value"), rows)


def _mapping(rule: Any) -> tuple[str, str]:
    """Return the IRI of a term and what its values are."""
    if isinstance(rule, str):
        return f"`{rule}`", "text"
    if rule["@type"] == "@vocab":
        values = ", ".join(f"`{word}` ({iri})" for word, iri in rule["@context"].items())
        return f"`{rule['@id']}`", values
    return f"`{rule['@id']}`", "node or its id" if rule["@type"] == "@id" else _XSD[rule["@type"]]


def _capabilities() -> str:
    contract = json.loads(files("osiris_dagster.aiop.model").joinpath("control.contract.json").read_text("utf-8"))
    rows = [(f"`{name}`", f"`{c['command']}`", c["effect"], c["about"]) for name, c in contract["capabilities"].items()]
    return f"{contract['description']}\n\n" + table(("name", "command", "effect", "about"), rows)


def table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table in Markdown."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
