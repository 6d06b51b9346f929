"""Gate 1, `schema`: strict canonical JSON within the size limit, valid against the packaged JSON Schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from osiris_dagster.aiop.facts.options import MAX_CORE_BYTES
from osiris_dagster.aiop.gates.document import Document
from osiris_dagster.aiop.gates.finding import Finding
from osiris_dagster.canonical import canonical_json

_MOST_FINDINGS = 20
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z")


def schema_gate(document: Document) -> list[Finding]:
    """Find what is not strict JSON, not canonical, too large, or not in the schema."""
    value = document.value
    if canonical_json(value) != document.raw:
        return [Finding("the bytes are not the canonical form of the JSON value")]
    if len(document.raw) > MAX_CORE_BYTES:
        return [Finding(f"the document has {len(document.raw):,} bytes; at most {MAX_CORE_BYTES:,} are allowed")]
    found = [Finding("a number with a fraction", where) for where in _floats(value)]
    errors = sorted(_validator().iter_errors(value), key=lambda error: error.json_path)
    return (found + [Finding(_short(error.message), error.json_path) for error in errors])[:_MOST_FINDINGS]


@cache
def _validator() -> Draft202012Validator:
    schema = json.loads(files("osiris_dagster.aiop.model").joinpath("core.schema.json").read_bytes())
    formats = FormatChecker(formats=())
    formats.checks("date-time", raises=ValueError)(_is_instant)
    return Draft202012Validator(schema, format_checker=formats)


def _is_instant(value: object) -> bool:
    """Tell whether a text is an ISO 8601 instant in UTC that exists in the calendar; ValueError when it does not."""
    return not isinstance(value, str) or (_TIME.fullmatch(value) is not None and bool(datetime.fromisoformat(value)))


def _floats(value: Any, where: str = "$") -> Iterator[str]:
    if isinstance(value, float):
        yield where
    elif isinstance(value, dict):
        for key, item in value.items():
            if key != "@context":
                yield from _floats(item, f"{where}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _floats(item, f"{where}[{index}]")


def _short(message: str) -> str:
    return message if len(message) <= 300 else message[:200] + " … " + message[-90:]
