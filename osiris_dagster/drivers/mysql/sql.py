"""Names and texts as MySQL writes them, and the rule that a step's query is one SELECT."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from osiris_dagster.drivers.tables import names
from osiris_dagster.errors import DriverError

LONGEST_NAME = 64  # characters
_READING = frozenset({"select", "with", "values", "table"})
_WRITING = frozenset({"insert", "update", "delete", "replace"})


def quoted(*names: str) -> str:
    """Return a qualified identifier.

    >>> quoted("shop", "odd `name`")
    '`shop`.`odd ``name```'
    """
    return ".".join("`" + name.replace("`", "``") + "`" for name in names)


listed = partial(names.listed, quoted=quoted)


def check_name(name: str, what: str) -> None:
    """Raise DriverError for a name that MySQL does not take: it would cut none, but say less."""
    if 0 < len(name) <= LONGEST_NAME and "\0" not in name and not name.endswith(" ") and max(name) <= "\uffff":
        return
    raise DriverError(
        f"MySQL takes no {what} named {name!r}",
        code="DRV100",
        found=f"{len(name)} characters",
        expected=f"1 to {LONGEST_NAME} characters of the basic plane of Unicode, and no space at the end",
        fix=f"choose another name for the {what}",
    )


_PIECE = r"""
    (?P<string>'(?:[^'{single}]|{escape}'')*'|"(?:[^"{double}]|{escape_double}"")*")
    |(?P<name>`(?:[^`]|``)*`)
    |(?P<executed>/\*M?!)
    |(?P<comment>/\*.*?\*/|\#[^\n]*|--(?=[\s\x00-\x1f]|\Z)[^\n]*)
    |(?P<space>\s+)
    |(?P<word>[\w$@]+)
    |(?P<mark>.)
"""


def single_select(query: str, sql_mode: str = "") -> str:
    """Return the query without the semicolons and comments at its end, ready to be put in brackets.

    Raises DriverError unless it is one SELECT (or WITH, VALUES, TABLE) that writes no file and changes no row. What
    it calls runs in a read-only transaction besides.
    """
    end = 0
    verb = ""
    words: list[str] = []  # those of the outermost level, each bracket opened there or below, and every INTO
    depth = 0
    for kind, text, at in _tokens(query, sql_mode):
        if kind in ("space", "comment"):
            continue
        if kind == "executed":
            raise _refused("a comment that the server executes (/*! */)")
        if text == ";":
            words.append(text)
            continue
        if ";" in words:
            raise _refused("more than one statement")
        end = at + len(text)
        depth += (text == "(") - (text == ")")
        word = text.lower()
        if kind == "word":
            verb = verb or word
        if text == "(" or (kind == "word" and (depth == 0 or word == "into")):
            words.append(word)
    _check(verb, words)
    return query[:end]


def _check(verb: str, words: list[str]) -> None:
    if verb not in _READING:
        raise _refused(f"a statement that begins with {verb.upper() or 'nothing'}")
    if "into" in words:
        raise _refused("INTO, which writes a file or a variable")
    for before, word, after in zip(["", *words], words, [*words[1:], ""], strict=False):
        if word in _WRITING and before != "for" and after != "(":  # FOR UPDATE and the function REPLACE() are fine
            raise _refused(f"{word.upper()}, which changes rows")


def _refused(found: str) -> DriverError:
    return DriverError(
        "the query is not one SELECT statement",
        code="DRV023",
        found=found,
        expected="one SELECT",
        fix="write one SELECT; an extractor only reads",
    )


def _tokens(query: str, sql_mode: str) -> Iterator[tuple[str, str, int]]:
    modes = sql_mode.upper().split(",")
    escaped = "NO_BACKSLASH_ESCAPES" not in modes
    double = escaped and "ANSI_QUOTES" not in modes
    pattern = re.compile(
        _PIECE.format(
            single="\\\\" if escaped else "",
            escape=r"\\.|" if escaped else "",
            double="\\\\" if double else "",
            escape_double=r"\\.|" if double else "",
        ),
        re.DOTALL | re.VERBOSE,
    )
    for match in pattern.finditer(query):
        yield str(match.lastgroup), match.group(), match.start()
