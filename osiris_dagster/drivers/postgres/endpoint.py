"""What libpq needs to connect, from the fields of a connection, and a name of it for messages, without secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2.extensions import parse_dsn

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.errors import ConfigError

_FIELDS = {"host": "host", "port": "port", "database": "dbname", "user": "user", "password": "password"}
_WHOLE = ("url", "dsn")
_LIBPQ = ("sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout", "target_session_attrs")
# A dead peer is noticed after a minute; a dialled host that does not answer after ten seconds. GSS encryption would
# hide the stream from who reads it.
_DEFAULTS = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
    "gssencmode": "disable",
    "client_encoding": "UTF8",
}


@dataclass(frozen=True, slots=True, repr=False)
class Endpoint:
    """Where to connect to."""

    parameters: Mapping[str, str]  # keywords of libpq, the password among them
    name: str  # for messages: alias, host, port and database

    @property
    def user(self) -> str:
        """Who connects, for messages."""
        return self.parameters.get("user", "")


def endpoint_of(call: StepCall) -> Endpoint:
    """Return where a step connects to. Raises ConfigError when its connection does not say so, or is malformed."""
    own = {name: call.config.get(name) for name in (*_FIELDS, *_WHOLE, *_LIBPQ)}
    return endpoint(call.connection or own, call.reference, call.run_id or call.pipeline)


def endpoint(fields: Mapping[str, Any], reference: str, application: str, **settings: str) -> Endpoint:
    """Read the fields of a connection; `application` is what the server's administrator sees. Raises ConfigError."""
    text = fields.get("url") or fields.get("dsn") or ""
    given = _parsed(str(text), reference) if text else {}
    named = {
        **{libpq: str(fields[name]) for name, libpq in _FIELDS.items() if fields.get(name) not in (None, "")},
        **{name: str(fields[name]) for name in _LIBPQ if fields.get(name) not in (None, "")},
    }
    application_name = {"application_name": f"osiris/{application}"[:63]}
    parameters = {**_DEFAULTS, **application_name, **given, **named, **settings}
    if not parameters.get("host") and not parameters.get("service"):
        raise _incomplete(reference, "neither `host` nor `url`")
    if not parameters.get("dbname") and not parameters.get("service"):
        raise _incomplete(reference, "no `database`")
    place = f"{parameters.get('host', '')}:{parameters.get('port', '5432')}/{parameters.get('dbname', '')}"
    return Endpoint(parameters, f"{reference} ({place})" if reference else place)


def _parsed(text: str, reference: str) -> Mapping[str, str]:
    scheme, separator, rest = text.partition("://")
    plain = f"postgresql://{rest}" if separator and scheme.startswith(("postgresql", "postgres")) else text
    try:
        return {key: str(value) for key, value in parse_dsn(plain).items()}
    except psycopg2.Error:
        raise ConfigError(
            f"the address of {reference or 'the connection'} cannot be read",
            code="DRV060",
            found="text that is no PostgreSQL address",
            expected="postgresql://user:password@host:5432/database, or host=... dbname=... user=...",
            fix="correct `url` or `dsn`; characters like @ and / in a password are written %40 and %2F",
        ) from None


def _incomplete(reference: str, found: str) -> ConfigError:
    return ConfigError(
        f"{reference or 'the connection'} does not say where the database is",
        code="DRV060",
        found=found,
        expected="host, port, database, user and password; or url; or dsn",
        fix="complete the connection in osiris_connections.yaml",
    )


def schema_of(call: StepCall, default: str = "public") -> str:
    """Return the schema of the step: its own, else that of the connection."""
    value: Any = call.config.get("schema") or call.connection.get("schema") or default
    return str(value)
