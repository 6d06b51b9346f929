"""Diagnostics in, text for people out: place, message, source line with a caret, and the way out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from osiris_dagster.errors import Diagnostic, Edit

_ESCAPE_SEQUENCE = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # operating system command, e.g. a link or a window title
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # control sequence, e.g. a colour
    r"|\x1b[@-Z\\-_]"
)
_WIDEST = 120
_INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")


def render(diagnostics: Iterable[Diagnostic]) -> str:
    """Return the text form, one paragraph a diagnostic, without a final line break; empty without diagnostics."""
    return "\n\n".join(_paragraph(finding) for finding in diagnostics)


def plain(text: str) -> str:
    """Return text that is safe on a terminal: no escape sequences, no control, invisible or direction characters.

    Tabs become spaces; line breaks stay.
    """
    text = _ESCAPE_SEQUENCE.sub("", text).replace("\t", " ").replace("\r\n", "\n")
    if text.isascii() and text.isprintable():
        return text
    return "".join(char for char in text if char == "\n" or unicodedata.category(char) not in _INVISIBLE)


def _paragraph(finding: Diagnostic) -> str:
    where = f"{_line(str(finding.place))} " if finding.place else ""
    lines = [f"{where}{finding.code} {finding.severity}: {_line(finding.message)}"]
    lines += _source(finding)
    parts = (
        ("found", finding.found),
        ("expected", finding.expected),
        ("fix", finding.fix),
        ("example", finding.example),
        ("see", finding.doc),
    )
    lines += [_part(name, value) for name, value in parts if value]
    lines += [_edit(change) for change in finding.edits]
    return "\n".join(lines)


def _line(text: str) -> str:
    return plain(text).replace("\n", " ")


def _part(name: str, value: str) -> str:
    text = plain(value).strip("\n")
    return f"  {name}: " + text.replace("\n", "\n    ")


def _edit(change: Edit) -> str:
    first, last = change.place, change.end_place
    where = f"{first.line}:{first.column}"
    if (first.line, first.column) != (last.line, last.column):
        where += f"-{last.line}:{last.column}" if last.line != first.line else f"-{last.column}"
    what = f"`{_line(change.replacement)}`" if change.replacement else "nothing"
    return f"  edit: {where} becomes {what}" + (" (--fix does it)" if change.safe else "")


def _source(finding: Diagnostic) -> list[str]:
    """Return the source line, cut to a window around the fault, and the carets below it."""
    place = finding.place
    if place is None or not finding.source.strip():
        return []
    start = place.column - 1
    first = max(0, start - _WIDEST // 2) if len(finding.source) > _WIDEST else 0
    before = _line(finding.source[first:start])
    marked = _line(finding.source[start : min(start + max(place.length, 1), first + _WIDEST)])
    after = _line(finding.source[start : first + _WIDEST])
    number = str(place.line)
    lead, tail = "…" if first else "", "…" if len(finding.source) > first + _WIDEST else ""
    carets = " " * (_width(before) + len(lead)) + "^" * max(_width(marked), 1)
    return [f"  {number} | {lead}{before}{after}{tail}", f"  {' ' * len(number)} | {carets}"]


def _width(text: str) -> int:
    """Return the columns a text takes on a terminal."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(char) in ("W", "F") for char in text)
    combining = sum(unicodedata.combining(char) != 0 for char in text)
    return len(text) + wide - combining
