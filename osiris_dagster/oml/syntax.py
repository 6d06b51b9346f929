"""What YAML's parser says when it gives up, turned into a diagnostic that says how to go on."""

from __future__ import annotations

import re
from dataclasses import replace

import yaml

from osiris_dagster.errors import Diagnostic, Edit, Place
from osiris_dagster.oml.document import Document
from osiris_dagster.oml.text import place_at

_QUOTED = 'write it in quotes, e.g. name: "a: b"'
_MOST_TABS = 32
_BARE_REFERENCE = re.compile(r"@[\w-]+(?:\.[\w-]+)?(?=\s*(?:[,}\]]|\s#|$))")
_TEMPLATE = re.compile(r"\{\{\s*(?P<inside>[^{}\n]*?)\s*\}\}")
# Part of the parser's wording -> message, expected, fix. The first that occurs wins.
_KNOWN: tuple[tuple[str, str, str, str], ...] = (
    (
        "mapping values are not allowed",
        "a second `: ` stands where a value is expected",
        "one `key: value` in a line, nested keys on their own lines",
        f"if the colon belongs to the text, {_QUOTED}",
    ),
    (
        "unexpected end of stream",
        "a quoted text is never closed",
        "the same quote again where the text ends",
        "close the quote",
    ),
    (
        "expected ',' or ']'",
        "a list in brackets is not closed, or two items have no comma between them",
        "[a, b]",
        "add the missing `,` or `]`",
    ),
    (
        "expected ',' or '}'",
        "a mapping in braces is not closed, or two entries have no comma between them",
        "{a: 1, b: 2}",
        "add the missing `,` or `}`",
    ),
    (
        "could not find expected ':'",
        "a key has no `:` after it",
        "key: value",
        "add `: ` after the key; text over several lines needs `|` and deeper indentation",
    ),
    (
        "did not find expected key",
        "this line does not fit the indentation above it",
        "the same indentation as the other keys of the mapping",
        "align it with its neighbours",
    ),
    (
        "did not find expected '-' indicator",
        "this line does not fit the list above it",
        "another `- item`, aligned with the ones above",
        "align it with its neighbours",
    ),
    (
        "found unknown escape character",
        "a double-quoted text has an escape that YAML does not know",
        'escapes such as \\n, \\t, \\", \\\\',
        "double the backslash, or use single quotes",
    ),
    (
        "found undefined tag handle",
        "a tag uses a handle that is not declared",
        "plain values without tags",
        "remove the tag, or write the text in quotes",
    ),
)


def syntax_fault(error: yaml.YAMLError, text: Document) -> Diagnostic:
    """Return the diagnostic of a parser error in a text that is not composed."""
    place = _place(error, len(text.text.rstrip()), text.file)
    problem = str(getattr(error, "problem", "") or "")
    if "cannot start any token" in problem:
        mark = getattr(error, "problem_mark", None)
        return _cannot_start(place, text.line(place.line), mark.index if mark is not None else 0)
    for wording, message, expected, fix in _KNOWN:
        if wording in problem:
            return Diagnostic("OML001", message, place=place, expected=expected, fix=fix)
    context = str(getattr(error, "context", "") or "")
    detail = ", ".join(part for part in (context, problem) if part)
    return Diagnostic(
        "OML001",
        f"the text is not YAML: {detail or 'it cannot be read'}",
        place=place,
        expected="a YAML document",
        fix="correct the line, or write the value in quotes",
    )


def _place(error: yaml.YAMLError, end: int, file: str) -> Place:
    mark = getattr(error, "problem_mark", None)
    opened = getattr(error, "context_mark", None)
    if opened is not None and mark is not None and mark.index >= end:
        mark = opened  # where a quote or bracket opens says more than where the file ends
    return Place(file, mark.line + 1, mark.column + 1) if mark is not None else Place(file)


def _cannot_start(place: Place, line: str, begin: int) -> Diagnostic:
    char = line[place.column - 1 : place.column]
    if char == "\t":
        tabs = len(line[place.column - 1 :]) - len(line[place.column - 1 :].lstrip("\t"))
        return Diagnostic(
            "OML009",
            "a tab is used for indentation",
            place=place,
            found="a tab",
            expected="spaces",
            fix="replace the tab by two spaces; editors have a setting for it",
            edits=(Edit(place, replace(place, column=place.column + tabs), begin, begin + tabs, "  " * tabs),)
            if tabs <= _MOST_TABS
            else (),
        )
    return Diagnostic(
        "OML001",
        f"a value cannot begin with `{char}` unless it is quoted",
        place=place,
        found=f"`{char}`",
        expected="a quoted text",
        fix='write it in quotes, e.g. connection: "@duckdb.warehouse"' if char == "@" else "write the value in quotes",
        edits=_in_quotes(place, line, begin),
    )


def _in_quotes(place: Place, line: str, begin: int) -> tuple[Edit, ...]:
    """Return the change that puts a bare connection reference into quotes."""
    reference = _BARE_REFERENCE.match(line, place.column - 1)
    if reference is None:
        return ()
    end_place = replace(place, column=place.column + len(reference[0]))
    return (Edit(place, end_place, begin, begin + len(reference[0]), f'"{reference[0]}"', safe=True),)


def template_fault(text: str, begin: int, file: str) -> Diagnostic:
    """Return the diagnostic of `{{ x }}` at an offset, where YAML reads braces and not a template."""
    match = _TEMPLATE.match(text, begin)
    inside = match["inside"] if match else ""
    name = inside.removeprefix("params.")
    new = f"${{params.{name}}}" if name.isidentifier() else "${params.name}"
    edits: tuple[Edit, ...] = ()
    if match and name.isidentifier():
        first, last = place_at(text, begin, file), place_at(text, match.end(), file)
        edits = (Edit(first, last, begin, match.end(), new, safe=name != inside),)
    return Diagnostic(
        "OML111",
        "a template of another tool stands where YAML reads braces",
        place=place_at(text, begin, file, len(match[0]) if match else 2),
        found=match[0] if match else "{{",
        expected="a value, or ${params.name}",
        fix=f"write {new}",
        edits=edits,
    )
