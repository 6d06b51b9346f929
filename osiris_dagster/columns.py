"""Columns and the names of their types: plain data, no Arrow, so that `validate` stays light.

A type name is one of TYPES, or `decimal(p,s)`, `timestamp[unit]`, `timestamptz[unit]`, `time[unit]`,
`duration[unit]` (unit s, ms, us or ns; us when left out), `fixed(n)`, `list<T>`, `struct<a: T, b: T>`, `map<K, V>`.
A field name of a struct stands in double quotes where it has a character of this grammar: `struct<"a, b": T>`.
`timestamp` is a wall clock, `timestamptz` an instant in UTC.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from osiris_dagster.codec import SPARSE

TYPES = frozenset(
    """null bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64
    string binary date time timestamp timestamptz duration interval""".split()
)
_FIELD = re.compile(r'"(?P<name>(?:[^"]|"")*)"\s*:(?P<type>.*)', re.DOTALL)
_NOT_PLAIN = re.compile(r'[,:<>()\[\]"]|^\s|\s$|^$')
_PARAMETRIC = re.compile(
    r"decimal\((?P<p>\d{1,2}),(?P<s>-?\d{1,2})\)|fixed\(\d{1,9}\)|(?:timestamp|timestamptz|time|duration)\[(?:s|ms|us|ns)\]"
)


@dataclass(frozen=True, slots=True)
class Column:
    """A named, typed column; `type` is a name of this module's grammar."""

    name: str
    type: str
    nullable: bool = field(default=True, metadata=SPARSE)


Columns = tuple[Column, ...]


def split_arguments(text: str) -> list[str]:
    """Split `a: int64, b: list<string>` at its outer commas."""
    parts, depth, start, in_name = [], 0, 0, False
    for index, char in enumerate(text):
        in_name ^= char == '"'
        if not in_name:
            depth += (char in "<([") - (char in ">)]")
        if char == "," and depth == 0 and not in_name:
            parts.append(text[start:index].strip())
            start = index + 1
    return [*parts, text[start:].strip()]


def field_text(name: str, kind: str) -> str:
    """Return one field of a struct as it stands in a type name.

    >>> field_text("a", "int64"), field_text("a, b", "int64")
    ('a: int64', '"a, b": int64')
    """
    shown = '"' + name.replace('"', '""') + '"' if _NOT_PLAIN.search(name) else name
    return f"{shown}: {kind}"


def split_field(text: str) -> tuple[str, str]:
    """Return name and type of what `field_text` made; an empty type for a name whose quotes do not end."""
    quoted = _FIELD.fullmatch(text)
    if quoted:
        return quoted["name"].replace('""', '"'), quoted["type"].strip()
    name, _, kind = text.partition(":")
    return name.strip(), "" if text.startswith('"') else kind.strip()


def is_type(name: str) -> bool:
    """Tell whether `name` is a type of the grammar above."""
    if name in TYPES:
        return True
    match = _PARAMETRIC.fullmatch(name.replace(" ", ""))
    if match:
        return match["p"] is None or 1 <= int(match["p"]) <= 76
    outer, _, inner = name.partition("<")
    if not inner.endswith(">"):
        return False
    parts = split_arguments(inner[:-1])
    if outer == "struct":
        return all(is_type(split_field(part)[1]) for part in parts)
    return len(parts) == {"list": 1, "map": 2}.get(outer, 0) and all(is_type(part) for part in parts)
