"""Names and texts in the SQL of most databases; a family with other quotes has functions of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable


def quoted(*names: str) -> str:
    """Return a qualified identifier.

    >>> quoted("main", 'an "odd" name')
    '"main"."an ""odd"" name"'
    """
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def listed(names: Iterable[str], alias: str = "", quoted: Callable[[str], str] = quoted) -> str:
    """Return identifiers separated by commas, each behind `alias.` if there is one."""
    return ", ".join(f"{alias}.{quoted(name)}" if alias else quoted(name) for name in names)


def literal(text: str) -> str:
    """Return a string literal.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"
