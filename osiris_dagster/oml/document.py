"""One text with its data and its positions: every key and value knows line and column."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from osiris_dagster.errors import Diagnostic, Place

Path = tuple[str | int, ...]
"""Keys and list positions from the top of the document, e.g. `("steps", 2, "config", "mode")`."""

_LINE_BREAK = re.compile(r"\r\n|\n|\r")
_PLAIN_KEY = re.compile(r"[\w-]+")
_LONGEST_KEY = 100


class Span(NamedTuple):
    """Where a node stands: 1-based line and column, characters on its first line, lines it covers, and offsets.

    A block mapping is pointed at by its first key. `begin` and `end` are offsets into the text.
    """

    line: int
    column: int
    length: int
    lines: int = 1
    begin: int = 0
    end: int = 0


@dataclass(frozen=True)
class Document:
    """A composed text. `value` holds plain JSON-like data; it is None when `whole` is False.

    `marks` has a span for every value and `key_marks` one for every mapping entry. What an alias repeats is marked
    where the alias stands: `span` answers for a path inside it with the alias itself.
    """

    file: str
    text: str
    value: Any = None
    marks: Mapping[Path, Span] = field(default_factory=dict)
    key_marks: Mapping[Path, Span] = field(default_factory=dict)
    faults: tuple[Diagnostic, ...] = ()
    whole: bool = False  # the text was read to its end, though perhaps with faults

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines of the text without their line breaks."""
        return tuple(_LINE_BREAK.split(self.text))

    def line(self, number: int) -> str:
        """Return the line of that 1-based number; empty beyond the text."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def span(self, path: Path, *, key: bool = False) -> Span:
        """Return where the value at `path` stands, or its key; for a path without a mark, the nearest one above it."""
        if key and path in self.key_marks:
            return self.key_marks[path]
        while path not in self.marks and path:
            path = path[:-1]
        return self.marks.get(path, Span(1, 1, 1))

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Return `span` as a place in this file."""
        span = self.span(path, key=key)
        return Place(self.file, span.line, span.column, span.length)


def path_text(path: Path) -> str:
    """Return a path as people write it.

    >>> path_text(("steps", 2, "config", "mode")), path_text(("tags", "a b"))
    ('steps[2].config.mode', 'tags["a b"]')
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif len(part) <= _LONGEST_KEY and _PLAIN_KEY.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f'["{part[:_LONGEST_KEY]}"]'
    return text
