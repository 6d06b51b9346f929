"""Names and texts in, the same as they stand in SQL out."""

from __future__ import annotations

from collections.abc import Iterable

BACKTICK = "`"


def quoted(*names: str, mark: str = '"') -> str:
    """Return a qualified identifier; `mark` is the quote character of the database.

    >>> quoted("main", 'an "odd" name'), quoted("shop", "odd `name`", mark=BACKTICK)
    ('"main"."an ""odd"" name"', '`shop`.`odd ``name```')
    """
    return ".".join(f"{mark}{name.replace(mark, mark * 2)}{mark}" for name in names)


def listed(names: Iterable[str], alias: str = "", *, mark: str = '"') -> str:
    """Return identifiers separated by commas, each behind `alias.` if there is one."""
    behind = f"{alias}." if alias else ""
    return ", ".join(f"{behind}{quoted(name, mark=mark)}" for name in names)


def literal(text: str) -> str:
    """Return a string literal, for databases in which a backslash is a character like any other.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"
