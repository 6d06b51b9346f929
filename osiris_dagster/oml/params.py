"""Parameters: what a document declares, where `${params.x}` stands, and values put in its place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

_REFERENCE = re.compile(r"\$\{params\.([A-Za-z_][A-Za-z0-9_-]*)\}")
_ANY_REFERENCE = re.compile(r"\$\{\s*params\b[^}]*\}?")


def declared(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return name -> default of every parameter, from `params` and from the profiles.

    None stands for no default: a value has to come from a profile, the environment or the command line.
    """
    found: dict[str, Any] = {}
    for name, value in _entries(document.get("params")):
        found[name] = value.get("default") if isinstance(value, dict) else value
    for _, profile in _entries(document.get("profiles")):
        for name, _ in _entries(profile.get("params") if isinstance(profile, dict) else None):
            found.setdefault(name, None)
    return found


def substitute(value: Any, values: Mapping[str, Any]) -> Any:
    """Return `value` with every `${params.x}` replaced; a name without a value, or with None, is left as it stands.

    >>> substitute({"n": "${params.n}", "q": "top ${params.n}"}, {"n": 5})
    {'n': 5, 'q': 'top 5'}
    """
    if isinstance(value, str):
        return _substituted(value, values) if "${params." in value else value
    if isinstance(value, dict):
        return {key: substitute(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [substitute(item, values) for item in value]
    return value


def substitute_text(text: str, values: Mapping[str, Any]) -> str:
    """Return text with every `${params.x}` replaced by its value as text; one without a value is left as it stands."""
    return _REFERENCE.sub(lambda match: _as_text(values.get(match[1]), match[0]), text)


class Piece(NamedTuple):
    """A part of a text, from `start` to `end`, and the length of what takes its place."""

    start: int
    end: int
    length: int


def origin(text: str, values: Mapping[str, Any], offset: int) -> int:
    """Return which character of `text` the character `offset` of its substituted form comes from.

    A character of a value comes from the beginning of its reference.

    >>> text = "${params.a} + b"
    >>> [origin(text, {"a": 12345}, offset) for offset in (0, 4, 8)]
    [0, 0, 14]
    """
    matches = _REFERENCE.finditer(text)
    return origin_in((Piece(m.start(), m.end(), len(_as_text(values.get(m[1]), m[0]))) for m in matches), offset)


def origin_in(pieces: Iterable[Piece], offset: int) -> int:
    """Return the offset in a text of the character `offset` of the text with these pieces, in order, replaced."""
    read = shown = 0  # characters before this place, in the text and in its new form
    for piece in pieces:
        begin = shown + piece.start - read
        if offset < begin:
            break
        if offset < begin + piece.length:
            return piece.start
        read, shown = piece.end, begin + piece.length
    return read + offset - shown


def references(text: str) -> Iterator[tuple[str, str]]:
    """Yield (text, name) of everything that looks like a parameter; the name is empty when the form is wrong.

    >>> list(references("${params.a} ${ params.b } ${params.}"))
    [('${params.a}', 'a'), ('${ params.b }', ''), ('${params.}', '')]
    """
    for match in _ANY_REFERENCE.finditer(text):
        exact = _REFERENCE.fullmatch(match[0])
        yield match[0], exact[1] if exact else ""


def has_reference(value: Any) -> bool:
    """Tell whether a value is text with a `${params.x}` in it."""
    return isinstance(value, str) and _REFERENCE.search(value) is not None


def _substituted(text: str, values: Mapping[str, Any]) -> Any:
    whole = _REFERENCE.fullmatch(text)
    if whole and values.get(whole[1]) is not None:
        return values[whole[1]]
    return substitute_text(text, values)


def _as_text(value: Any, otherwise: str) -> str:
    if value is None:
        return otherwise
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    yield from value.items() if isinstance(value, dict) else ()
