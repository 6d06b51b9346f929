"""What a key or a value was meant to be: the way out in words, and the change that takes it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, NamedTuple

from osiris_dagster.errors import Edit
from osiris_dagster.oml.document import Path
from osiris_dagster.oml.edits import rename_key, replace_in_sql, replace_scalar, replace_within, scalar_text, value_at
from osiris_dagster.oml.keys.key import Key
from osiris_dagster.oml.rules.context import Context
from osiris_dagster.specs.nearest import certainly, nearest

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_MOST_SIBLINGS = 100
_SEVERAL = re.compile(r"[,;|]")
LISTS = ("primary_key", "columns", "needs")
"""Keys that take several names: a text there counts as one."""
Fits = Mapping[str, type | tuple[type, ...]]


class Never:
    """The type of no value: a key whose values have it is never renamed without asking."""


def fitting(keys: Mapping[str, Key], version: str) -> dict[str, type | tuple[type, ...]]:
    """Return what a value has to be for its key to be renamed without asking; a newer key is never the safe reading."""
    return {name: key.renamed_for if key.stands_in(version) else Never for name, key in keys.items()}


def other_words(keys: Mapping[str, Key]) -> dict[str, str]:
    """Return what other tools and earlier versions say -> the key of OML."""
    return {word: name for name, key in keys.items() for word in key.others}


class Meaning(NamedTuple):
    """The word that was meant, empty when nothing is near; `fix` and `edits` for the finding."""

    word: str = ""
    fix: str = ""
    edits: tuple[Edit, ...] = ()


def meant_key(
    context: Context, path: Path, known: Iterable[str], habits: Mapping[str, str], fits: Fits | None = None
) -> Meaning:
    """Return which of the known keys the one at `path` stands for: by its spelling, or as other tools call it.

    `fits` tells the type that the value of a key must have for the change to be safe.
    """
    known = tuple(known)
    written = str(path[-1])
    sure = certainly(written, known)
    habit = habits.get(written) or habits.get(_snake(written), "")
    if (*path[:-1], habit) in context.document.key_marks:
        habit = ""  # said already
    word = sure or (habit if habit in known else "") or nearest(written, known)
    if not word:
        return Meaning()
    rivals = [
        other
        for other in _siblings(context, path)
        if word in (habits.get(other), habits.get(_snake(other))) or certainly(other, [word])
    ]
    value = value_at(context.document, path)
    certain = (
        bool(sure or word == habit)
        and rivals == [written]
        and isinstance(value, (fits or {}).get(word, object))
        and (sure or word != "write_mode")  # what other tools do under their words is not quite what ours do
        and not (word in LISTS and isinstance(value, str) and several_names(value))
    )
    fix = f"write `{word}` instead" if word == habit and not sure else f"did you mean `{word}`?"
    return Meaning(word, fix, rename_key(context.document, path, word, safe=certain))


def meant_value(
    context: Context, path: Path, value: str, known: Iterable[str], habits: Mapping[str, str] | None = None
) -> Meaning:
    """Return which of the known values the text at `path` stands for. Only another spelling of it is a safe change."""
    known = tuple(known)
    habit = (habits or {}).get(value, "")
    word = (habit if habit in known else "") or nearest(value, known)
    if not word:
        return Meaning()
    spelt = _folded(word) == _folded(value)
    safe = value == value_at(context.document, path) and (spelt or (word == habit and path[-1] != "write_mode"))
    fix = f"write {word}" if word == habit else f"did you mean `{word}`?"
    return Meaning(word, fix, replace_scalar(context.document, path, scalar_text(word), safe=safe))


def several_names(text: str) -> bool:
    """Tell whether a text is rather a list of names than one: made an item of a list, it would be a name of its own.

    >>> several_names("id, email"), several_names("order id")
    (True, False)
    """
    return _SEVERAL.search(text) is not None


def replace_placeholder(context: Context, path: Path, old: str, new: str, *, safe: bool) -> tuple[Edit, ...]:
    """Return the changes of every `old` in the text at `path`.

    In SQL those in its code; where it only stands in literals and comments, changes that nobody makes unasked.
    """
    dialect = _dialect(context, path)
    if not dialect:
        return replace_within(context.document, path, old, new, safe=safe)
    word = re.compile(re.escape(old))
    in_code = replace_in_sql(context.document, path, word, new, dialect=dialect, safe=safe)
    return in_code or replace_within(context.document, path, old, new, safe=False)


def _dialect(context: Context, path: Path) -> str:
    """Return the dialect of the SQL at `path`; empty where a text is no SQL."""
    if len(path) < 4 or path[0] != "steps":
        return ""
    step = next(step for step in context.steps if step.index == path[1])
    if path[2] == "checks" and path[-1] == "query":
        return "duckdb"
    if path[2] != "config" or step.spec is None:
        return ""
    if step.spec.sql and path[3] in (*step.spec.sql.statements, *step.spec.sql.conditions):
        return step.spec.sql.dialect
    return "duckdb" if step.role == "processor" and path[3] == "query" else ""


def quoted(context: Context, path: Path, value: Any) -> tuple[Edit, ...]:
    """Return the change that makes text of a number, of true or of false, as it is written."""
    span = context.document.marks.get(path)
    if span is None or not isinstance(value, int | float):
        return ()
    text = context.document.text[span.begin : span.end]
    return replace_scalar(context.document, path, f'"{text}"', safe=True)


def _siblings(context: Context, path: Path) -> list[str]:
    around = value_at(context.document, path[:-1])
    return list(islice(around, _MOST_SIBLINGS)) if isinstance(around, dict) else []


def _snake(name: str) -> str:
    return _HUMP.sub("_", name).replace("-", "_").lower()


def _folded(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalnum())
