"""A PostgreSQL server for tests: the one that OSIRIS_TEST_POSTGRES_URL names, else a private one of this session.

The private server listens on a free loopback port and keeps its files in a temporary folder. It is made from the
binaries of the machine; without any the tests fail and say what to install.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg2
import pytest

from tests.servers.places import in_memory

VARIABLE = "OSIRIS_TEST_POSTGRES_URL"
PASSWORD = "s3cr3t-of-the-connection"
USER = "osiris_test"
_ADVICE = (
    f"install postgresql (apt-get install postgresql), or set {VARIABLE}=postgresql://superuser:password@host:5432"
)
_SMALL = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "64MB",
    "max_connections": "60",
    "max_wal_size": "2GB",
    "autovacuum": "off",
    "unix_socket_directories": "",
}
_numbers = count(1)


@dataclass(frozen=True)
class Server:
    """Where a server listens, and somebody who may do everything there."""

    host: str
    port: int
    user: str
    password: str

    def execute(self, *statements: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run statements, each committed at once; return the rows of the last one."""
        place = {"host": self.host, "port": self.port, "dbname": database}
        with closing(psycopg2.connect(user=self.user, password=self.password, **place)) as session:
            session.autocommit = True
            with session.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []


@dataclass(frozen=True)
class Database:
    """An empty database of one test."""

    server: Server
    name: str

    @property
    def connection(self) -> Mapping[str, Any]:
        """The fields of a connection to it, for its owner, who may not do everything."""
        server = self.server
        return {
            "host": server.host, "port": server.port, "user": USER, "password": PASSWORD, "database": self.name,
        }  # fmt: skip

    def execute(self, *statements: str) -> list[tuple[Any, ...]]:
        return self.server.execute(*statements, database=self.name)


def _program(name: str) -> str:
    """The binary on PATH, else the newest below Debian's folder of versions."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: int(each.parent.name), reverse=True)
    places = os.pathsep.join([os.environ.get("PATH", ""), *map(str, versions)])
    if found := shutil.which(name, path=places):
        return found
    pytest.fail(f"no PostgreSQL server for the tests: {name} is not on this machine; {_ADVICE}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _account() -> dict[str, Any]:
    """PostgreSQL does not run as root; another account of the machine does it then."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    entry = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


@contextmanager
def private_server(certificate: Path | None = None, place: Path | None = None, **settings: str) -> Iterator[Server]:
    """Start a server of its own, with its files in a folder of `place`, and stop it at the end.

    It speaks TLS with `cert` and `key` of the folder `certificate`.
    """
    account = _account()
    folder = Path(tempfile.mkdtemp(prefix="osiris-pg-", dir=place))
    if account:
        os.chown(folder, account["user"], account["group"])
    try:
        _initialise(folder, account)
        if certificate is not None:
            settings = {**settings, **_tls(folder, certificate, account)}
        port = free_port()
        listening = {"listen_addresses": "127.0.0.1", "port": str(port)}
        options = [f"-c{name}={value}" for name, value in {**_SMALL, **listening, **settings}.items()]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [_program("postgres"), "-D", folder / "data", *options], stdout=log, stderr=log, cwd=folder, **account
            )
        try:
            server = Server("127.0.0.1", port, "postgres", "")
            _wait(server, process, folder / "log")
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # ends sessions, unlike SIGTERM, which waits for them
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGQUIT)
                process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _tls(folder: Path, certificate: Path, account: Mapping[str, Any]) -> dict[str, str]:
    for name in ("cert", "key"):
        shutil.copy(certificate / name, folder / name)
        (folder / name).chmod(0o600)
        if account:
            os.chown(folder / name, account["user"], account["group"])
    return {"ssl": "on", "ssl_cert_file": str(folder / "cert"), "ssl_key_file": str(folder / "key")}


def _initialise(folder: Path, account: Mapping[str, Any]) -> None:
    command = [_program("initdb"), "-D", folder / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8"]
    command += ["--locale=C", "--no-sync", "--no-instructions"]
    made = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder, **account)
    if made.returncode:
        pytest.fail(f"the PostgreSQL server for the tests cannot be set up: {made.stdout[-2000:]}{made.stderr[-2000:]}")
    rules = folder / "data" / "pg_hba.conf"
    trusted = "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
    rules.write_text(trusted)


def _wait(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            server.execute("select 1")
        except psycopg2.Error as error:
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the PostgreSQL server for the tests does not start: {error}; {log.read_text()[-3000:]}")
            time.sleep(0.05)
        else:
            return


def _named(url: str) -> Server:
    parts = urlsplit(url)
    return Server(
        parts.hostname or "127.0.0.1", parts.port or 5432, unquote(parts.username or "postgres"),
        unquote(parts.password or ""),
    )  # fmt: skip


@contextmanager
def _reached(server: Server) -> Iterator[Server]:
    try:
        server.execute("select 1")
    except psycopg2.Error as error:
        pytest.fail(f"the PostgreSQL server that {VARIABLE} names cannot be reached: {error}; correct it, or {_ADVICE}")
    yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A server with the user that tests connect as."""
    url = os.environ.get(VARIABLE, "")
    with _reached(_named(url)) if url else private_server(place=in_memory()) as server:
        if not server.execute(f"select 1 from pg_roles where rolname = '{USER}'"):
            server.execute(f"create role {USER} login password '{PASSWORD}'")
        yield server


@pytest.fixture(scope="session")
def postgres_url(postgres_server: Server) -> str:
    """The server's address for anybody who wants one."""
    user = postgres_server.user + (f":{postgres_server.password}" if postgres_server.password else "")
    return f"postgresql://{user}@{postgres_server.host}:{postgres_server.port}"


@pytest.fixture
def postgres_database(postgres_server: Server) -> Iterator[Database]:
    """An empty database; it goes away with the test."""
    name = f"osiris_test_{os.getpid()}_{next(_numbers)}"
    options = "encoding 'UTF8' template template0"
    postgres_server.execute(f"create database {name} owner {USER} {options}")
    yield Database(postgres_server, name)
    postgres_server.execute(f"drop database {name} with (force)")
