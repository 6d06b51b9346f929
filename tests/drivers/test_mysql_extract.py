"""What a step may ask of `mysql.extractor`, and what happens when the question, the server or the network is bad."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pymysql
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from osiris_dagster.drivers.mysql import session
from osiris_dagster.drivers.mysql.settings import settings_of
from osiris_dagster.drivers.stopping import StopSign
from osiris_dagster.errors import DriverError, OsirisError
from osiris_dagster.testing.workbench import Workbench
from tests.servers.mariadb import PASSWORD, Database, Server, free_port
from tests.servers.network import Network, network_to

READER = "mysql.extractor"


@pytest.fixture
def bench(tmp_path: Path, mysql_database: Database) -> Workbench:
    mysql_database.execute(
        "create table t (id int primary key, name varchar(20), amount decimal(10,2))",
        "insert into t values (1, 'a', 1.50), (2, null, null), (3, 'c', 3.00), (4, 'd', 4.25)",
    )
    return Workbench(tmp_path, mysql_database.connection)


def refused(bench: Workbench, config: dict[str, Any], **connection: Any) -> OsirisError:
    """The error of a reading; whatever it says, it says no secret."""
    bench.connection = {**bench.connection, **connection}
    with pytest.raises(OsirisError) as caught:
        bench.read(READER, config)
    error: BaseException | None = caught.value
    while error is not None:
        assert PASSWORD not in f"{error} {error!r}"
        error = error.__cause__
    assert caught.value.first.fix
    return caught.value


# -- options -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["binary", "text"])
@pytest.mark.parametrize(
    ("config", "ids"),
    [
        ({"table": "t"}, [1, 2, 3, 4]),
        ({"table": "t", "filter": "id > 1", "limit": 2, "offset": 1}, [3, 4]),
        ({"table": "t", "offset": 3}, [4]),
        ({"table": "t", "limit": 0}, []),
        ({"table": "t", "filter": "name = 'a' -- the first"}, [1]),
        ({"query": "select * from t order by id desc"}, [4, 3, 2, 1]),
        ({"query": "select * from t order by id desc;  -- the end", "limit": 2}, [4, 3]),
        ({"query": "select * from t order by id desc", "limit": 2, "offset": 1}, [3, 2]),
        ({"query": "(select * from t where id < 2) union all (select * from t where id > 3)", "filter": "id > 1"}, [4]),
        ({"query": "with x as (select * from t) select id, replace(name, 'a', 'b') as n from x where id = 1"}, [1]),
        ({"query": "select id, 'into; -- /*' as n from t /* into */ where id = 2"}, [2]),
    ],
)
def test_options_choose_the_rows(bench: Workbench, protocol: str, config: dict[str, Any], ids: list[int]) -> None:
    assert bench.read(READER, {**config, "protocol": protocol})["id"].to_pylist() == ids


def test_columns_are_read_from_tables_and_queries_in_the_order_asked_for(bench: Workbench) -> None:
    for source in ({"table": "t"}, {"query": "select * from t"}):
        found = bench.read(READER, {**source, "columns": ["name", "id"], "filter": "id < 3"})
        assert found.to_pydict() == {"name": ["a", None], "id": [1, 2]}


def test_batches_have_at_most_the_rows_asked_for(bench: Workbench) -> None:
    with bench.opened(READER, {"table": "t", "batch_size": 3}) as driver:
        assert [batch.num_rows for batch in driver.read()] == [3, 1]


def test_a_table_of_another_database_is_read(bench: Workbench, mysql_database: Database) -> None:
    other = f"{mysql_database.name}_b"
    mysql_database.execute(f"create database {other}", f"create table {other}.`odd ``name` as select 7 as id")
    try:
        found = bench.read(READER, {"table": "odd `name", "database": other})
    finally:
        mysql_database.execute(f"drop database {other}")
    assert found.to_pydict() == {"id": [7]}


def test_the_schema_is_told_without_reading_rows(bench: Workbench, mysql_database: Database) -> None:
    mysql_database.execute("create view slow as select id, sleep(10) as s from t")
    slow = {"query": "select id, s from slow"}
    start = time.monotonic()
    assert bench.schema(READER, slow).names == ["id", "s"]
    assert time.monotonic() - start < 10


# -- bad input ---------------------------------------------------------------------------------------------------------


def test_a_function_that_changes_rows_is_stopped_by_the_transaction(bench: Workbench, mysql_database: Database) -> None:
    mysql_database.execute(
        "set global log_bin_trust_function_creators = 1",
        "create function f() returns int modifies sql data begin delete from t; return 1; end",
    )
    assert refused(bench, {"query": "select f() as x"}).first.code == "DRV023"
    assert mysql_database.execute("select count(*) from t") == [(4,)]


@pytest.mark.parametrize(
    ("config", "code", "words"),
    [
        ({"table": "tt"}, "DRV024", ["there is no table", "did you mean t?"]),
        ({"table": "t", "columns": ["nam"]}, "DRV024", ["there is no column nam", "did you mean name?"]),
        ({"table": "t", "filter": "idd > 0"}, "DRV024", ["idd"]),
        ({"table": "t", "filter": "id >"}, "DRV096", ["SQL syntax"]),
        ({"query": "select * from missing"}, "DRV024", ["missing"]),
        ({"query": "selct 1"}, "DRV023", ["SELCT"]),
        ({"query": "select id from t where id = ?"}, "DRV023", ["a placeholder"]),
        ({"query": "select 1 as x", "table": "t"}, "DRV022", ["both"]),
    ],
)
def test_a_bad_question_is_answered_with_a_code_and_a_way_out(
    bench: Workbench, config: dict[str, Any], code: str, words: list[str]
) -> None:
    error = refused(bench, config)
    shown = f"{error} {error.first.found}"
    assert error.first.code == code
    assert [word for word in words if word not in shown] == []


@pytest.mark.parametrize(
    ("connection", "code"),
    [
        ({"password": "wrong-password"}, "DRV092"),
        ({"user": "nobody-of-that-name"}, "DRV092"),
        ({"host": "no-such-host.invalid"}, "DRV091"),
        ({"port": "three"}, "DRV090"),
        ({"host": ""}, "DRV090"),
        ({"database": "no_such_database"}, "DRV024"),
        ({"ssl_mode": "required"}, "DRV095"),
        ({"ssl_mode": "verify_ca"}, "DRV090"),
        ({"ssl_mode": "verify_ca", "ssl_ca": "no/such/file.pem"}, "DRV095"),
    ],
)
def test_a_bad_connection_is_one_sentence_with_its_place(
    bench: Workbench, connection: dict[str, Any], code: str
) -> None:
    error = refused(bench, {"table": "t"}, **connection)
    assert error.first.code == code
    assert "wrong-password" not in str(error)
    assert (
        any(str(value) in str(error) for value in connection.values() if "wrong" not in str(value)) or code != "DRV091"
    )


def test_a_refused_connection_is_tried_again_with_pauses_and_is_transient(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_PAUSES", (0.01, 0.01))
    port = free_port()
    error = refused(bench, {"table": "t"}, port=port)
    assert isinstance(error, DriverError)
    assert (error.first.code, error.retryable) == ("DRV091", "transient")
    assert str(port) in error.first.message


def test_a_server_that_is_full_is_waited_for(bench: Workbench, mysql_server: Server) -> None:
    most = mysql_server.execute("select @@max_connections")[0][0]
    with mysql_server.connect() as before, before.cursor() as cursor:
        cursor.execute("set global max_connections = 10")
        others: list[Any] = []
        with suppress(pymysql.OperationalError):
            while len(others) < 20:
                others.append(mysql_server.connect(user="osiris_test", password=PASSWORD))
        assert len(others) < 20
        leaving = threading.Timer(0.2, lambda: [other.close() for other in others])
        leaving.start()
        assert bench.read(READER, {"table": "t"}).num_rows == 4
        leaving.join()
        cursor.execute(f"set global max_connections = {most}")


# -- cancel, loss and freeze -------------------------------------------------------------------------------------------


def sessions(server: Server) -> list[Any]:
    return server.execute(
        "select id, command, state, info from information_schema.processlist where user = 'osiris_test'"
    )


def left_sessions(server: Server) -> list[Any]:
    """The sessions of ours that the server still has after a while; there should be none."""
    deadline = time.monotonic() + 20
    while sessions(server) and time.monotonic() < deadline:
        time.sleep(0.05)
    return sessions(server)


@pytest.mark.parametrize("protocol", ["binary", "text"])
def test_canceling_a_statement_that_computes_ends_it_here_and_on_the_server(
    bench: Workbench, mysql_server: Server, mysql_database: Database, protocol: str
) -> None:
    mysql_database.execute("create view slow as select id, sleep(60) as s from t")
    config = {"query": "select id, s from slow", "protocol": protocol}
    with bench.opened(READER, config) as driver:
        canceler = threading.Timer(0.5, driver.cancel)
        canceler.start()
        with pytest.raises(DriverError) as caught:
            driver.read().read_all()
        canceler.join()
        assert caught.value.first.code == "DRV028"
        assert left_sessions(mysql_server) == []


def test_a_reading_given_up_halfway_leaves_no_session(bench: Workbench, mysql_server: Server) -> None:
    query = "select a.id, repeat('x', 100000) as v from t a, t b, t c, t d, t e, t f"
    with bench.opened(READER, {"query": query}) as driver:
        driver.read().read_next_batch()
        assert len(sessions(mysql_server)) == 1
    assert left_sessions(mysql_server) == []


def test_a_session_killed_on_the_server_is_an_error_that_can_be_retried(bench: Workbench, mysql_server: Server) -> None:
    query = "select a.id, repeat('x', 100000) as v from t a, t b, t c, t d, t e, t f"
    with bench.opened(READER, {"query": query}) as driver:
        reader = driver.read()
        reader.read_next_batch()
        ids = mysql_server.execute("select id from information_schema.processlist where user = 'osiris_test'")
        mysql_server.execute(f"kill {ids[0][0]}")
        with pytest.raises(DriverError) as caught:
            reader.read_all()
    assert (caught.value.first.code, caught.value.retryable) == ("DRV093", "transient")


@pytest.fixture
def relayed(bench: Workbench, mysql_server: Server) -> Iterator[tuple[Workbench, Network]]:
    with network_to(mysql_server.host, mysql_server.port) as network:
        yield Workbench(bench.root / "relayed", {**bench.connection, "port": network.port, "read_timeout": 1}), network


BIG = {"query": "select a.id, repeat('x', 1000) as v from t a, t b, t c, t d, t e, t f"}


@pytest.mark.parametrize("protocol", ["binary", "text"])
@pytest.mark.parametrize("freezing", [False, True])
def test_an_orderly_close_in_mid_result_and_a_frozen_network_are_errors(
    relayed: tuple[Workbench, Network], protocol: str, freezing: bool
) -> None:
    bench, network = relayed
    network.stop_after(300_000, freezing=freezing)
    with pytest.raises(DriverError, match=r"read_timeout|timed out" if freezing else None) as caught:
        bench.read(READER, {**BIG, "protocol": protocol})
    assert (caught.value.first.code, caught.value.retryable) == ("DRV093", "transient")


def test_a_peer_that_is_gone_is_noticed(bench: Workbench) -> None:
    opened = session.Session("osiris/test", settings_of(bench.call(READER, {"table": "t"})), StopSign())
    line = opened.open()._sock
    silent = [line.getsockopt(socket.IPPROTO_TCP, option) for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL)]
    tries = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT)
    alive = line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    opened.close()
    assert alive
    assert silent[0] + silent[1] * tries <= 120


# -- TLS ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["preferred", "required", "verify_ca", "verify_identity"])
def test_rows_come_through_tls(tmp_path: Path, mysql_tls_server: tuple[Server, Path], mode: str) -> None:
    server, authority = mysql_tls_server
    server.execute(
        "create or replace user guest@'%' require ssl",
        "grant all on *.* to guest@'%'",
        "create database if not exists d",
        "create or replace table d.t (id int, v longtext)",
        "insert into d.t values " + ", ".join(f"({n}, repeat('x', 2000))" for n in range(5_000)),
    )
    connection = {"host": server.host, "port": server.port, "user": "guest", "database": "d", "ssl_mode": mode}
    bench = Workbench(tmp_path, {**connection, "ssl_ca": str(authority)})
    found = bench.read(READER, {"table": "t"})
    assert pa.compute.sum(pa.compute.utf8_length(found["v"])).as_py() == 10_000_000


def test_a_certificate_of_somebody_else_is_refused(
    tmp_path: Path, mysql_tls_server: tuple[Server, Path], bench: Workbench
) -> None:
    server, authority = mysql_tls_server
    other = {"host": "localhost", "ssl_mode": "verify_identity", "ssl_ca": str(authority)}
    connection = {"user": "root", "password": "", "database": "mysql", "port": server.port}
    assert refused(bench, {"table": "user"}, **connection, **other).first.code == "DRV095"


def test_the_password_scheme_of_mysql_8_works_without_tls():
    """Its first login sends the password encrypted with the server's key, which takes another library."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    salt = bytes(range(1, 21))
    sent = pymysql._auth.sha2_rsa_encrypt(b"p4ss", salt, public)
    oaep = padding.OAEP(mgf=padding.MGF1(algorithm=hashes.SHA1()), algorithm=hashes.SHA1(), label=None)
    received = key.decrypt(sent, oaep)
    assert bytes(a ^ b for a, b in zip(received, salt, strict=False)) == b"p4ss\0"
