"""A MariaDB or MySQL server for tests: the one that OSIRIS_TEST_MYSQL_URL names, else a private one of this session.

The private server listens on a free loopback port and keeps its files in a temporary folder. It is made from the
binaries of the machine; without any the tests fail and say what to install.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pymysql
import pytest

from tests.servers.places import in_memory

VARIABLE = "OSIRIS_TEST_MYSQL_URL"
PASSWORD = "s3cr3t-of-the-connection"
_USER = "osiris_test"
_ADVICE = f"install mariadb-server (apt-get install mariadb-server), or set {VARIABLE}=mysql://root:password@host:3306"
_SMALL = (
    "--innodb-buffer-pool-size=64M --innodb-log-file-size=64M --innodb-flush-log-at-trx-commit=0 --max-connections=60 "
    "--max-allowed-packet=64M --key-buffer-size=1M --performance-schema=0 --skip-log-bin --local-infile=1 "
    "--innodb-lock-wait-timeout=5 --skip-name-resolve"
).split()
_numbers = count(1)


@dataclass(frozen=True)
class Server:
    """Where a server listens, and somebody who may do everything there."""

    host: str
    port: int
    user: str
    password: str

    def connect(self, **options: Any) -> pymysql.Connection[Any]:
        mine = {"host": self.host, "port": self.port, "user": self.user, "password": self.password}
        return pymysql.connect(**{**mine, "charset": "utf8mb4", "autocommit": True, **options})

    def execute(self, *statements: str, **options: Any) -> list[tuple[Any, ...]]:
        """Run statements; return the rows of the last one."""
        rows: list[tuple[Any, ...]] = []
        with self.connect(**options) as session, session.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
                rows = list(cursor.fetchall())
        return rows

    @property
    def is_mariadb(self) -> bool:
        return "MariaDB" in str(self.execute("select version()")[0][0])


@dataclass(frozen=True)
class Database:
    """An empty database of one test."""

    server: Server
    name: str

    @property
    def connection(self) -> Mapping[str, Any]:
        """The fields of a connection to it, for a user who may not do everything."""
        return {
            "host": self.server.host,
            "port": self.server.port,
            "user": _USER,
            "password": PASSWORD,
            "database": self.name,
        }

    def execute(self, *statements: str, **options: Any) -> list[tuple[Any, ...]]:
        return self.server.execute(*statements, database=self.name, **options)


def _named(url: str) -> Server:
    parts = urlsplit(url)
    return Server(
        parts.hostname or "127.0.0.1",
        parts.port or 3306,
        unquote(parts.username or "root"),
        unquote(parts.password or ""),
    )


def _program(*names: str) -> str:
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/usr/libexec"])
    for name in names:
        if found := shutil.which(name, path=places):
            return found
    pytest.fail(f"no MySQL server for the tests: none of {', '.join(names)} is on this machine; {_ADVICE}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def private_server(*options: str, place: Path | None = None) -> Iterator[Server]:
    """Start a server of its own, with further options and its files in a folder of `place`, and stop it at the end."""
    program = _program("mariadbd", "mysqld")
    folder = Path(tempfile.mkdtemp(prefix="osiris-my-", dir=place))
    owner = ["--user=root"] if os.geteuid() == 0 else []
    port = free_port()
    places = [f"--datadir={folder / 'data'}", f"--socket={folder / 's'}", f"--pid-file={folder / 'pid'}"]
    listening = ["--skip-networking=0", "--bind-address=127.0.0.1", f"--port={port}"]
    try:
        _initialise(program, folder / "data", owner)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [program, "--no-defaults", *owner, *places, *listening, *_SMALL, *options], stdout=log, stderr=log
            )
        try:
            server = Server("127.0.0.1", port, "root", "")
            _wait(server, process, folder / "log")
            yield server
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _initialise(program: str, data: Path, owner: list[str]) -> None:
    version = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
    if "MariaDB" in version:
        install = _program("mariadb-install-db", "mysql_install_db")
        command = [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal"]
        command += ["--skip-test-db", "--skip-log-bin", *owner]
    else:
        command = [program, "--no-defaults", "--initialize-insecure", f"--datadir={data}", *owner]
    made = subprocess.run(command, check=False, capture_output=True, text=True)
    if made.returncode:
        pytest.fail(f"the MySQL server for the tests cannot be set up: {made.stdout[-2000:]}{made.stderr[-2000:]}")


def _wait(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            server.connect().close()
        except pymysql.Error as error:
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the MySQL server for the tests does not start: {error}; {log.read_text()[-3000:]}")
            time.sleep(0.1)
        else:
            return


@pytest.fixture(scope="session")
def mysql_server() -> Iterator[Server]:
    """A server with local_infile on, and the user that tests connect as."""
    url = os.environ.get(VARIABLE, "")
    with _reached(_named(url)) if url else private_server(place=in_memory()) as server:
        server.execute(
            f"drop user if exists {_USER}@'%'",
            f"create user {_USER}@'%' identified by '{PASSWORD}'",
            f"grant all on *.* to {_USER}@'%'",
        )
        yield server


@contextmanager
def _reached(server: Server) -> Iterator[Server]:
    try:
        server.connect().close()
    except pymysql.Error as error:
        pytest.fail(f"the MySQL server that {VARIABLE} names cannot be reached: {error}; correct it, or {_ADVICE}")
    yield server


@pytest.fixture(scope="session")
def mysql_url(mysql_server: Server) -> str:
    """The server's address for anybody who wants one."""
    user = mysql_server.user + (f":{mysql_server.password}" if mysql_server.password else "")
    return f"mysql://{user}@{mysql_server.host}:{mysql_server.port}"


@pytest.fixture
def mysql_database(mysql_server: Server) -> Iterator[Database]:
    """An empty database; it goes away with the test."""
    name = f"osiris_test_{os.getpid()}_{next(_numbers)}"
    mysql_server.execute(f"create database {name} character set utf8mb4 collate utf8mb4_bin")
    yield Database(mysql_server, name)
    mysql_server.execute(f"drop database {name}")


@pytest.fixture
def without_local_infile(mysql_server: Server) -> Iterator[None]:
    """The server refuses LOAD DATA LOCAL, as MySQL 8 does unless told otherwise."""
    mysql_server.execute("set global local_infile = 0")
    yield
    mysql_server.execute("set global local_infile = 1")


@pytest.fixture(scope="session")
def mysql_tls_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """A server that speaks TLS, and the file with the authority that signed its certificate (for host 127.0.0.1)."""
    folder = tmp_path_factory.mktemp("tls")
    folder.chmod(0o755)
    subject = "-days 2 -subj /CN=osiris-test -addext subjectAltName=IP:127.0.0.1"
    command = f"req -x509 -newkey rsa:2048 -nodes {subject} -keyout {folder / 'key'} -out {folder / 'cert'}"
    made = subprocess.run([_program("openssl"), *command.split()], check=False, capture_output=True, text=True)
    if made.returncode:
        pytest.fail(f"no certificate for the tests: {made.stderr[-2000:]}")
    certificate = (f"--ssl-cert={folder / 'cert'}", f"--ssl-key={folder / 'key'}")
    with private_server(*certificate, place=in_memory()) as server:
        yield server, folder / "cert"
