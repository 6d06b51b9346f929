"""Connects by libpq, and sees to it that a password goes in clear only through TLS or stays on this machine.

The server says how it wants the password, and `password` of pg_hba.conf, LDAP and PAM want it as it is. libpq then
sends it through whatever line there is, and with `sslmode: prefer`, its default, that may be one without TLS.
"""

from __future__ import annotations

from collections.abc import Mapping

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - a class with a small name
from psycopg2.extensions import make_dsn

from osiris_dagster.drivers.loopback import is_loopback
from osiris_dagster.drivers.postgres.endpoint import Endpoint
from osiris_dagster.errors import DriverError

_ALWAYS_TLS = ("require", "verify-ca", "verify-full")
_ASKED_IN_CLEAR = "requested a cleartext password"
_NO_TLS = "server does not support SSL"


def connected(endpoint: Endpoint) -> Connection:
    """Connect; DriverError when the password would have to go in clear, psycopg2.Error for what libpq objects to.

    Where the line may have no TLS, the first try offers everything but the password in clear. A server that takes
    nothing else is asked again through TLS.
    """
    given = endpoint.parameters
    if given.get("sslmode") in _ALWAYS_TLS or _stays_here(given):
        return psycopg2.connect(make_dsn(**given))
    accepted = given.get("require_auth", "!password")
    if "password" not in accepted.split(","):
        try:
            return psycopg2.connect(make_dsn(**{**given, "require_auth": accepted}))
        except psycopg2.Error as error:
            if _ASKED_IN_CLEAR not in str(error) or "require_auth" in given:
                raise
            if given.get("sslmode") == "disable":
                raise _in_clear(endpoint) from error
    try:
        return psycopg2.connect(make_dsn(**{**given, "sslmode": "require"}))
    except psycopg2.Error as error:
        if _NO_TLS in str(error):
            raise _in_clear(endpoint) from error
        raise


def _stays_here(parameters: Mapping[str, str]) -> bool:
    """Tell whether every address is a socket of the file system or of the loopback device."""
    hosts = (parameters.get("hostaddr") or parameters.get("host") or "").split(",")
    return all(host.startswith(("/", "@")) or is_loopback(host) for host in hosts)


def _in_clear(endpoint: Endpoint) -> DriverError:
    return DriverError(
        f"{endpoint.name}: the server wants the password in clear, and the line to it has no TLS",
        code="DRV062",
        found="a password in clear without TLS",
        expected="TLS, or a server on this machine",
        fix="let the server offer TLS and set `sslmode: require`, or let its pg_hba.conf ask with scram-sha-256",
    )
