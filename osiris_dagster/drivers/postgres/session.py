"""One open session: statements whose faults have names, and a switch that ends them from another thread."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any

import psycopg2
import psycopg2.extensions

from osiris_dagster.drivers import stopping
from osiris_dagster.drivers.postgres.endpoint import Endpoint
from osiris_dagster.drivers.postgres.faults import named_faults
from osiris_dagster.drivers.postgres.login import connected
from osiris_dagster.drivers.postgres.refusal import is_passing, refused
from osiris_dagster.drivers.stopping import StopSign
from osiris_dagster.errors import DriverError

_PATIENCE = 10.0  # seconds between asking the server to stop and cutting the line
_PAUSES = (0.5, 1.0, 2.0)  # seconds between tries to reach a server that is starting or full

# Set in each transaction, not when connecting: a pooler gives every transaction another session.
_SETTINGS = (
    "set local timezone = 'UTC'; set local datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres'; "
    "set local bytea_output = 'hex'; set local extra_float_digits = 1; set local standard_conforming_strings = on; "
    "set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0; select pg_backend_pid()"
)


class Session:
    """One connection. `connection` is psycopg2's, in autocommit: transactions are begun and ended by name."""

    def __init__(self, connection: psycopg2.extensions.connection, endpoint: Endpoint, stopped: StopSign) -> None:
        self.connection = connection
        self.place = endpoint.name
        self.stopped = stopped
        self._endpoint = endpoint
        self._process = 0  # of the server, while a transaction is open: behind a pooler the next one has another
        self._closed = threading.Event()
        self._lock = threading.Lock()

    def execute(self, statement: str, arguments: Sequence[Any] | None = None) -> None:
        """Run statements whose rows nobody wants."""
        self.rows(statement, arguments)

    def rows(self, statement: str, arguments: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        """Run statements and return the rows of the last one."""
        self.stopped.check()
        with named_faults(self.place, self.stopped), self.connection.cursor() as cursor:
            cursor.execute(statement, arguments)
            return cursor.fetchall() if cursor.description else []

    def number(self, statement: str, arguments: Sequence[Any] | None = None) -> int:
        """Return the one number that a query gives."""
        return int(self.rows(statement, arguments)[0][0])

    def describe(self, query: str) -> Sequence[psycopg2.extensions.Column]:
        """Run a query that gives no rows and return its columns."""
        self.stopped.check()
        with named_faults(self.place, self.stopped), self.connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.description or ()

    def begin(self, characteristics: str = "") -> None:
        """Begin a transaction with the settings that all others rely on."""
        self.execute(f"begin {characteristics}")
        self._process = self.number(_SETTINGS)

    def commit(self) -> None:
        """End the open transaction well."""
        self.execute("commit")
        self._process = 0

    @contextmanager
    def transaction(self, characteristics: str = "") -> Iterator[None]:
        """Commit what happens in the block, or nothing."""
        self.begin(characteristics)
        try:
            yield
        except BaseException:
            self.rollback()
            raise
        self.commit()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what happens in the block if it fails; the transaction goes on."""
        self.execute("savepoint osiris")
        try:
            yield
        except DriverError:
            with suppress(psycopg2.Error), self.connection.cursor() as cursor:
                cursor.execute("rollback to savepoint osiris")
            raise
        self.execute("release savepoint osiris")

    def rollback(self) -> None:
        """Undo the open transaction, also after `cancel`; a lost connection has done so itself."""
        with suppress(psycopg2.Error), self.connection.cursor() as cursor:
            cursor.execute("rollback")
        self._process = 0

    def interrupt(self) -> None:
        """Ask the server to end the statement under way, and cut the line when nothing comes of it."""
        threading.Thread(target=self._ask, daemon=True).start()
        timer = threading.Timer(_PATIENCE, self.cut)
        timer.daemon = True
        timer.start()

    def _ask(self) -> None:
        # Not by psycopg2's `cancel`: it holds the interpreter while it waits for the server, and all threads with it.
        with suppress(psycopg2.Error, DriverError):
            asking = connected(self._endpoint)
            with closing(asking), asking.cursor() as cursor:
                if process := self._process:
                    cursor.execute("select pg_cancel_backend(%s)", [process])

    def cut(self) -> None:
        """End the line at once; whoever waits for the server gets an error."""
        with self._lock, suppress(psycopg2.Error, OSError):
            if not self._closed.is_set():
                with socket.socket(fileno=os.dup(self.connection.fileno())) as line:
                    line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End the session. Idempotent."""
        with self._lock:
            self._closed.set()
            with suppress(psycopg2.Error):
                self.connection.close()


class Switch(stopping.Switch[Session]):
    """Opens the sessions of one step, too."""

    def open(self, endpoint: Endpoint, *, patient: bool = True) -> Session:
        """Connect, if wanted with patience for a server that starts or is full. DriverError when it does not work."""
        for pause in (*(_PAUSES if patient else ()), None):
            self.stopped.check()
            try:
                connection = connected(endpoint)
                break
            except psycopg2.Error as error:
                if pause is None or not is_passing(error):
                    raise refused(endpoint, error) from error
                time.sleep(pause)
        connection.autocommit = True
        return self.add(Session(connection, endpoint, self.stopped))
