"""One connection of one step: opened with the settings that make reading and writing exact, ended from any thread.

Ending means that this side stops waiting at once, and that the server is told, on a connection of its own, to end the
session: a server that computes does not notice that nobody listens.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias

import pymysql

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.mysql.faults import is_passing, named_faults
from osiris_dagster.drivers.mysql.login import guarded_plugins
from osiris_dagster.drivers.mysql.settings import Settings
from osiris_dagster.drivers.stopping import StopSign
from osiris_dagster.errors import DriverError

Connection: TypeAlias = "pymysql.Connection[Any]"
_KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}  # a dead peer is noticed after two minutes
_KILL_SECONDS = 5.0
_PAUSES = (0.5, 1.0, 2.0)  # seconds between tries to reach a server that is starting or full
# A reader downstream may take its time: the server must not give up on us meanwhile.
_PATIENCE = "net_write_timeout = 3600, net_read_timeout = 3600, wait_timeout = 28800"


class Session:
    """A connection and what it takes to end it."""

    def __init__(self, program: str, settings: Settings, stop: StopSign, subject: str = "") -> None:
        """`program` is what the server shows of this session, `subject` what errors are about, e.g. a table."""
        self.settings = settings
        self.stop = stop
        self._where = settings.place + (f", {subject}" if subject else "")
        self._program = program[:200]
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self.busy = False  # a result is on its way: the server has to be told when it is given up
        self.committing = False  # a statement that commits is on its way: nobody knows how it ends
        self.number = 0  # of the session at the server

    def open(self, *, patient: bool = True, **options: Any) -> Connection:
        """Connect, if wanted with patience for a server that starts or is full.

        DriverError with the reason when that cannot be done.
        """
        with self.faults():
            connection = self._reached(_PAUSES if patient else (), options)
            with self._lock:
                self._connection = connection
                self.number = _number(connection)
            self.stop.check()  # a cancellation that came while there was nothing to end
            self.run(f"set session time_zone = '+00:00', {_PATIENCE}")
        return connection

    def _reached(self, pauses: Sequence[float], options: dict[str, Any]) -> Connection:
        for pause in pauses:
            self.stop.check()
            try:
                return _connected(self.settings, self._program, options)
            except pymysql.Error as error:
                if not is_passing(error):
                    raise
                self.stop.event.wait(pause)
        self.stop.check()
        return _connected(self.settings, self._program, options)

    @property
    def connection(self) -> Connection:
        """The open connection."""
        assert self._connection is not None
        return self._connection

    @property
    def broken(self) -> bool:
        """Tell whether the connection was lost or closed."""
        return self._connection is None or not self._connection.open

    def refuse_files(self) -> None:
        """Let pymysql refuse every file that the server asks for; our own rows do not go through it."""
        below: Any = self.connection
        below._local_infile = False

    @contextmanager
    def faults(self) -> Iterator[None]:
        """Give the errors inside a name."""
        with named_faults(self.stop, self._where):
            yield

    def run(self, statement: str) -> int:
        """Execute a statement; return how many rows it changed."""
        self.stop.check()
        with self.faults(), self.connection.cursor() as cursor:
            return int(cursor.execute(statement))

    def rows(self, query: str) -> Sequence[tuple[Any, ...]]:
        """Execute a query with a small result."""
        self.stop.check()
        with self.faults(), self.connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    def value(self, query: str) -> Any:
        """Execute a query with one value."""
        return self.rows(query)[0][0]

    def text(self, value: str) -> str:
        """Return a string literal for this session."""
        return self.connection.escape(value)

    def cancel(self) -> None:
        """End the session from another thread. Idempotent."""
        self.stop.set()
        self._end()

    def close(self) -> None:
        """Say good-bye, or end the session when a result is still on its way. Idempotent."""
        if self.busy:
            self._end()
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(pymysql.Error, OSError):
                connection.close()

    def _end(self) -> None:
        with self._lock:
            connection, self.busy = self._connection, False
            if connection is None:
                return
            below: Any = connection
            with suppress(OSError, AttributeError):
                below._sock.shutdown(socket.SHUT_RDWR)  # wakes who waits for rows
        kill(self.settings, self.number)


def program_of(call: StepCall) -> str:
    """Return how a session of a step is to be shown."""
    return f"osiris/{call.pipeline}/{call.step_id}/{call.run_id}"


def kill(settings: Settings, thread: int) -> None:
    """Tell the server to end a session; whether it is still there does not matter."""
    with suppress(pymysql.Error, OSError, DriverError):
        side = _connected(settings, "osiris/kill", {"connect_timeout": _KILL_SECONDS, "read_timeout": _KILL_SECONDS})
        with side, side.cursor() as cursor:
            cursor.execute(f"kill {int(thread)}")


def _connected(settings: Settings, program: str, options: dict[str, Any]) -> Connection:
    address: dict[str, Any] = {"host": settings.host, "port": settings.port}
    if settings.unix_socket:
        address = {"unix_socket": settings.unix_socket}
    arguments = {
        **address,
        "user": settings.user,
        "password": settings.password.encode(),
        "database": settings.database,
        "charset": "utf8mb4",
        "autocommit": True,
        "program_name": program,
        "connect_timeout": settings.connect_timeout,
        "read_timeout": settings.read_timeout,
        "write_timeout": settings.read_timeout,
        "auth_plugin_map": guarded_plugins(settings.place),
        **_secured(settings),
        **options,
    }
    connection: Connection = pymysql.connect(**arguments)
    _keep_alive(connection)
    return connection


def _secured(settings: Settings) -> dict[str, Any]:
    """Return the options for TLS. `preferred` takes what the server offers; `verify_*` also asks who it is."""
    if settings.ssl_mode == "disabled":
        return {"ssl_disabled": True}
    if settings.ssl_mode == "preferred":
        return {}
    context = ssl.create_default_context(cafile=settings.ssl_ca or None)
    context.check_hostname = settings.ssl_mode == "verify_identity"
    context.verify_mode = ssl.CERT_REQUIRED if settings.ssl_mode.startswith("verify") else ssl.CERT_NONE
    if settings.ssl_cert:
        context.load_cert_chain(settings.ssl_cert, settings.ssl_key or None)
    return {"ssl": context}


def _number(connection: Any) -> int:
    return int(connection.server_thread_id[0])


def _keep_alive(connection: Any) -> None:
    sock = connection._sock
    if sock.family == getattr(socket, "AF_UNIX", None):
        return
    for name, value in _KEEPALIVE.items():
        if option := getattr(socket, name, None):
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
