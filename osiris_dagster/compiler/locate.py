"""From a position inside a text value to its line and column in the file."""

from __future__ import annotations

import re
from collections.abc import Iterator

from osiris_dagster.compiler.draft import Draft
from osiris_dagster.compiler.manifest import StepPlan
from osiris_dagster.compiler.partitioning import DUCKDB, sql_fields, written_offset
from osiris_dagster.errors import Place
from osiris_dagster.oml.document import Document, Path, path_text

_BLOCK = re.compile(r"(?:[&!]\S*\s+)*[|>][-+0-9]*(?:\s|$)")
_BEFORE = re.compile(r"\A(?:[&!]\S*\s+)*[\"']?")


def place_in_config(step: StepPlan, draft: Draft, field: str, offset: int | None, length: int) -> tuple[Place, str]:
    """Return where character `offset` of a step's config field stands in the file, and the path of the field.

    `offset` counts in the final text, its parameters and the first partition filled in.
    """
    written = next(one for one in draft.inputs.pipeline.steps if one.id == step.id)
    path: Path = ("steps", written.index, "config", field)
    text = str(written.config[field])
    if offset is not None:
        dialect = sql_fields(draft.inputs.catalogue[step.component]).get(field, DUCKDB)
        offset = written_offset(text, dialect, draft, offset)
    return place_in_scalar(draft.inputs.document, path, text, offset, length), path_text(path)


def place_in_scalar(document: Document, path: Path, value: str, offset: int | None, length: int) -> Place:
    """Return where character `offset` of the scalar at `path` stands; its beginning where that cannot be told.

    `value` is the scalar as it is written, its parameters still in place. However YAML breaks and indents a text, its
    visible characters stand in the file in their order; only escapes, doubled quotes and aliases are not followed.
    """
    span = document.span(path)
    start = Place(document.file, span.line, span.column, span.length)
    visible = [char for char in value if not char.isspace()]
    if offset is None or not visible:
        return start
    before = min(sum(not char.isspace() for char in value[:offset]), len(visible) - 1)
    for index, (line, column, char) in enumerate(_written(document, span.line, span.column)):
        if char != visible[index]:
            return start
        if index == before:
            return Place(document.file, line, column, length)
    return start


def _written(document: Document, first: int, column: int) -> Iterator[tuple[int, int, str]]:
    """Yield line, column and text of the visible characters of the scalar that begins at a place, and what follows."""
    header = document.line(first)[column - 1 :]
    skipped = len(header) - (0 if _BLOCK.match(header) else len(_BEFORE.sub("", header, count=1)))
    for number in range(first, len(document.lines) + 1):
        begin = column - 1 + skipped if number == first else 0
        for at, char in enumerate(document.line(number)[begin:], begin + 1):
            if not char.isspace():
                yield number, at, char
