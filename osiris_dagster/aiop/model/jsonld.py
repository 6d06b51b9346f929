"""A package as its JSON-LD document: nodes become objects with `@id` and `@type`, with the packaged context inline."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from osiris_dagster.aiop.model.context import CONTEXT
from osiris_dagster.aiop.model.ids import Names
from osiris_dagster.aiop.model.node import Node
from osiris_dagster.aiop.model.package import Package


def document(package: Package, names: Names) -> dict[str, Any]:
    """Return the JSON value of a core document; its canonical JSON is what is written and hashed."""
    return {"@context": [CONTEXT, names.prefixes], **as_json(package)}


def as_json(node: Node) -> dict[str, Any]:
    """Return a node as JSON-LD; empty text, empty tuples and None leave no key. TypeError for an undeclared type."""
    result: dict[str, Any] = {"@id": node.id, "@type": list(node.KINDS)}
    for field in fields(node):
        value = getattr(node, field.name)
        if field.name != "id" and value is not None and value not in ("", ()):
            result[field.name] = _value(value)
    return result


def _value(value: object) -> Any:
    if isinstance(value, Node):
        return as_json(value)
    if isinstance(value, tuple):
        return [_value(item) for item in value]
    if isinstance(value, str | int):
        return value
    raise TypeError(f"a package holds no {type(value).__name__}")
