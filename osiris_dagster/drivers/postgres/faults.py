"""Turns exceptions of psycopg2 into a DriverError with a code and a way out; nobody else reads the server's messages.

The server's DETAIL is left out: it quotes the values of rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2

from osiris_dagster.drivers.stopping import StopSign, canceled
from osiris_dagster.drivers.tables.refusals import not_carried, values_do_not_fit
from osiris_dagster.errors import DriverError, Retryable

_COPY_COLUMN = re.compile(r"COPY .+?, line \d+, column (?P<column>.+?)(?:: .*)?(?:\n|$)")
_AGAIN = "run the step again"

# SQLSTATE, or the two characters of its class -> code, way out, whether another try can help
_STATES: dict[str, tuple[str, str, Retryable]] = {
    "08": ("DRV063", _AGAIN, "transient"),
    "22": ("DRV025", "correct the value at its source, or the SQL of the step", "permanent"),
    "23": ("DRV029", "correct the rows, or the constraint of the table", "permanent"),
    "25006": ("DRV066", "connect to the primary server: this one only reads", "permanent"),
    "40": ("DRV065", _AGAIN, "transient"),
    "42501": ("DRV066", "grant the right to the user of the connection, or use another connection", "permanent"),
    "42P01": ("DRV024", "check the names of tables in the query", "permanent"),
    "42703": ("DRV024", "check the names of columns", "permanent"),
    "3F000": ("DRV024", "check `schema`", "permanent"),
    "42": ("DRV069", "correct the SQL of the step", "permanent"),
    "53100": ("DRV068", "free disk space on the server", "permanent"),
    "53": ("DRV068", "let the server do less at once, and run the step again", "transient"),
    "54": ("DRV068", "select fewer or shorter columns", "permanent"),
    "55P03": ("DRV064", "wait for the other session, or raise lock_timeout", "transient"),
    "57014": ("DRV028", _AGAIN, "transient"),
    "57": ("DRV063", _AGAIN, "transient"),
    "58": ("DRV068", "look at the log of the server", "permanent"),
}
_OTHER: tuple[str, str, Retryable] = ("DRV069", "look up the server's message", "permanent")


@contextmanager
def named_faults(place: str, stopped: StopSign) -> Iterator[None]:
    """Turn what psycopg2 raises into a DriverError that begins with `place`; after `cancel` into that of a cancel."""
    try:
        yield
    except (psycopg2.Error, OSError) as error:
        if stopped.event.is_set():
            raise canceled() from error
        raise fault(error, place) from error


def fault(error: Exception, place: str) -> DriverError:
    """Return the DriverError for an exception of psycopg2, or of the socket that it opened."""
    state = getattr(error, "pgcode", None) or ""
    if not state and isinstance(error, (psycopg2.OperationalError, psycopg2.InterfaceError, OSError)):
        return lost(place, _first_line(error))
    diag = getattr(error, "diag", None)
    message, hint, context = (
        getattr(diag, part, None) or "" for part in ("message_primary", "message_hint", "context")
    )
    return of_state(place, state, message or _first_line(error), hint, context)


def of_state(place: str, state: str, message: str, hint: str = "", context: str = "") -> DriverError:
    """Return the DriverError for the parts of a server's error: SQLSTATE, message, hint and context."""
    if match := _COPY_COLUMN.search(context):
        return _of_a_column(match["column"], state, message)
    code, fix, retryable = _STATES.get(state) or _STATES.get(state[:2]) or _OTHER
    return DriverError(
        f"{place}: {message}", code=code, found=f"SQLSTATE {state}", fix=hint or fix, retryable=retryable
    )


def _of_a_column(column: str, state: str, message: str) -> DriverError:
    if state == "22021":
        return not_carried(column, "text with a NUL character", "PostgreSQL keeps none", "remove it in a step before")
    if state.startswith("22"):
        return not_carried(column, message, "PostgreSQL does not take it")
    return values_do_not_fit(column, message, "its type")


def lost(place: str, message: str) -> DriverError:
    """Return the error of a connection that broke."""
    return DriverError(
        f"{place}: the connection was lost: {message}",
        code="DRV063",
        found=message,
        expected="a connection until the end of the step",
        fix=_AGAIN,
        retryable="transient",
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
