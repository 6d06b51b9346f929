"""The placeholders of a partition in texts: found, made to stand inside quotes in SQL, and filled in at run time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from osiris_dagster.oml.params import Piece, origin_in
from osiris_dagster.oml.partition import Partition
from osiris_dagster.sql.dialects import dialect_of

_PLACEHOLDER = re.compile(r"\$\{partition\.(key|start|end)\}")


def named(value: Any) -> Iterator[str]:
    """Yield key, start and end for each placeholder in a value, however deep.

    >>> sorted(named({"path": "${partition.key}.csv", "more": ["${partition.end}"]}))
    ['end', 'key']
    """
    if isinstance(value, str):
        if "${partition." in value:
            yield from (match[1] for match in _PLACEHOLDER.finditer(value))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from named(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from named(item)


def filled(value: Any, partition: Partition | None) -> Any:
    """Return a value with all placeholders that the partition has a meaning for filled in."""
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda match: _meant(match, partition), value) if partition else value
    if isinstance(value, Mapping):
        return {key: filled(item, partition) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(filled(item, partition) for item in value)
    return value


def _meant(match: re.Match[str], partition: Partition | None) -> str:
    return partition.values.get(match[1], match[0]) if partition else match[0]


def as_sql(text: str, dialect: str, *, hourly: bool) -> str:
    """Return SQL in which every placeholder stands inside quotes: a bare one becomes a literal of its type.

    No key holds a quote or a backslash, so that filling in can never end the literal around it.

    >>> as_sql("select ${partition.start} as day where k = '${partition.key}'", "duckdb", hourly=False)
    "select date '${partition.start}' as day where k = '${partition.key}'"
    """
    if "${partition." not in text:
        return text
    return _tokens(dialect).sub(lambda match: _literal(match, dialect, hourly=hourly), text)


@cache
def _tokens(dialect: str) -> re.Pattern[str]:
    known = dialect_of(dialect)
    inside = r"[^'\\]|\\.|''" if known.backslashes else r"[^']|''"
    comments = r"--[^\n]*|/\*.*?\*/" + (r"|\#[^\n]*" if "#" in known.comments else "")
    quoted = rf"'(?:{inside})*'|\"[^\"]*\"|`[^`]*`|\$\$.*?\$\$"
    return re.compile(rf"{comments}|{quoted}|(?P<bare>{_PLACEHOLDER.pattern})", re.DOTALL)


def _literal(match: re.Match[str], dialect: str, *, hourly: bool) -> str:
    if match["bare"] is None:
        return match[0]
    typed = dialect_of(dialect).typed_dates and not match["bare"].endswith(".key}")
    kind = ("timestamp " if hourly else "date ") if typed else ""
    return f"{kind}'{match['bare']}'"


def origin_before_filling(text: str, partition: Partition | None, offset: int) -> int:
    """Return which character of `text` the character `offset` of its filled form comes from."""
    matches = _PLACEHOLDER.finditer(text)
    return origin_in((Piece(m.start(), m.end(), len(_meant(m, partition))) for m in matches), offset)


def origin_before_quoting(text: str, dialect: str, offset: int, *, hourly: bool) -> int:
    """Return which character of `text` the character `offset` of what `as_sql` makes of it comes from."""
    matches = (match for match in _tokens(dialect).finditer(text) if match["bare"])
    return origin_in((Piece(m.start(), m.end(), len(_literal(m, dialect, hourly=hourly))) for m in matches), offset)
