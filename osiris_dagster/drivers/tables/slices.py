"""Rows of a partition, as a condition in SQL that families of tables share."""

from __future__ import annotations

from datetime import date, datetime

from osiris_dagster.oml.partition_slice import Slice
from osiris_dagster.sql.quoting import literal


def condition(rows: Slice, column: str, *, zones: bool = True) -> str:
    """Return the condition under which a row belongs to a partition; `column` is in SQL.

    Without `zones` the database keeps instants as the wall clock of UTC. The literals are typed, so that the column is
    compared as what it is and not as text.

    >>> condition(Slice("c", values=("cz", "it's")), "c")
    "c in ('cz', 'it''s')"
    >>> condition(Slice("d", start=date(2025, 1, 1), end=date(2025, 1, 2)), "d")
    "d >= date '2025-01-01' and d < date '2025-01-02'"
    """
    if rows.start is None or rows.end is None:
        listed = ", ".join(str(value) if isinstance(value, int) else literal(value) for value in rows.values)
        return f"{column} in ({listed})"
    return f"{column} >= {_moment(rows.start, zones=zones)} and {column} < {_moment(rows.end, zones=zones)}"


def _moment(value: date | datetime, *, zones: bool) -> str:
    if not isinstance(value, datetime):
        return f"date '{value:%Y-%m-%d}'"
    if value.tzinfo is None or not zones:
        return f"timestamp '{value:%Y-%m-%d %H:%M:%S}'"
    return f"timestamptz '{value:%Y-%m-%d %H:%M:%S}+00'"
