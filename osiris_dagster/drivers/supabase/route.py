"""Whether a Supabase connection leads to the project's PostgreSQL, and with which fields, or to REST only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from osiris_dagster.drivers.base import StepCall

_REST_ONLY = ("url", "key")
_HOSTED = (".supabase.co", ".supabase.com")


def connection_of(call: StepCall) -> Mapping[str, Any]:
    """Return the fields of the connection; without one the address that the step itself has."""
    own = {name: call.config.get(name) for name in _REST_ONLY}
    return call.connection or {name: value for name, value in own.items() if value is not None}


def database_fields(connection: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the fields for the PostgreSQL family; None when the connection has only url and key, or nothing.

    Hosted projects are reached with TLS unless the connection says otherwise.
    """
    url = str(connection.get("url") or "")
    fields = {name: value for name, value in connection.items() if name not in _REST_ONLY}
    if url.startswith("postgres"):
        fields["url"] = url
    if not any(fields.get(name) for name in ("url", "dsn", "host")):
        return None
    hosted = any(end in f"{fields.get(name) or ''}" for name in ("url", "dsn", "host") for end in _HOSTED)
    given = "sslmode" in fields or "sslmode=" in f"{fields.get('url')} {fields.get('dsn')}"
    return {**fields, "sslmode": "require"} if hosted and not given else fields
