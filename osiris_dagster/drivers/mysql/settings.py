"""The settings of a connection, checked: where the server is, who asks, how secure, how long to wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.errors import ConfigError
from osiris_dagster.project import Project

_FIELDS = (
    *("host", "port", "user", "password", "database", "unix_socket", "ssl_mode", "ssl_ca", "ssl_cert", "ssl_key"),
    *("connect_timeout", "read_timeout"),
)
SSL_MODES = ("disabled", "preferred", "required", "verify_ca", "verify_identity")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that it takes to connect. Seconds where it is about time."""

    reference: str  # the connection's name, "@mysql.alias"; empty without one
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    unix_socket: str
    ssl_mode: str
    ssl_ca: str  # paths of files, relative ones in the project
    ssl_cert: str
    ssl_key: str
    connect_timeout: float
    read_timeout: float

    @property
    def place(self) -> str:
        """The connection for messages: its name, who connects, and where."""
        server = self.unix_socket or f"{self.host}:{self.port}"
        return f"{self.reference or 'mysql'} ({self.user} at {server}, database {self.database})"


def settings_of(call: StepCall) -> Settings:
    """Read the settings of a step and its connection. Raises ConfigError naming the field that is missing or wrong."""
    own = {name: call.config.get(name) for name in _FIELDS}
    chosen = {"database": own["database"]}  # the one field of a connection that a step may set, too
    return settings_from(call.reference, call.project, chosen, call.connection, own)


def settings_from(reference: str, project: Project, *layers: Mapping[str, Any]) -> Settings:
    """Read the settings; what an earlier layer says goes. Raises ConfigError as `settings_of`."""

    def given(name: str, default: Any = "") -> Any:
        found = (value for value in (layer.get(name) for layer in layers) if value is not None and value != "")
        return next(found, default)

    def file(name: str) -> str:
        path = str(given(name))
        return str(project.root / path) if path else ""

    settings = Settings(
        reference=reference,
        host=str(given("host")),
        port=int(_number(reference, "port", given("port", 3306), 1, 65_535)),
        user=str(given("user")),
        password=str(given("password")),
        database=str(given("database")),
        unix_socket=str(given("unix_socket")),
        ssl_mode=str(given("ssl_mode", "preferred")),
        ssl_ca=file("ssl_ca"),
        ssl_cert=file("ssl_cert"),
        ssl_key=file("ssl_key"),
        connect_timeout=_number(reference, "connect_timeout", given("connect_timeout", 10), 1, 3600),
        read_timeout=_number(reference, "read_timeout", given("read_timeout", 900), 1, 86_400),
    )
    _check(settings)
    return settings


def _check(settings: Settings) -> None:
    needed = {"user": settings.user, "database": settings.database, "host": settings.host or settings.unix_socket}
    for name, value in needed.items():
        if not value:
            raise _wrong(settings.reference, name, "nothing", "a value", f"add `{name}` to the connection")
    if settings.ssl_mode not in SSL_MODES:
        raise _wrong(settings.reference, "ssl_mode", settings.ssl_mode, ", ".join(SSL_MODES), "use one of these")
    if settings.ssl_mode.startswith("verify") and not settings.ssl_ca:
        fix = "add `ssl_ca`, or use ssl_mode: required"
        raise _wrong(settings.reference, "ssl_ca", "nothing", "the certificate to verify with", fix)


def _number(reference: str, name: str, value: Any, least: float, most: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not least <= number <= most:
        # A value that came from a variable may be anything, also a secret in the wrong place.
        raise _wrong(
            reference, name, "something else", f"a number from {least} to {most}", f"correct `{name}` of the connection"
        )
    return number


def _wrong(reference: str, name: str, found: str, expected: str, fix: str) -> ConfigError:
    return ConfigError(
        f"the connection {reference or 'of the step'} has no usable `{name}`",
        code="DRV090",
        found=found,
        expected=expected,
        fix=fix,
    )
