"""What a connection of a family may hold: the fields that its components take from a connection, as one JSON Schema."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from osiris_dagster.specs.model import ComponentSpec
from osiris_dagster.specs.secrets import secret_fields


def connection_schema(specs: Iterable[ComponentSpec]) -> dict[str, Any]:
    """Return the schema of the connections of one family, from the specs of all its components.

    A field that only a connection has, such as a secret that no step may set, may hold any single value.
    """
    properties: dict[str, Any] = {}
    for spec in specs:
        options = spec.config_schema.get("properties", {})
        for name in (*spec.connection_fields, *sorted(secret_fields(spec))):
            properties.setdefault(name, options.get(name, _ANY))
            if properties[name] is _ANY:
                properties[name] = options.get(name, _ANY)
    return {"type": "object", "additionalProperties": False, "properties": properties}


_ANY: dict[str, Any] = {"type": ["string", "number", "boolean", "object"]}
