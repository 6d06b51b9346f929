"""JSON Schema and JSON-LD context of a core document, made from the types of the model's fields.

A term or definition keeps its place in the file: a new one stands at the end, so a change shows as what it is.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from osiris_dagster.aiop.model.node import Node
from osiris_dagster.aiop.model.package import Package
from osiris_dagster.aiop.model.values import LACKING, Items, Value

Json = dict[str, Any]
_WIDTH = 120
_SETTINGS = {"@version": 1.1, "@protected": True}
_DATATYPES = {bool: "xsd:boolean", int: "xsd:integer"}
_HEAD = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "https://osiris.dev/aiop/core.schema.json",
    "title": "AI Operation Package, core document",
    "description": "The JSON form of one run of one pipeline. Numbers are whole; nothing is null; "
    "every object is a node with an id.",
}


def kinds(package: type[Node] = Package) -> dict[str, type[Node]]:
    """Return every kind of node that a package may hold, by its own type; ValueError for two of one type."""
    found: dict[str, type[Node]] = {}
    waiting = [package]
    while waiting:
        kind = waiting.pop(0)
        if found.setdefault(kind.KINDS[0], kind) is not kind:
            raise ValueError(f"{kind.__name__} and {found[kind.KINDS[0]].__name__} are both of type {kind.KINDS[0]}")
        parts = [part for _, hint in _fields(kind) for part in _parts(hint)]
        waiting += [part for part in parts if _is_node(part) and part not in found.values()]
    return found


def _is_node(part: Any) -> bool:
    return isinstance(part, type) and issubclass(part, Node)


def _fields(kind: type[Node]) -> list[tuple[str, Any]]:
    hints = get_type_hints(kind, include_extras=True)
    return [(field.name, hints[field.name]) for field in dataclasses.fields(kind)]


def _parts(hint: Any) -> Iterator[Any]:
    """Yield a type and all that it is made of, metadata included."""
    yield hint
    for part in (*get_args(hint), *getattr(hint, "__metadata__", ())):
        yield from _parts(part)


def context_text(current: str, package: type[Node] = Package) -> str:
    """Return the context as its file is to have it, one term a line; ValueError for a term with two meanings."""
    known = kinds(package).values()
    terms: Json = {}
    for kind in known:
        for name, hint in _fields(kind):
            rule = _term(kind, name, hint)
            if name != "id" and terms.setdefault(name, rule) != rule:
                raise ValueError(f"{kind.__name__}.{name} is {rule}, elsewhere {terms[name]}: one term has one meaning")
    names = {kind.KINDS[0]: f"aiop:{kind.KINDS[0]}" for kind in known}
    prefixes = {name: {"@id": iri, "@prefix": True} for name, iri in Package.PREFIXES.items()}
    value = _in_place({**_SETTINGS, **prefixes, **names, **terms}, json.loads(current or "{}"))
    lines = [f"  {_inline(name)}: {_inline(rule)}" for name, rule in value.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _term(kind: type[Node], name: str, hint: Any) -> Any:
    meaning = {**Node.TERMS, **kind.TERMS}.get(name, f"aiop:{name}")
    datatype = next((found for part in _parts(hint) if (found := _datatype(part))), "")
    return {"@id": meaning, "@type": datatype} if datatype and isinstance(meaning, str) else meaning


def _datatype(part: Any) -> str:
    if isinstance(part, Value):
        return part.datatype
    if _is_node(part):
        return "@id"
    return _DATATYPES.get(part, "") if isinstance(part, type) else ""


def schema_text(current: str, package: type[Node] = Package) -> str:
    """Return the schema as its file is to have it; ValueError for a field whose type does not say what it may hold."""
    definitions: Json = {}
    rules = {name: _object(kind, definitions) for name, kind in kinds(package).items()}
    document = rules.pop(package.KINDS[0])
    document["required"].insert(0, "@context")
    document["properties"]["@context"] = _CONTEXT
    whole = {**_HEAD, **document, "$defs": dict(sorted({**rules, **definitions}.items()))}
    return _json(_in_place(whole, json.loads(current or "{}"))) + "\n"


_CONTEXT = {
    "type": "array",
    "prefixItems": [
        {"type": "object"},
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["p", "r"],
            "properties": {
                "r": {"type": "string", "pattern": "^osiris://run/[0-9a-f]{32}/$"},
                "p": {"type": "string", "pattern": "^osiris://pipeline/[a-z0-9_-]+@[0-9a-f]{64}/$"},
            },
        },
    ],
    "items": False,
    "minItems": 2,
}


def _object(kind: type[Node], definitions: Json) -> Json:
    properties: Json = {"@id": {}, "@type": {"const": list(kind.KINDS)}}
    required = list(properties)
    for name, hint in _fields(kind):
        key = "@id" if name == "id" else name
        try:
            properties[key] = _rule(hint, definitions)
        except ValueError as error:
            raise ValueError(f"{kind.__name__}.{name}: {error}") from None
        required += [] if key in required or _may_lack(hint) else [key]
    head = {"type": "object", "additionalProperties": False}
    return {**head, "required": required, "properties": properties, **kind.RULES}


def _split(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return a type without its metadata, and the metadata."""
    metadata = getattr(hint, "__metadata__", ())
    return hint.__origin__ if metadata else hint, metadata


def _may_lack(hint: Any) -> bool:
    plain, metadata = _split(hint)
    if get_origin(plain) is tuple:
        return not any(isinstance(item, Items) and item.least for item in metadata)
    return LACKING in metadata or type(None) in get_args(plain)


def _rule(hint: Any, definitions: Json) -> Json:
    """Return the rule of a field's value; rules with a name go to the definitions."""
    plain, metadata = _split(hint)
    if get_origin(plain) is tuple:
        limits = next((item for item in metadata if isinstance(item, Items)), Items())
        return _list(get_args(plain)[0], limits, definitions)
    for value in metadata:
        if isinstance(value, Value):
            return _value(value, definitions)
    if get_origin(plain) in (Union, UnionType):
        return _either([part for part in get_args(plain) if part is not type(None)], definitions)
    if _is_node(plain):
        return _reference(plain.KINDS[0])
    raise ValueError(f"nothing says what a value may be; give it a type of model/values.py instead of {plain}")


def _value(value: Value, definitions: Json) -> Json:
    rule = dict(value.schema)
    if not value.name:
        return rule
    if definitions.setdefault(value.name, rule) != rule:
        raise ValueError(f"two rules have the name {value.name!r}")
    return _reference(value.name)


def _list(item: Any, limits: Items, definitions: Json) -> Json:
    ids = any(isinstance(part, Value) and part.datatype == "@id" for part in _split(item)[1])
    return {
        "type": "array",
        "items": _rule(item, definitions),
        "minItems": max(limits.least, 1),
        **({"maxItems": limits.most} if limits.most else {}),
        **({"uniqueItems": True} if limits.unique or ids else {}),
    }


def _either(parts: list[Any], definitions: Json) -> Json:
    """Return the rule of one of several. Of nodes the id decides which, so that a fault is told of the node meant."""
    first = _rule(parts[0], definitions)
    if len(parts) == 1:
        return first
    if not _is_node(parts[0]):
        return {"anyOf": [_rule(part, definitions) for part in parts]}
    own_id = _rule(dict(_fields(parts[0]))["id"], definitions)
    rest = _either(parts[1:], definitions)
    return {"type": "object", "required": ["@id"], "if": {"properties": {"@id": own_id}}, "then": first, "else": rest}


def _reference(name: str) -> Json:
    return {"$ref": f"#/$defs/{name}"}


def _in_place(value: Any, current: Any) -> Any:
    """Return mappings in the order of those that the file has now; what is new comes last."""
    if not isinstance(value, dict) or not isinstance(current, dict):
        return value
    names = [*(name for name in current if name in value), *(name for name in value if name not in current)]
    return {name: _in_place(value[name], current.get(name)) for name in names}


def _inline(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _json(value: Any, indent: int = 0, before: int = 0) -> str:
    """Return JSON with each value on one line where it fits; `before` counts what stands before it on its line."""
    line = _inline(value)
    if not isinstance(value, dict | list) or before + len(line) <= _WIDTH:
        return line
    inner = " " * (indent + 2)
    if isinstance(value, dict):
        parts = [(f"{_inline(name)}: ", item) for name, item in value.items()]
    else:
        parts = [("", item) for item in value]
    lines = [inner + name + _json(item, indent + 2, indent + 2 + len(name)) for name, item in parts]
    first, last = "{}" if isinstance(value, dict) else "[]"
    return f"{first}\n" + ",\n".join(lines) + f"\n{' ' * indent}{last}"
