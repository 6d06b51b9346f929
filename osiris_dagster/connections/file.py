"""Text of `osiris_connections.yaml` in, aliases by family out; a fault names file and line, never a value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from osiris_dagster.errors import ConfigError, Diagnostic, Place
from osiris_dagster.oml.compose import compose
from osiris_dagster.oml.document import Document, Path

CONNECTIONS_FILE = "osiris_connections.yaml"
_TOP = ("version", "connections")
_FACTS = ("description", "purpose", "sla", "identity")
FACTS = (*_FACTS, "default")
"""Keys of a connection that are no fields: what a person should know about it."""
_MOST_CHARACTERS = 1_000_000
_DEEPEST = 12
_MOST_NODES = 10_000
_SHAPE = "connections: {family: {alias: {field: value}}}"
_TOO_LARGE = ("too deep or too large", f"{_DEEPEST} levels and {_MOST_NODES} values at most")
# Code of a fault of YAML -> what is said of it here, and what was expected.
_FAULTS = {
    "OML003": _TOO_LARGE,
    "OML005": ("a key is not a name", _SHAPE),
    "OML006": ("a tag is not allowed here", "text, number, true, false, list or mapping"),
    "OML010": ("a number is not finite or has more than 64 bits", "a smaller number; write it in quotes if it is text"),
}
_PART = re.compile(r'\["([^"]*)"\]|\[(\d+)\]|([\w-]+)')


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


@lru_cache(maxsize=4)
def composed(text: str, file: str) -> Document:
    """Return the document of a connections file; it is read by the rules of OML and not to be changed."""
    return compose(text, file)


def read_connections_file(text: str, file: str) -> Mapping[str, Mapping[str, Alias]]:
    """Return family -> alias name -> alias; `file` is the name for messages. ConfigError for what cannot be read."""
    if len(text) > _MOST_CHARACTERS:
        raise _fault(Place(file), f"more than {_MOST_CHARACTERS} characters", "a short file")
    document = composed(text, file)
    if document.faults:
        raise _yaml_fault(document.faults[0], document)
    return _File(document).read()


class _File:
    """One reading of a whole document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._nodes = 0  # counted where they are used: a YAML alias repeats a value without repeating its text

    def read(self) -> Mapping[str, Mapping[str, Alias]]:
        root = self._document.value
        if root is None:
            return {}
        top = dict(self._items((), root, "the file"))
        for key in top:
            if key not in _TOP:
                raise self._fault((key,), f"the key `{key}` is not known here", f"only {' and '.join(_TOP)}")
        families = top.get("connections")
        if families is None:
            return {}
        listed = self._items(("connections",), families, "`connections`")
        return {family: self._family(family, aliases) for family, aliases in listed}

    def _family(self, family: str, aliases: Any) -> Mapping[str, Alias]:
        path: Path = ("connections", family)
        found = {name: self._alias((*path, name), body) for name, body in self._items(path, aliases, f"`{family}`")}
        defaults = [alias.name for alias in found.values() if alias.default]
        if len(defaults) > 1:
            raise self._fault(path, f"several defaults of `{family}`: {', '.join(defaults)}", "one `default: true`")
        return found

    def _alias(self, path: Path, body: Any) -> Alias:
        name = str(path[-1])
        items = {} if body is None else dict(self._items(path, body, f"`{name}`"))
        for key, value in items.items():
            self._check_size((*path, key), value)
        facts = {key: items.get(key, "") for key in _FACTS}
        for key, value in facts.items():
            if not isinstance(value, str):
                raise self._fault((*path, key), f"`{key}` is not text", "text; write it in quotes")
        default = items.get("default", False)
        if not isinstance(default, bool):
            raise self._fault((*path, "default"), "`default` is neither true nor false", "true or false")
        fields = {key: value for key, value in items.items() if key not in FACTS}
        return Alias(name, fields, default=default, **facts)

    def _items(self, path: Path, value: Any, what: str) -> Iterator[tuple[str, Any]]:
        if not isinstance(value, dict):
            raise self._fault(path, f"{what} is not a mapping", _SHAPE)
        if "" in value:
            raise self._fault((*path, ""), f"a key of {what} is not a name", _SHAPE)
        yield from value.items()

    def _check_size(self, path: Path, value: Any, depth: int = 0) -> None:
        self._nodes += 1
        if depth > _DEEPEST or self._nodes > _MOST_NODES:
            raise self._fault(path, *_TOO_LARGE)
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, item in inner:
            self._check_size((*path, key), item, depth + 1)

    def _fault(self, path: Path, message: str, expected: str) -> ConfigError:
        return _fault(self._document.place(path), message, expected)


def _yaml_fault(fault: Diagnostic, document: Document) -> ConfigError:
    """Return the error for a text that is no YAML as OML reads it."""
    place = fault.place or Place(document.file)
    place = replace(place, line=min(place.line, max(1, len(document.text.splitlines()))))
    if fault.code == "OML004":
        *above, key = (next(filter(None, match.groups())) for match in _PART.finditer(fault.path))
        names = ("the file", "`connections`", *(f"`{name}`" for name in above[1:3]))
        what = names[len(above)] if len(above) < len(names) else "the value"
        return _fault(place, f"the key `{key}` of {what} stands twice", "every key once")
    if fault.message.startswith("merge keys"):
        return _fault(place, "merge keys are not read", "every field written out")
    if fault.code in _FAULTS:
        return _fault(place, *_FAULTS[fault.code])
    return _fault(place, f"not YAML: {fault.message.removeprefix('the text is not YAML: ')}", "YAML")


def _fault(place: Place, message: str, expected: str) -> ConfigError:
    return ConfigError(
        f"{place.file}:{place.line}: {message}",
        code="CFG021",
        place=Place(place.file, place.line, place.column),
        expected=expected,
        fix=f"correct {place.file}",
    )
