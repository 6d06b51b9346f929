"""Changes of a text: made for a place of a document, and applied to its text. Everything else stays byte for byte."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from osiris_dagster.errors import Edit
from osiris_dagster.oml.document import Document, Path
from osiris_dagster.oml.scalars import NotJson, resolve_plain
from osiris_dagster.oml.sql_text import written_uses
from osiris_dagster.oml.text import place_at

_INDICATORS = "-?:,[]{}#&*!|>'\"%@`"


def edit(document: Document, begin: int, end: int, replacement: str, *, safe: bool) -> Edit:
    """Return the change of the characters from `begin` up to `end`."""
    start, stop = (place_at(document.text, index, document.file) for index in (begin, end))
    return Edit(start, stop, begin, end, replacement, safe)


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with the changes made; ValueError when two of them overlap. Equal changes count once."""
    done = sorted(dict.fromkeys(edits), key=lambda change: (change.start, change.end))
    parts, read = [], 0
    for change in done:
        if change.start < read:
            raise ValueError("two changes overlap")
        parts += [text[read : change.start], change.replacement]
        read = change.end
    return "".join([*parts, text[read:]])


def rename_key(document: Document, path: Path, name: str, *, safe: bool) -> tuple[Edit, ...]:
    """Return the change that gives the entry at `path` another key; nothing when there is one of that name already."""
    span = document.key_marks.get(path)
    if span is None or (*path[:-1], name) in document.key_marks:
        return ()
    return (edit(document, span.begin, span.end, scalar_text(name), safe=safe),)


def replace_scalar(document: Document, path: Path, text: str, *, safe: bool) -> tuple[Edit, ...]:
    """Return the change that puts `text`, which is YAML, in the place of the scalar at `path`.

    Nothing when an alias, a tag or an anchor stands there, or the scalar goes over several lines.
    """
    span = document.marks.get(path)
    if span is None or span.lines != 1 or span.begin == span.end or document.text[span.begin] in "*&!|>":
        return ()
    return (edit(document, span.begin, span.end, text, safe=safe),)


def replace_within(document: Document, path: Path, old: str, new: str, *, safe: bool) -> tuple[Edit, ...]:
    """Return the changes of every `old` in the text at `path`, as it is written in the file."""
    span = document.marks.get(path)
    if span is None:
        return ()
    found: list[Edit] = []
    begin = document.text.find(old, span.begin, span.end)
    while begin >= 0:
        found.append(edit(document, begin, begin + len(old), new, safe=safe))
        begin = document.text.find(old, begin + len(old), span.end)
    return tuple(found)


def replace_in_sql(
    document: Document, path: Path, word: re.Pattern[str], new: str, *, dialect: str, safe: bool
) -> tuple[Edit, ...]:
    """Return the changes of a word in the SQL at `path`, outside of its string literals and comments."""
    span = document.marks.get(path)
    if span is None or document.text[span.begin : span.begin + 1] in ("*", "&", "!"):
        return ()
    found = written_uses(word, document.text[span.begin : span.end], str(value_at(document, path)), dialect)
    ends = ((span.begin + use.start(), span.begin + use.end()) for use in found)
    return tuple(edit(document, begin, end, new, safe=safe) for begin, end in ends)


def insert_before(document: Document, path: Path, entry: str, *, safe: bool) -> tuple[Edit, ...]:
    """Return the change that puts the entry `key: value` before the one at `path`, in the style of its mapping."""
    span = document.key_marks.get(path)
    if span is None:
        return ()
    separator = ", " if in_flow(document, path[:-1]) else newline(document.text) + " " * (span.column - 1)
    return (edit(document, span.begin, span.begin, entry + separator, safe=safe),)


def remove_entry(document: Document, path: Path, *, safe: bool) -> tuple[Edit, ...]:
    """Return the change that takes out a whole entry with its line; nothing where the layout does not allow it."""
    key = document.key_marks.get(path)
    if key is None:
        return ()
    end = end_of(document, path)
    if in_flow(document, path[:-1]):
        rest = document.text[end:]
        after = len(rest) - len(rest.lstrip(" \n\r"))
        if rest[after : after + 1] == ",":
            tail = rest[after + 1 :]
            return (edit(document, key.begin, len(document.text) - len(tail.lstrip(" ")), "", safe=safe),)
        before = document.text[: key.begin].rstrip(" \n\r")
        return (edit(document, len(before) - 1, end, "", safe=safe),) if before.endswith(",") else ()
    begin = key.begin - (key.column - 1)
    stop = document.text.find("\n", max(end - 1, key.begin))
    if document.text[begin : key.begin].strip() or stop < 0:
        return ()  # `- key: value` shares its line with the dash
    return (edit(document, begin, stop + 1, "", safe=safe),)


def in_flow(document: Document, path: Path) -> bool:
    """Tell whether the mapping at `path` is written in braces."""
    span = document.marks.get(path)
    return span is not None and document.text.startswith("{", span.begin)


def end_of(document: Document, path: Path) -> int:
    """Return the offset at which the value at `path` ends, without comments and blank lines after it."""
    value: Any = document.value
    for key in path:
        value = value[key]
    here = document.marks.get(path)
    while isinstance(value, dict | list) and value and not _bracketed(document, path):
        last, value = list(value.items() if isinstance(value, dict) else enumerate(value))[-1]
        if (*path, last) not in document.marks:
            break  # what an alias repeats
        path = (*path, last)
        here = document.marks[path]
    return here.end if here is not None else len(document.text)


def _bracketed(document: Document, path: Path) -> bool:
    span = document.marks.get(path)
    return span is None or document.text[span.begin : span.begin + 1] in ("{", "[", "*", "&", "!")


def written(document: Document, path: Path) -> str:
    """Return the value at `path` as it is written in the file; empty for a path without a mark."""
    span = document.marks.get(path)
    return document.text[span.begin : end_of(document, path)] if span is not None else ""


def scalar_text(value: str) -> str:
    """Return a text as YAML: plain where it can be read back as the same text, else in double quotes.

    >>> scalar_text("orders"), scalar_text("@mysql.shop"), scalar_text("012"), scalar_text("12"), scalar_text("a: b")
    ('orders', '"@mysql.shop"', '012', '"12"', '"a: b"')
    """
    plain = bool(value) and value[0] not in _INDICATORS and value == value.strip() and value.isprintable()
    if plain and not any(part in value for part in (": ", " #", ",", "[", "]", "{", "}")) and not value.endswith(":"):
        try:
            if resolve_plain(value) == value:
                return value
        except NotJson:
            pass
    return json.dumps(value, ensure_ascii=False)


def in_brackets(written: str) -> str:
    """Return a value, as it is written on a line of its own, as it can stand in brackets.

    >>> in_brackets("${params.shop}"), in_brackets('"@mysql.shop"'), in_brackets("[a, b]"), in_brackets("5")
    ('"${params.shop}"', '"@mysql.shop"', '[a, b]', '5')
    >>> in_brackets("&shop ${params.shop}")  # an anchor, or a tag, stays in front of it
    '&shop "${params.shop}"'
    """
    if written[:1] in ("&", "!"):
        mark, _, value = written.partition(" ")
        return f"{mark} {in_brackets(value.lstrip())}" if value else written
    plain = written[:1] not in ("", *_INDICATORS)
    return json.dumps(written, ensure_ascii=False) if plain and set(written) & set(",[]{}") else written


def newline(text: str) -> str:
    """Return the line break that a text uses."""
    return "\r\n" if "\r\n" in text else "\n"


def move_into_config(document: Document, path: Path, *, safe: bool) -> tuple[Edit, ...]:
    """Return the changes that move a one-line entry of a step into its `config`; nothing where that cannot be done."""
    step, key = path[:-1], str(path[-1])
    config = (*step, "config")
    target = value_at(document, config)
    value = written(document, path)
    if "\n" in value or (target is not None and not isinstance(target, dict)) or key in (target or {}):
        return ()
    removed = remove_entry(document, path, safe=safe)
    braces = target is None or in_flow(document, config)
    entry = f"{scalar_text(key)}: {in_brackets(value) if braces else value}"
    if target:
        added = insert_before(document, (*config, next(iter(target))), entry, safe=safe)
    elif target is None and config not in document.key_marks:
        span = document.key_marks[path]
        return (edit(document, span.begin, end_of(document, path), f"config: {{{entry}}}", safe=safe),)
    else:
        return ()
    return (*removed, *added) if removed and added else ()


def value_at(document: Document, path: Path) -> Any:
    """Return the value at `path` as the document has it; None for an option that is not there."""
    value: Any = document.value
    for part in path:
        value = value.get(part) if isinstance(value, dict) else value[part]
    return value
