"""The shapes of OML 0.2's blocks as JSON Schema, one per key; what a schema cannot say is in the rules."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from jsonschema.protocols import Validator

from osiris_dagster.specs.schema import schema_validator

Schema = Mapping[str, Any]
_TEXT: Schema = {"type": "string", "minLength": 1}
_DURATION: Schema = {"type": "string", "minLength": 1, "examples": ["26h"]}


def _mapping(required: str = "", **properties: Schema) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required.split(),
        "properties": properties,
    }


def _enum(values: str) -> Schema:
    return {"enum": values.split()}


# Check type -> the keys it takes beside type, name and severity.
CHECKS: Mapping[str, Schema] = {
    "not_null": _mapping("column", column=_TEXT),
    "unique": _mapping("column", column={"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]}),
    "accepted_values": _mapping("column values", column=_TEXT, values={"type": "array", "minItems": 1}),
    "range": _mapping("column", column=_TEXT, min={"type": ["number", "string"]}, max={"type": ["number", "string"]}),
    "row_count": _mapping(
        min={"type": "integer", "minimum": 0},
        max={"type": "integer", "minimum": 0},
        max_change={"type": "number", "exclusiveMinimum": 0},
    ),
    "relationship": _mapping("column to", column=_TEXT, to=_TEXT),
    "freshness": _mapping("column max_age", column=_TEXT, max_age=_DURATION),
    "sql": _mapping("name query", query=_TEXT),
}
_COMMON = {"type": _TEXT, "name": _TEXT, "severity": _enum("error warn")}

# Long lists of mappings are checked item by item (`columns[]`), so that a rule can stop after enough findings.
SHAPES: Mapping[str, Schema] = {
    "owners": {"type": "array", "items": _TEXT, "uniqueItems": True},
    "tags": {"type": "object", "additionalProperties": {"type": "string"}},
    "schedule": {
        "anyOf": [
            _TEXT,
            {
                "type": "object",
                "additionalProperties": False,
                "minProperties": 1,
                "properties": {"cron": _TEXT, "timezone": _TEXT, "on": _enum("update")},
            },
        ]
    },
    "partitions": _mapping(
        "type",
        type=_enum("hourly daily weekly monthly static"),
        start=_TEXT,
        end=_TEXT,
        timezone=_TEXT,
        column=_TEXT,
        keys={"type": "array", "items": _TEXT, "minItems": 1, "uniqueItems": True},
    ),
    "freshness": _mapping("max_lag", max_lag=_DURATION),
    "concurrency": {"type": "string", "pattern": r"^\S{1,100}$", "examples": ["warehouse"]},
    "execution": _mapping(
        isolation=_enum("pipeline step"), target=_enum("local e2b"), checkpoint=_enum("auto always never")
    ),
    "retry": _mapping(
        attempts={"type": "integer", "minimum": 0, "maximum": 100},
        delay={"type": "number", "minimum": 0, "maximum": 86400},
        on={"type": "array", "items": _enum("transient ambiguous permanent"), "minItems": 1, "uniqueItems": True},
    ),
    "timeout": {"type": "number", "exclusiveMinimum": 0},
    "incremental": _mapping("cursor", cursor=_TEXT, initial={"type": ["string", "number"]}, lookback=_DURATION),
    "columns": {"type": "array", "minItems": 1},
    "checks": {"type": "array"},
    "columns[]": _mapping("name type", name=_TEXT, type=_TEXT, nullable={"type": "boolean"}),
    "checks[]": {"type": "object", "required": ["type"], "properties": _COMMON},
}


@cache
def shape_validator(key: str) -> Validator:
    """Return the validator of a block such as `partitions`; KeyError for a key without a shape."""
    return schema_validator(SHAPES[key])


@cache
def check_validator(check_type: str) -> Validator:
    """Return the validator of one data check; KeyError for an unknown type."""
    shape = CHECKS[check_type]
    return schema_validator({**shape, "properties": {**_COMMON, **shape["properties"]}})
