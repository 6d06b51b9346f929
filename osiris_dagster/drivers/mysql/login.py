"""What pymysql may answer when a server asks for the password as it is: nothing, unless the line keeps it secret.

A server chooses the way to log in, and an authentication plugin of it can ask for the password in clear:
`mysql_clear_password` (LDAP, PAM, IAM) and `dialog` (PAM). pymysql would send it through any line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from osiris_dagster.errors import DriverError

_IN_CLEAR = ("mysql_clear_password", "dialog")


def guarded_plugins(place: str) -> Mapping[str, Callable[[Any], _Refusal | None]]:
    """Return `auth_plugin_map` of pymysql for a connection; `place` is its name in messages.

    Behind TLS, or on a socket of the machine, no handler is returned and pymysql answers as it does.
    """

    def handler(connection: Any) -> _Refusal | None:
        return None if connection._secure else _Refusal(place)

    return dict.fromkeys(_IN_CLEAR, handler)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Stands in the place of a plugin and sends nothing."""

    place: str

    def authenticate(self, _packet: Any) -> NoReturn:
        raise DriverError(
            f"{self.place}: the server wants the password in clear, and the line to it has no TLS",
            code="DRV095",
            found="a password in clear without TLS",
            expected="TLS, or a `unix_socket` of this machine",
            fix="let the server offer TLS and set `ssl_mode: required`, or give the user another authentication plugin",
        )
