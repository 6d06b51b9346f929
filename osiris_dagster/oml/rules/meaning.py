"""What a key or a value was meant to be: the way out in words, and the change that takes it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, NamedTuple

from osiris_dagster.errors import Edit
from osiris_dagster.oml.document import Path
from osiris_dagster.oml.edits import rename_key, replace_scalar, scalar_text
from osiris_dagster.oml.keys.key import Key
from osiris_dagster.oml.rules.context import Context
from osiris_dagster.specs.nearest import certainly, nearest

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_MOST_SIBLINGS = 100
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
    certain = (
        bool(sure or word == habit)
        and rivals == [written]
        and isinstance(_value(context, path), (fits or {}).get(word, object))
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
    safe = word == habit or _folded(word) == _folded(value)
    fix = f"write {word}" if word == habit else f"did you mean `{word}`?"
    return Meaning(word, fix, replace_scalar(context.document, path, scalar_text(word), safe=safe))


def quoted(context: Context, path: Path, value: Any) -> tuple[Edit, ...]:
    """Return the change that makes text of a number, of true or of false, as it is written."""
    span = context.document.marks.get(path)
    if span is None or not isinstance(value, int | float):
        return ()
    text = context.document.text[span.begin : span.end]
    return replace_scalar(context.document, path, f'"{text}"', safe=True)


def _siblings(context: Context, path: Path) -> list[str]:
    around = _value(context, path[:-1])
    return list(islice(around, _MOST_SIBLINGS)) if isinstance(around, dict) else []


def _value(context: Context, path: Path) -> Any:
    value: Any = context.document.value
    for part in path:
        value = value[part]
    return value


def _snake(name: str) -> str:
    return _HUMP.sub("_", name).replace("-", "_").lower()


def _folded(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalnum())
