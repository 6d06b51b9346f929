"""Source lines for diagnostics, with everything that may be secret hidden; and a last sweep over all their texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice

from osiris_dagster.errors import Diagnostic, Edit
from osiris_dagster.oml.document import Document
from osiris_dagster.oml.secrets import InlineSecret
from osiris_dagster.redaction import MASK, Redactor
from osiris_dagster.specs.secrets import may_be_secret_name

_KEY = re.compile(r"""(?<![\w.-])(?P<quote>["']?)(?P<name>[\w.-]+)(?P=quote)\s*:(?=\s|$|["'{\[])\s*""")
_COMPLEX_KEY = re.compile(r"""\s*(?:-\s+)*\?\s+["']?(?P<name>[\w.-]+)["']?\s*$""")
# A variable, or a connection reference in quotes: without them `@` is no YAML, so it may as well be a password.
_HARMLESS = re.compile(
    r"""(?:["']?\$\{[A-Za-z_][\w.]*\}["']?|"@[\w-]+(?:\.[\w-]+)?"|'@[\w-]+(?:\.[\w-]+)?')\s*[,}\]]?\s*(?:\#.*)?"""
)
_URL_USER = re.compile(r"://[^\s/@'\"]+@")
_LONGEST_VALUE = 1_000
_MOST_VALUES = 20
_LONGEST_SHOWN = 10_000  # characters of a source line; a longer one is no help to anybody


def with_sources(
    found: Iterable[Diagnostic], document: Document, secrets: tuple[InlineSecret, ...]
) -> tuple[Diagnostic, ...]:
    """Return the diagnostics with the line each stands in; nothing secret is left in any of their texts."""
    found = tuple(found)
    if not found:
        return ()
    hidden = _hidden_in_text(document)
    redactor = Redactor()
    for part in _distinct(secrets):
        redactor.register(part)
    for secret in secrets:
        span = document.span(secret.path)
        _hide(hidden, span.line, span.column)
        for line in range(span.line + 1, span.line + span.lines):
            _hide(hidden, line, 1)
    return tuple(_clean(finding, document, hidden, redactor) for finding in found)


def shown_text(document: Document) -> str:
    """Return the text to show to others: what may be secret is hidden, line by line."""
    hidden = _hidden_in_text(document)
    lines = enumerate(document.lines, 1)
    return "\n".join(line if n not in hidden else line[: hidden[n] - 1] + MASK for n, line in lines)


def _distinct(secrets: tuple[InlineSecret, ...]) -> list[str]:
    """Return the values to look for in every text: a second line of defence, so it may be bounded."""
    parts = (part.strip() for secret in secrets for part in (secret.value, *secret.value.splitlines()))
    short = dict.fromkeys(part for part in parts if len(part) <= _LONGEST_VALUE)
    return list(islice(short, _MOST_VALUES))


def _clean(finding: Diagnostic, document: Document, hidden: Mapping[int, int], redactor: Redactor) -> Diagnostic:
    place = finding.place
    source = ""
    if place is not None and place.file == document.file:
        source = document.line(place.line)
        source = source if len(source) <= _LONGEST_SHOWN else ""
        column = hidden.get(place.line)
        if column is not None:
            source = source[: column - 1] + MASK if place.column <= column else ""
            place = replace(place, length=min(place.length, max(column - place.column, len(MASK))))
    return replace(
        finding,
        place=place,
        source=redactor.text(source),
        message=redactor.text(finding.message),
        path=redactor.text(finding.path),
        found=redactor.text(finding.found),
        expected=redactor.text(finding.expected),
        fix=redactor.text(finding.fix),
        edits=() if any(_touches_secret(change, hidden, redactor) for change in finding.edits) else finding.edits,
    )


def _touches_secret(change: Edit, hidden: Mapping[int, int], redactor: Redactor) -> bool:
    """Tell whether a change carries a secret, or replaces text that is hidden."""
    if redactor.text(change.replacement) != change.replacement:
        return True
    first, last = change.place, change.end_place
    return any(
        line in hidden and (line < last.line or last.column > hidden[line])
        for line in range(first.line, last.line + 1)
        if (line, 1) != (last.line, last.column)
    )


def _hide(hidden: dict[int, int], line: int, column: int) -> None:
    hidden[line] = min(column, hidden.get(line, column))


def _hidden_in_text(document: Document) -> dict[int, int]:
    """Return line -> first column to hide, judged from the text alone, so that it also works where YAML fails.

    Hidden are the values of keys whose names suggest a secret, on their own line and on deeper lines below it, and
    URLs with a user part. It may hide too much; what is hidden is only not shown.
    """
    hidden: dict[int, int] = {}
    deeper_than: int | None = None
    for number, line in enumerate(document.lines, 1):
        text = line.lstrip(" ")
        indent = len(line) - len(text)
        if deeper_than is not None and text:
            if indent > deeper_than or text.startswith(":"):
                _hide(hidden, number, indent + 1)
                continue
            deeper_than = None
        if url := _URL_USER.search(line):
            _hide(hidden, number, url.start() + 1)
        column = _secret_value(line)
        if column:
            _hide(hidden, number, column[0])
            deeper_than = column[1]
    return hidden


def _secret_value(line: str) -> tuple[int, int] | None:
    """Return the column of a secret's value and the indentation beyond which it goes on in the next lines."""
    if complex_key := _COMPLEX_KEY.match(line):
        return (len(line) + 1, complex_key.start("name")) if may_be_secret_name(complex_key["name"]) else None
    for key in _KEY.finditer(line):
        if not may_be_secret_name(key["name"]) or _HARMLESS.fullmatch(line, key.end()):
            continue
        in_flow = line[: key.start()].rstrip().endswith(("{", ",", "["))
        return key.end() + 1, len(line) - len(line.lstrip(" ")) if in_flow else key.start()
    return None
