"""Which kind of fault it is when a connection does not come about, by libpq's words, and the way out."""

from __future__ import annotations

import re
from dataclasses import dataclass

import psycopg2

from osiris_dagster.drivers.inspection import Category
from osiris_dagster.drivers.postgres.endpoint import Endpoint
from osiris_dagster.errors import DriverError, Retryable


@dataclass(frozen=True, slots=True)
class Refusal:
    """One kind of fault; libpq gives no code for it, only words."""

    words: str
    category: Category
    code: str
    fix: str
    retryable: Retryable = "permanent"


_REFUSALS = (
    Refusal(r"could not translate host name", "network", "DRV061", "check `host`", "transient"),
    Refusal(r"timeout expired|timed out", "timeout", "DRV061", "check host, port and firewalls", "transient"),
    Refusal(r"password authentication failed|no password supplied", "auth", "DRV062", "correct `user` and `password`"),
    Refusal(r"role .* does not exist", "auth", "DRV062", "correct `user`"),
    Refusal(r"database .* does not exist", "not_found", "DRV062", "correct `database`"),
    Refusal(r"no pg_hba.conf entry|not permitted to log in", "permission", "DRV062", "let the server accept this user"),
    Refusal(r"permission denied for database", "permission", "DRV062", "grant the user the right to connect"),
    Refusal(r"SSL|certificate", "network", "DRV062", "check `sslmode` and the certificates"),
    Refusal(r"starting up|shutting down", "busy", "DRV061", "wait, and run it again", "transient"),
    Refusal(r"too many|remaining connection slots", "busy", "DRV061", "close other sessions", "transient"),
)
_OTHER = Refusal("", "network", "DRV061", "check host and port, and that the server runs", "transient")
_PASSING = re.compile(r"starting up|too many|remaining connection slots|refused")


def refusal_of(error: BaseException | None) -> Refusal:
    """Return the kind of fault that an exception of `connect` is about."""
    return next((known for known in _REFUSALS if re.search(known.words, str(error))), _OTHER)


def is_passing(error: psycopg2.Error) -> bool:
    """Tell whether the same attempt may well succeed a moment later."""
    return _PASSING.search(str(error)) is not None


def refused(endpoint: Endpoint, error: psycopg2.Error) -> DriverError:
    """Return the error for a connection that does not come about."""
    message = " ".join(str(error).split())
    reason = message.rpartition("FATAL: ")[2].strip() or message
    kind = refusal_of(error)
    return DriverError(
        f"{endpoint.name}: cannot connect as {endpoint.user or 'the default user'}: {reason}",
        code=kind.code,
        found=reason,
        expected="a server that lets the user in",
        fix=kind.fix,
        retryable=kind.retryable,
    )
