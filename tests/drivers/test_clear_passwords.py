"""No server gets a password in clear over a line that others may read; behind TLS and on this machine it does.

The address 0.0.0.0 reaches this machine and is none of its loopback addresses: it stands for a server elsewhere.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from osiris_dagster.drivers.inspection import ConnectionCall
from osiris_dagster.drivers.registry import open_inspector
from osiris_dagster.errors import ConfigError, DriverError
from osiris_dagster.project import Project
from osiris_dagster.specs.load import load_catalogue
from osiris_dagster.testing.workbench import Workbench
from tests.servers import postgres
from tests.servers.mariadb import Server
from tests.servers.places import in_memory

SECRET = "as-it-is-s3cr3t"
ELSEWHERE = "0.0.0.0"


@contextmanager
def _asking_in_clear(certificate: Path | None) -> Iterator[postgres.Server]:
    """A PostgreSQL server that wants the password of the user `clear` in clear."""
    with postgres.private_server(certificate, in_memory()) as server:
        server.execute(f"create role clear login password '{SECRET}'")
        rules = Path(server.execute("show hba_file")[0][0])
        rules.write_text("host all clear 127.0.0.1/32 password\n" + rules.read_text())
        server.execute("select pg_reload_conf()")  # a new session waits until it is read
        yield server


@pytest.fixture(scope="module")
def secured(mysql_tls_server: tuple[Server, Path]) -> Iterator[postgres.Server]:
    with _asking_in_clear(mysql_tls_server[1].parent) as server:
        yield server


@pytest.fixture(scope="module")
def open_to_all() -> Iterator[postgres.Server]:
    with _asking_in_clear(None) as server:
        yield server


def _postgres(root: Path, server: postgres.Server, **fields: str) -> Any:
    connection = {"port": server.port, "user": "clear", "password": SECRET, "database": "postgres", **fields}
    return Workbench(root, connection).read("postgres.extractor", {"query": "select 1 as n"})


@pytest.mark.parametrize(
    "fields",
    [
        {"host": "127.0.0.1", "sslmode": "disable"},
        {"host": "localhost", "sslmode": "prefer"},
        {"host": ELSEWHERE},
        {"host": ELSEWHERE, "sslmode": "allow"},
        {"host": ELSEWHERE, "sslmode": "require"},
        {"dsn": f"host={ELSEWHERE} require_auth=password"},
    ],
)
def test_postgres_gets_it_through_tls_or_on_this_machine(tmp_path: Path, secured: Any, fields: dict[str, str]) -> None:
    assert _postgres(tmp_path, secured, **fields)["n"].to_pylist() == [1]


def test_postgres_gets_it_on_this_machine_without_tls(tmp_path: Path, open_to_all: postgres.Server) -> None:
    assert _postgres(tmp_path, open_to_all, host="127.0.0.1")["n"].to_pylist() == [1]


@pytest.mark.parametrize(
    "fields", [{"host": ELSEWHERE}, {"dsn": f"host=localhost hostaddr={ELSEWHERE}"}, {"host": f"localhost,{ELSEWHERE}"}]
)
def test_postgres_does_not_get_it_without_tls(
    tmp_path: Path, secured: Any, open_to_all: Any, fields: dict[str, str]
) -> None:
    for server, mode in ((secured, {"sslmode": "disable"}), (open_to_all, {}), (open_to_all, {"sslmode": "prefer"})):
        with pytest.raises(DriverError, match="wants the password in clear") as caught:
            _postgres(tmp_path / str(server.port) / str(len(mode)) / mode.get("sslmode", ""), server, **fields, **mode)
        assert (caught.value.first.code, SECRET in repr(caught.value)) == ("DRV062", False)


def test_the_doctor_says_so(tmp_path: Path, open_to_all: postgres.Server) -> None:
    place = {"host": ELSEWHERE, "port": open_to_all.port, "database": "postgres"}
    call = ConnectionCall("@postgres.a", {**place, "user": "clear", "password": SECRET}, Project(tmp_path))
    with closing(open_inspector(load_catalogue()["postgres.extractor"], call)) as inspector:
        found = inspector.probe()

    assert (found.category, "wants the password in clear" in found.message) == ("network", True)


@contextmanager
def _curious(listener: socket.socket, plugin: bytes, tls: ssl.SSLContext | None = None) -> Iterator[list[bytes]]:
    """A MySQL server that asks whoever comes for the password in clear; gives what it was sent."""
    received: list[bytes] = []

    def packet(number: int, body: bytes) -> bytes:
        return struct.pack("<I", len(body))[:3] + bytes([number]) + body

    def serve() -> None:
        line, _ = listener.accept()
        line.settimeout(10)
        low, high = struct.pack("<HH", 0xFFFF if tls else 0xF7FF, 0xFFFF)[:2], b"\xff\xff"
        greeting = b"\x0a8.0.0\0\1\0\0\0" + b"12345678\0" + low + b"\x2d\2\0" + high + b"\x15" + bytes(10)
        line.sendall(packet(0, greeting + b"123456789012\0mysql_native_password\0"))
        if tls:
            line.recv(36)
            line = tls.wrap_socket(line, server_side=True)
        with line:
            received.append(line.recv(65536))
            line.sendall(packet(3 if tls else 2, b"\xfe" + plugin + b"\0\4Password: "))
            received.append(line.recv(65536))

    with listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield received
        thread.join(10)


def _mysql(root: Path, listener: socket.socket, plugin: bytes, tls: ssl.SSLContext | None, **fields: Any) -> Any:
    """The error of a reading from the curious server, and what it was sent."""
    connection = {"user": "u", "password": SECRET, "database": "d", **fields}
    with _curious(listener, plugin, tls) as received, pytest.raises(DriverError) as caught:
        Workbench(root, connection).read("mysql.extractor", {"table": "t"})
    assert SECRET not in repr(caught.value)
    return caught.value.first, received


PLUGINS = pytest.mark.parametrize("plugin", [b"mysql_clear_password", b"dialog"])


@PLUGINS
@pytest.mark.parametrize("mode", ["preferred", "disabled"])
def test_a_mysql_server_that_asks_for_it_without_tls_gets_nothing(tmp_path: Path, plugin: bytes, mode: str) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    host, port = listener.getsockname()
    error, received = _mysql(tmp_path, listener, plugin, None, host=host, port=port, ssl_mode=mode)

    assert (error.code, "wants the password in clear" in error.message) == ("DRV095", True)
    assert [bool(part) for part in received] == [True, False]
    assert SECRET.encode() not in received[0]


@PLUGINS
def test_mysql_gets_it_through_tls(tmp_path: Path, plugin: bytes, mysql_tls_server: tuple[Server, Path]) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(mysql_tls_server[1], mysql_tls_server[1].parent / "key")
    listener = socket.create_server(("127.0.0.1", 0))
    host, port = listener.getsockname()
    _, received = _mysql(tmp_path, listener, plugin, tls, host=host, port=port, ssl_mode="required")

    assert received[1].endswith(SECRET.encode() + b"\0")


@PLUGINS
def test_mysql_gets_it_through_a_socket_of_this_machine(tmp_path: Path, plugin: bytes) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    listener.listen()
    _, received = _mysql(tmp_path / "p", listener, plugin, None, unix_socket=str(tmp_path / "s"), ssl_mode="disabled")

    assert received[1].endswith(SECRET.encode() + b"\0")


def test_a_key_for_rest_goes_over_https_or_stays_on_this_machine(tmp_path: Path) -> None:
    connection = {"url": "http://project.example.com", "key": SECRET}
    with pytest.raises(ConfigError, match="would send its key in clear") as caught:
        Workbench(tmp_path, connection).read("supabase.extractor", {"table": "t"})

    assert (caught.value.first.code, SECRET in repr(caught.value)) == ("DRV060", False)
