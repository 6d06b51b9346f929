"""From a position inside a text value to its line and column in the file."""

from __future__ import annotations

from osiris_dagster.errors import Place
from osiris_dagster.oml.document import Document, Path


def place_in_scalar(document: Document, path: Path, value: str, offset: int | None, length: int) -> Place:
    """Return where character `offset` of the scalar at `path` stands; its beginning where that cannot be told.

    Exact for block literals (`|`) and for values on one line; folded and escaped texts give their first line.
    """
    span = document.span(path)
    start = Place(document.file, span.line, span.column, span.length)
    if offset is None:
        return start
    header = document.line(span.line)[span.column - 1 :]
    before = value[:offset]
    line, column = before.count("\n"), offset - (before.rfind("\n") + 1)
    if header.startswith("|"):
        return _in_literal(document, span.line + 1, line, column, length)
    quote = 1 if header[:1] in ("'", '"') else 0
    if line == 0 and header[quote:].startswith(value[: offset + 1]):
        return Place(document.file, span.line, span.column + quote + offset, length)
    return start


def _in_literal(document: Document, first: int, line: int, column: int, length: int) -> Place:
    texts = (document.line(number) for number in range(first, len(document.lines) + 1))
    body = next((text for text in texts if text.strip()), "")
    indent = len(body) - len(body.lstrip(" "))
    return Place(document.file, first + line, indent + column + 1, length)
