"""JSON Schema 2020-12 as component specs and OML use it: built once, strict about whole numbers, fast on long lists."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, ValidationError, validators
from jsonschema.protocols import Validator


def schema_validator(schema: Mapping[str, Any]) -> Validator:
    """Return a validator to keep; `schema` itself is trusted (the linter of specs checks it)."""
    validator: Validator = _Strict(schema, format_checker=_FORMATS)
    return validator


def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or _URI.fullmatch(value) is not None


def _is_date(value: object) -> bool:
    return not isinstance(value, str) or date.fromisoformat(value) is not None


def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or ("T" in value.upper() and datetime.fromisoformat(value) is not None)


_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+")
_FORMATS = FormatChecker(formats=())
for _name, _check in (("uri", _is_uri), ("date", _is_date), ("date-time", _is_date_time)):
    _FORMATS.checks(_name, raises=ValueError)(_check)


def _is_integer(_checker: object, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _unique_items(_validator: object, wanted: object, items: object, _schema: object) -> Iterator[ValidationError]:
    """Compare by JSON text: jsonschema's own way is quadratic for lists of mappings."""
    if not wanted or not isinstance(items, Sequence) or isinstance(items, str):
        return
    seen: set[str] = set()
    for index, item in enumerate(items):
        text = json.dumps(item, sort_keys=True, default=repr)
        if text in seen:
            yield ValidationError("the item stands twice", path=[index])
        seen.add(text)


# Strict: `threads: 2.0` is no whole number for a driver, although JSON Schema counts it as one.
_Strict = validators.extend(  # type: ignore[no-untyped-call]  # jsonschema leaves it untyped
    Draft202012Validator,
    {"uniqueItems": _unique_items},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer),
)
