"""JSON Schema and JSON-LD context of a core document, made from the types of the model's fields.

A term or definition keeps its place in the file: a new one stands at the end, so a change shows as what it is.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

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


def kinds(of: Any = Package) -> dict[str, type[Node]]:
    """Return every kind of node that a package may hold, by its own type, in the order of the fields."""
    found: dict[str, type[Node]] = {}
    for part in _parts(of):
        if isinstance(part, type) and issubclass(part, Node) and part.KINDS[0] not in found:
            found[part.KINDS[0]] = part
            for _, hint in _fields(part):
                found |= {name: kind for name, kind in kinds(hint).items() if name not in found}
    return found


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
    if isinstance(part, type) and issubclass(part, Node):
        return "@id"
    return _DATATYPES.get(part, "") if isinstance(part, type) else ""


def schema_text(current: str) -> str:
    """Return the schema as its file is to have it."""
    definitions: Json = {}
    known = kinds()
    rules = {name: _object(kind, definitions) for name, kind in known.items()}
    package = rules.pop(Package.KINDS[0])
    package["required"].insert(0, "@context")
    package["properties"]["@context"] = _CONTEXT
    whole = {**_HEAD, **package, "$defs": dict(sorted({**rules, **definitions}.items()))}
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
    rules = {("@id" if name == "id" else name): (hint, _rule(hint, definitions)) for name, hint in _fields(kind)}
    properties = {"@id": rules.pop("@id")[1], "@type": {"const": list(kind.KINDS)}}
    required = [*properties, *(name for name, (hint, _) in rules.items() if not _may_lack(hint))]
    properties |= {name: rule for name, (_, rule) in rules.items()}
    head = {"type": "object", "additionalProperties": False}
    return {**head, "required": required, "properties": properties, **kind.RULES}


def _may_lack(hint: Any) -> bool:
    metadata = getattr(hint, "__metadata__", ())
    if _is_list(hint):
        return not any(isinstance(item, Items) and item.least for item in metadata)
    return LACKING in metadata or type(None) in get_args(hint)


def _is_list(hint: Any) -> bool:
    return get_origin(getattr(hint, "__origin__", hint)) is tuple or get_origin(hint) is tuple


def _rule(hint: Any, definitions: Json) -> Json:
    """Return the rule of a field's value; rules with a name go to the definitions."""
    metadata = getattr(hint, "__metadata__", ())
    if _is_list(hint):
        plain = hint.__origin__ if metadata else hint
        limits = next((item for item in metadata if isinstance(item, Items)), Items())
        return _list(get_args(plain)[0], limits, definitions)
    for value in metadata:
        if isinstance(value, Value) and value.name:
            definitions[value.name] = dict(value.schema)
            return _reference(value.name)
        if isinstance(value, Value):
            return dict(value.schema)
    if get_origin(hint) in (Union, UnionType):
        return _either([part for part in get_args(hint) if part is not type(None)], definitions)
    return _rule(hint.__origin__, definitions) if get_origin(hint) is Annotated else _reference(hint.KINDS[0])


def _list(item: Any, limits: Items, definitions: Json) -> Json:
    ids = any(isinstance(part, Value) and part.datatype == "@id" for part in getattr(item, "__metadata__", ()))
    return {
        "type": "array",
        "items": _rule(item, definitions),
        "minItems": max(limits.least, 1),
        **({"maxItems": limits.most} if limits.most else {}),
        **({"uniqueItems": True} if limits.unique or ids else {}),
    }


def _either(parts: list[Any], definitions: Json) -> Json:
    rules = [_rule(part, definitions) for part in parts]
    if len(rules) == 1:
        return rules[0]
    if not isinstance(parts[0], type):
        return {"anyOf": rules}
    # Of two kinds of nodes the id decides, so that a fault is reported of the one that was meant.
    own_id = _rule(dict(_fields(parts[0]))["id"], definitions)
    decision = {"if": {"properties": {"@id": own_id}}, "then": rules[0], "else": rules[1]}
    return {"type": "object", "required": ["@id"], **decision}


def _reference(name: str) -> Json:
    return {"$ref": f"#/$defs/{name}"}


def _in_place(value: Json, current: Mapping[str, Any]) -> Json:
    """Return a mapping in the order of the one that the file has now; what is new comes last."""
    names = [*(name for name in current if name in value), *(name for name in value if name not in current)]
    return {
        name: _in_place(item, current[name]) if _both(item, current.get(name)) else item
        for name in names
        for item in (value[name],)
    }


def _both(one: Any, other: Any) -> bool:
    return isinstance(one, dict) and isinstance(other, dict)


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
