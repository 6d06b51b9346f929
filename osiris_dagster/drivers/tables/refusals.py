"""Refusals and notes that all families share, so that they say the same in the same words."""

from __future__ import annotations

from collections.abc import Sequence

from osiris_dagster.errors import DriverError

TO_TEXT = "convert it in a step before, e.g. to text"


def located(error: DriverError, table: str, store: str) -> DriverError:
    """Return the error with table and store in its message, as far as they are not there yet."""
    first = error.first
    if table in first.message:
        return error
    message = (
        f"{table} in {first.message}" if first.message.startswith(store) else f"{table} in {store}: {first.message}"
    )
    parts = {"code": first.code, "found": first.found, "expected": first.expected, "fix": first.fix}
    return DriverError(message, retryable=error.retryable, **parts)


def kept_waiting(error: DriverError, by: Sequence[str]) -> DriverError:
    """Return the error of a lock that was not granted with the sessions `by` that may hold it, as far as one sees."""
    if not by:
        return error
    first, sessions = error.first, ", ".join(by)
    return DriverError(
        f"{first.message}; in its way may be {sessions}",
        code=first.code,
        found=sessions,
        expected="a lock within lock_timeout",
        fix=first.fix,
        retryable=error.retryable,
    )


def rows_lost(sent: int, arrived: int) -> DriverError:
    """Return the error for a staging table that does not hold all rows."""
    return DriverError(
        f"{sent} rows were sent and {arrived} arrived",
        code="DRV036",
        found=str(arrived),
        expected=str(sent),
        fix="run the step again; if that does not help, this is a defect to report",
    )


def null_key(key: str, rows: int) -> DriverError:
    """Return the error for rows without a key."""
    return DriverError(
        f"key column {key!r} is NULL in {rows} rows",
        code="DRV031",
        found=f"{rows} rows with a NULL key",
        expected="a key in every row",
        fix="leave those rows out, or give them a key, in a step before",
    )


def repeated_keys(keys: Sequence[str], repeated: int) -> DriverError:
    """Return the error for `repeated` values of the key that stand in several rows."""
    return DriverError(
        f"{repeated} values of the key ({', '.join(keys)}) occur more than once in the rows",
        code="DRV032",
        found=f"{repeated} keys in several rows",
        expected="one row a key",
        fix="make the rows unique in a step before, or set on_duplicate: first or last",
    )


def left_out(rows: int, kept: str) -> str:
    """Return the note about rows that `on_duplicate` dropped."""
    return f"{rows} rows with a repeated key left out, the {kept} one kept"


def values_do_not_fit(column: str, own: str, there: str, count: int | None = None) -> DriverError:
    """Return the error for values that the type of their target column would change; `count` if it is known."""
    return DriverError(
        f"{'' if count is None else f'{count} '}values of column {column!r} do not fit the type {there} of the table",
        code="DRV034",
        found=f"{own} with {'' if count is None else f'{count} '}values that would change",
        expected=there,
        fix="convert the column in a step before, or change the type of the table's column",
    )


def not_carried(column: str, found: str, reason: str, fix: str = TO_TEXT) -> DriverError:
    """Return the error for a column whose type, or some value of it, does not arrive as it is."""
    return DriverError(
        f"column {column!r} holds {found}: {reason}",
        code="DRV010",
        found=found,
        expected="values that arrive as they are",
        fix=fix,
    )


ALREADY_COMMITTED = "already committed by an earlier try of this load"
AT_LEAST_ONCE = "no right to keep the record of loads: a retry may write the rows twice"
