"""Text of `osiris_connections.yaml` in, aliases by family out; a fault names file and line, never a value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from osiris_dagster.errors import ConfigError, Place

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML built without libyaml: slower, same data
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]  # same interface

CONNECTIONS_FILE = "osiris_connections.yaml"
_TOP = ("version", "connections")
_FACTS = ("description", "purpose", "sla", "identity")
FACTS = (*_FACTS, "default")
"""Keys of a connection that are no fields: what a person should know about it."""
_MOST_CHARACTERS = 1_000_000
_DEEPEST = 12
_MOST_NODES = 10_000
_SHAPE = "connections: {family: {alias: {field: value}}}"


@dataclass(frozen=True, slots=True)
class Alias:
    """One connection as the file has it, `${VAR}` still in place."""

    name: str
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)
    default: bool = False
    description: str = ""
    purpose: str = ""
    sla: str = ""
    identity: str = ""


def read_connections_file(text: str, file: str) -> Mapping[str, Mapping[str, Alias]]:
    """Return family -> alias name -> alias; `file` is the name for messages."""
    return _File(file).read(text)


class _File:
    """One reading; knows the file's name for messages."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lines = 1
        self._nodes = 0  # counted where they are used: a YAML alias repeats a node without repeating its text

    def read(self, text: str) -> Mapping[str, Mapping[str, Alias]]:
        self._lines = max(1, len(text.splitlines()))
        root = self._root(text)
        if root is None:
            return {}
        top = dict(self._items(root, "the file"))
        for key, node in top.items():
            if key not in _TOP:
                raise self._fault(node, f"the key `{key}` is not known here", f"only {' and '.join(_TOP)}")
        families = top.get("connections")
        if families is None or _is_null(families):
            return {}
        return {family: self._family(family, node) for family, node in self._items(families, "`connections`")}

    def _root(self, text: str) -> yaml.Node | None:
        if len(text) > _MOST_CHARACTERS:
            raise self._fault(None, f"more than {_MOST_CHARACTERS} characters", "a short file")
        loader = _Loader(text)
        try:
            return loader.get_single_node()
        except RecursionError:
            raise self._fault(None, "nested too deeply", f"at most {_DEEPEST} levels") from None
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            reason = getattr(error, "problem", None) or "it cannot be read"
            raise self._fault(mark, f"not YAML: {reason}", "YAML") from None
        finally:
            loader.dispose()

    def _family(self, family: str, node: yaml.Node) -> Mapping[str, Alias]:
        found = {name: self._alias(name, body) for name, body in self._items(node, f"`{family}`")}
        defaults = [alias.name for alias in found.values() if alias.default]
        if len(defaults) > 1:
            raise self._fault(node, f"several defaults of `{family}`: {', '.join(defaults)}", "one `default: true`")
        return found

    def _alias(self, name: str, node: yaml.Node) -> Alias:
        items = {} if _is_null(node) else dict(self._items(node, f"`{name}`"))
        facts = {}
        for key in _FACTS:
            value = self._value(items[key]) if key in items else ""
            if not isinstance(value, str):
                raise self._fault(items[key], f"`{key}` is not text", "text; write it in quotes")
            facts[key] = value
        default = self._value(items["default"]) if "default" in items else False
        if not isinstance(default, bool):
            raise self._fault(items["default"], "`default` is neither true nor false", "true or false")
        fields = {key: self._value(body) for key, body in items.items() if key not in FACTS}
        return Alias(name, fields, default=default, **facts)

    def _items(self, node: yaml.Node, what: str) -> Iterator[tuple[str, yaml.Node]]:
        """Yield key and value of a mapping; its keys are text and stand once."""
        if not isinstance(node, yaml.MappingNode):
            raise self._fault(node, f"{what} is not a mapping", _SHAPE)
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or not key.value:
                raise self._fault(key, f"a key of {what} is not a name", _SHAPE)
            if key.value == "<<":
                raise self._fault(key, "merge keys are not read", "every field written out")
            if key.value in seen:
                raise self._fault(key, f"the key `{key.value}` of {what} stands twice", "every key once")
            seen.add(key.value)
            yield key.value, value

    def _value(self, node: yaml.Node, depth: int = 0) -> Any:
        self._nodes += 1
        if depth > _DEEPEST or self._nodes > _MOST_NODES:
            raise self._fault(node, "too deep or too large", f"{_DEEPEST} levels and {_MOST_NODES} values at most")
        if isinstance(node, yaml.MappingNode):
            return {key: self._value(value, depth + 1) for key, value in self._items(node, "the value")}
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, depth + 1) for item in node.value]
        return self._scalar(node)

    def _scalar(self, node: yaml.Node) -> Any:
        """Numbers, true, false and null as JSON has them; everything else is text, also what YAML calls a date."""
        plain = isinstance(node, yaml.ScalarNode) and not node.style
        kind = node.tag.rpartition(":")[2]
        if plain and node.value in _WORDS:
            return _WORDS[node.value]
        if plain and _NUMBER.fullmatch(node.value):
            return int(node.value) if node.value.lstrip("-").isdecimal() else float(node.value)
        if kind in ("str", "int", "float", "bool", "null", "timestamp"):
            return node.value
        raise self._fault(node, f"the tag `{node.tag}` is not known", "text, number, true, false, list or mapping")

    def _fault(self, where: Any, message: str, expected: str) -> ConfigError:
        """Return the error; `where` is a node, a mark or nothing."""
        mark = getattr(where, "start_mark", where)
        place = Place(self._name)
        if mark is not None:
            place = Place(self._name, min(mark.line + 1, self._lines), mark.column + 1)
        return ConfigError(
            f"{place.file}:{place.line}: {message}",
            code="CFG021",
            place=place,
            expected=expected,
            fix=f"correct {self._name}",
        )


_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and not node.style and node.value in ("", "~", "null")
