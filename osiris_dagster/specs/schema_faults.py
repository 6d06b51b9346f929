"""Errors of JSON Schema in, faults in plain words out: what is wrong, where, what would be right."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jsonschema import ValidationError
from jsonschema.protocols import Validator

from osiris_dagster.specs.nearest import did_you_mean

Kind = Literal["unknown", "missing", "type", "choice", "range", "pattern", "rule"]
Path = tuple[str | int, ...]

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}

_FORMAT_WORDS = {
    "uri": " that is an address such as https://example.com/path",
    "date": " that is a day such as 2025-01-31",
    "date-time": " that is a moment such as 2025-01-31T12:00:00Z",
}


@dataclass(frozen=True, slots=True)
class SchemaFault:
    """One thing a schema objects to; `path` is relative to the validated value, `value` what stands there."""

    kind: Kind
    path: Path
    message: str
    value: Any = None
    expected: str = ""
    advice: str = ""
    known: tuple[str, ...] = ()  # names of which one may be meant
    types: tuple[str, ...] = ()  # JSON types that would fit, when the type is at fault
    on_key: bool = False  # the key is at fault, not its value

    @property
    def fix(self) -> str:
        """The way out: the name that is probably meant, else the general advice."""
        written = self.path[-1] if self.on_key else self.value
        hint = did_you_mean(written, self.known) if isinstance(written, str) else ""
        return hint or self.advice


def schema_faults(validator: Validator, value: Any) -> Iterator[SchemaFault]:
    """Yield what the validator's schema objects to, in no particular order."""
    missing_told: set[Path] = set()
    for error in validator.iter_errors(value):
        if error.validator == "required":
            if tuple(error.absolute_path) in missing_told:
                continue
            missing_told.add(tuple(error.absolute_path))
        yield from fault_from(error)


def fault_from(error: ValidationError) -> Iterator[SchemaFault]:
    """Yield the faults that one error of jsonschema stands for."""
    translate = _TRANSLATIONS.get(str(error.validator), _rule)
    yield from translate(error)


def kind_of(value: Any) -> str:
    """Return what a value is, in words; never what it holds.

    >>> kind_of([1, 2]), kind_of(None), kind_of(True)
    ('a list of 2', 'nothing', 'true or false')
    """
    if isinstance(value, bool):
        return _TYPES["boolean"]
    if isinstance(value, list):
        return f"a list of {len(value)}"
    kinds: dict[type, str] = {str: "string", int: "integer", float: "number", dict: "object", type(None): "null"}
    return _TYPES[kinds.get(type(value), "string")]


def describe(schema: Mapping[str, Any]) -> str:
    """Return what a schema wants, in words.

    >>> describe({"type": "integer", "minimum": 1, "maximum": 64}), describe({"enum": ["a", "b"]})
    ('a whole number from 1 to 64', 'one of "a", "b"')
    """
    if "enum" in schema:
        return "one of " + choices(schema["enum"])
    if "const" in schema:
        return json.dumps(schema["const"], ensure_ascii=False)
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return " or ".join(dict.fromkeys(describe(branch) for branch in schema[word] if isinstance(branch, dict)))
    return _type_words(schema) + _limits(schema)


def _type_words(schema: Mapping[str, Any]) -> str:
    kinds = schema.get("type", [])
    return " or ".join(_TYPES[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds)) or "a value"


def choices(values: Iterable[Any]) -> str:
    """Return values as one readable list."""
    return ", ".join(json.dumps(value, ensure_ascii=False) for value in values)


def _limits(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    parts = [_FORMAT_WORDS.get(schema.get("format", ""), "")]
    if low is not None and high is not None:
        parts.append(f" from {low} to {high}")
    elif low is not None or high is not None:
        parts.append(f" of at least {low}" if high is None else f" of at most {high}")
    if "exclusiveMinimum" in schema:
        parts.append(f" above {schema['exclusiveMinimum']}")
    if "exclusiveMaximum" in schema:
        parts.append(f" below {schema['exclusiveMaximum']}")
    least, most = schema.get("minLength"), schema.get("maxLength")
    if most is not None:
        parts.append(f" of {most} character{'s' * (most != 1)}" if least == most else f" of at most {most} characters")
    elif least:
        parts.append(" that is not empty" if least == 1 else f" of at least {least} characters")
    if schema.get("minItems") or schema.get("minProperties"):
        parts.append(" that is not empty")
    if "pattern" in schema:
        parts.append(f" of the form {schema['pattern'].removeprefix('^').removesuffix('$')}")
    if isinstance(schema.get("items"), dict) and "type" in schema["items"]:
        parts.append(f" of {describe(schema['items'])}")
    return "".join(parts)


def _name(error: ValidationError) -> str:
    names = [part for part in error.absolute_path if isinstance(part, str)]
    inside = "an item of " if error.absolute_path and isinstance(error.absolute_path[-1], int) else ""
    return f"{inside}`{names[-1]}`" if names else "the value"


def _fault(error: ValidationError, kind: Kind, message: str, **parts: Any) -> SchemaFault:
    expected = parts.pop("expected", "") or describe(_schema(error))
    return SchemaFault(kind, tuple(error.absolute_path), message, error.instance, expected, **parts)


def _any(value: Any) -> Any:
    return value  # jsonschema types these parts as possibly unset; in an error that was raised they are set


def _schema(error: ValidationError) -> Mapping[str, Any]:
    return error.schema if isinstance(error.schema, dict) else {}


def _unknown(error: ValidationError) -> Iterator[SchemaFault]:
    known = tuple(_schema(error).get("properties", {}))
    for key, value in _any(error.instance).items():
        if key not in known:
            yield SchemaFault(
                "unknown",
                (*error.absolute_path, key),
                f"the key `{key[:80]}` is not known here",
                value,
                expected=", ".join(sorted(known)) or "no keys",
                advice="remove it",
                known=known,
                on_key=True,
            )


def _missing(error: ValidationError) -> Iterator[SchemaFault]:
    properties = _schema(error).get("properties", {})
    for key in _any(error.validator_value):
        if key not in _any(error.instance):
            rule = properties.get(key, {})
            yield SchemaFault(
                "missing",
                (*error.absolute_path, key),
                f"`{key}` is missing",
                expected=f"{key}: {describe(rule)}" if isinstance(rule, dict) else key,
                advice=f"add `{key}`",
            )


def _wrong_type(error: ValidationError) -> Iterator[SchemaFault]:
    alternatives = "anyOf" in _schema(error) or "oneOf" in _schema(error)
    wanted = describe(_schema(error)) if alternatives else _type_words(_schema(error))
    types = _types_wanted(_schema(error))
    advice = "write the number without quotes" if _is_quoted_number(error) else f"write {wanted}"
    if error.validator_value == "string" and isinstance(error.instance, int | float):
        advice = "write the value in quotes"
    yield _fault(
        error, "type", f"{_name(error)} must be {wanted}, not {kind_of(error.instance)}", advice=advice, types=types
    )


def _types_wanted(schema: Mapping[str, Any]) -> tuple[str, ...]:
    branches = [branch for word in ("anyOf", "oneOf") for branch in schema.get(word, ()) if isinstance(branch, dict)]
    own = schema.get("type", [])
    return (*([own] if isinstance(own, str) else own), *(name for branch in branches for name in _types_wanted(branch)))


def _is_quoted_number(error: ValidationError) -> bool:
    text = error.instance
    return error.validator_value in ("integer", "number") and isinstance(text, str) and text.isdecimal()


def _choice(error: ValidationError) -> Iterator[SchemaFault]:
    wanted = _any(error.validator_value) if error.validator == "enum" else [error.validator_value]
    names = tuple(value for value in wanted if isinstance(value, str))
    advice = f"use one of {choices(wanted)}"
    yield _fault(error, "choice", f"{_name(error)} does not allow this value", advice=advice, known=names)


def _range(error: ValidationError) -> Iterator[SchemaFault]:
    wanted = describe(_schema(error))
    yield _fault(error, "range", f"{_name(error)} must be {wanted}", advice=f"write {wanted}")


def _twice(error: ValidationError) -> Iterator[SchemaFault]:
    yield _fault(error, "range", f"{_name(error)} stands twice", expected="every item once", advice="remove the second")


def _pattern(error: ValidationError) -> Iterator[SchemaFault]:
    sample = next(iter(_schema(error).get("examples", ())), _schema(error).get("default"))
    advice = f"e.g. {json.dumps(sample, ensure_ascii=False)}" if sample is not None else "write it in that form"
    yield _fault(error, "pattern", f"{_name(error)} does not have the expected form", advice=advice)


def _branches(error: ValidationError) -> Iterator[SchemaFault]:
    """Of several alternatives, speak about the one that the author seems to mean: the one whose type fits."""
    branches: dict[int, list[ValidationError]] = {}
    for inner in error.context or ():
        branches.setdefault(int(inner.relative_schema_path[0]), []).append(inner)
    for inner_errors in branches.values():
        if not any(inner.validator == "type" and not inner.relative_path for inner in inner_errors):
            for inner in inner_errors:
                yield from fault_from(inner)
            return
    if branches:
        yield from _wrong_type(error)
    else:
        yield from _rule(error)


def _dependent(error: ValidationError) -> Iterator[SchemaFault]:
    for key, needed in _any(error.validator_value).items():
        absent = [name for name in needed if name not in _any(error.instance)]
        if key in _any(error.instance) and absent:
            names = " and ".join(f"`{name}`" for name in absent)
            path = (*error.absolute_path, key)
            yield SchemaFault(
                "rule", path, f"`{key}` needs {names} beside it", expected=names, advice=f"add {names}", on_key=True
            )


def _rule(error: ValidationError) -> Iterator[SchemaFault]:
    note = _schema(error).get("description") or f"the rule `{error.validator}` of the schema"
    yield _fault(
        error, "rule", f"{_name(error)} breaks a rule", expected=str(note), advice="change it so that it holds"
    )


_TRANSLATIONS: Mapping[str, Callable[[ValidationError], Iterator[SchemaFault]]] = {
    "additionalProperties": _unknown,
    "required": _missing,
    "type": _wrong_type,
    "enum": _choice,
    "const": _choice,
    "uniqueItems": _twice,
    "pattern": _pattern,
    "format": _pattern,
    "anyOf": _branches,
    "oneOf": _branches,
    "dependentRequired": _dependent,
    **dict.fromkeys(
        """minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength minItems maxItems
        minProperties maxProperties""".split(),
        _range,
    ),
}
