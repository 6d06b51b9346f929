"""Rows of a partition, as a condition in SQL that families of tables share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from osiris_dagster.oml.partition_slice import Slice
from osiris_dagster.sql.quoting import literal

Moment = Callable[[date | datetime], str]
"""Writes a day or a moment as a literal. The moments of a slice without a zone are wall clock."""


def typed(value: date | datetime) -> str:
    """Return a literal with its type, so that a column is compared as what it is and not as text."""
    if not isinstance(value, datetime):
        return f"date '{value:%Y-%m-%d}'"
    if value.tzinfo is None:
        return f"timestamp '{value:%Y-%m-%d %H:%M:%S}'"
    return f"timestamptz '{value:%Y-%m-%d %H:%M:%S}+00'"


def condition(rows: Slice, column: str, moment: Moment = typed) -> str:
    """Return the condition under which a row belongs to a partition; `column` is in SQL.

    >>> condition(Slice("c", values=("cz", "it's")), "c")
    "c in ('cz', 'it''s')"
    >>> condition(Slice("d", start=date(2025, 1, 1), end=date(2025, 1, 2)), "d")
    "d >= date '2025-01-01' and d < date '2025-01-02'"
    """
    if rows.start is None or rows.end is None:
        values = ", ".join(str(value) if isinstance(value, int) else literal(value) for value in rows.values)
        return f"{column} in ({values})"
    return f"{column} >= {moment(rows.start)} and {column} < {moment(rows.end)}"
