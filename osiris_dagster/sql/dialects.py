"""What the judge knows about a dialect beside its grammar, as data: comments, escapes, and functions that act.

A dialect of sqlglot that is not named here has the general facts, which take for safe only what every database reads
in the same way; so a family with a new dialect names it in its specs, and nothing here changes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

from osiris_dagster.sql import side_effects

DUCKDB = "duckdb"
"""The one dialect that has a parser of its own here."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """Comments are patterns of what runs to the end of the line; `/* ... */` is a comment everywhere."""

    comments: str = r"--(?!\S)"  # without the space it is arithmetic in MySQL
    backslashes: bool = True  # whether a backslash may escape a quote, which a mode of the server may decide
    functions: str = side_effects.ALL  # those that do more than compute a value


DIALECTS = {
    "mysql": Dialect(comments=r"--(?!\S)|\#", functions=side_effects.MYSQL),
    "postgres": Dialect(comments="--", backslashes=False, functions=side_effects.POSTGRES),
    DUCKDB: Dialect(comments="--", backslashes=False, functions=side_effects.DUCKDB),
    "sqlite": Dialect(comments="--", backslashes=False, functions=side_effects.SQLITE),
}
# MySQL runs `/*! ... */`, and only some databases nest `/*`.
_BLOCK = r"/\*(?!M?!)(?:(?!/\*|\*/).)*\*/"


@cache
def known_dialects() -> frozenset[str]:
    """Return the names of the dialects that sqlglot has, without loading it."""
    package = find_spec("sqlglot")
    folders = package.submodule_search_locations if package else None
    files = (file for folder in folders or () for file in Path(folder, "dialects").glob("[a-z]*.py"))
    return frozenset(file.stem for file in files) - {"dialect"}


def dialect_of(name: str) -> Dialect:
    """Return the facts of a dialect, the general ones where it has none of its own."""
    return DIALECTS.get(name, _GENERAL)


_GENERAL = Dialect()


@cache
def silent(name: str) -> re.Pattern[str]:
    """Return the pattern of what says nothing: white space, and comments that all databases of the dialect skip."""
    return re.compile(rf"(?:[ \t\r\n\f\v]+|(?:{dialect_of(name).comments})[^\r\n]*|{_BLOCK})*", re.DOTALL)


@lru_cache(maxsize=4096)
def acts(function: str, name: str) -> bool:
    """Tell whether a function does more than compute a value, or reads what is no table of the database.

    >>> acts("pg_sleep", "postgres"), acts("PG_SLEEP", "postgres"), acts("date_trunc", "postgres")
    (True, True, False)
    >>> acts("load_extension", "sqlite"), acts("upper", "sqlite")
    (True, False)
    """
    return _pattern(dialect_of(name).functions).fullmatch(function) is not None


def acts_as_package(name: str) -> bool:
    """Tell whether functions of a package act, whatever they are called.

    >>> acts_as_package("utl_http"), acts_as_package("shop")
    (True, False)
    """
    return _pattern(side_effects.PACKAGES).fullmatch(name) is not None


@cache
def _pattern(words: str) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(word).replace(r"\*", ".*") for word in words.split()), re.IGNORECASE)
