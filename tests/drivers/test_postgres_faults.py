"""What a PostgreSQL server, a network or another session may do to a step, and what is left afterwards."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pyarrow as pa
import pytest

from osiris_dagster.drivers.postgres import copy_blocks, session
from osiris_dagster.drivers.postgres.endpoint import endpoint_of
from osiris_dagster.errors import ConfigError, DriverError
from osiris_dagster.testing.workbench import Workbench
from tests.servers.network import Network, network_to
from tests.servers.places import in_memory
from tests.servers.postgres import PASSWORD, USER, Database, Server, free_port, private_server

ROWS = pa.table({"id": [1, 2, 3], "name": ["a", None, "c"]})
NEW = pa.table({"id": [3, 4], "name": ["x", "y"]})
MODES = ["append", "replace", "upsert"]
AFTER = {"append": [1, 2, 3, 3, 4], "replace": [3, 4], "upsert": [1, 2, 3, 4]}


@pytest.fixture
def bench(tmp_path: Path, postgres_database: Database) -> Workbench:
    return Workbench(tmp_path, postgres_database.connection)


@pytest.fixture
def relayed(bench: Workbench, postgres_server: Server) -> Iterator[tuple[Workbench, Network]]:
    """The bench with a line to the server that can be frozen and cut."""
    with network_to(postgres_server.host, postgres_server.port) as network:
        yield Workbench(bench.root / "relayed", {**bench.connection, "port": network.port}), network


def write(bench: Workbench, rows: Any = ROWS, **options: Any) -> Any:
    parts = {key: options.pop(key) for key in ("run_id", "root_run_id", "retry_of", "reference") if key in options}
    config = {"table": "t", "primary_key": "id", **options}
    return bench.write("postgres.writer", config, rows, **parts)


def ids(bench: Workbench) -> list[int]:
    return sorted(bench.read("postgres.extractor", {"table": "t"})["id"].to_pylist())


def refused(code: str, call: Callable[[], Any]) -> DriverError:
    with pytest.raises(DriverError) as caught:
        call()
    error = caught.value
    assert (error.first.code, bool(error.first.fix), PASSWORD in repr(error)) == (code, True, False)
    return error


def streaming(then: Callable[[], None]) -> pa.RecordBatchReader:
    """New rows, with something that happens when the first of them were taken."""

    def batches() -> Iterator[pa.RecordBatch]:
        yield from NEW.slice(0, 1).to_batches()
        then()
        yield from NEW.slice(1).to_batches()

    return pa.RecordBatchReader.from_batches(NEW.schema, batches())


def end_sessions(database: Database) -> Callable[[], None]:
    statement = (
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = current_database() and application_name like 'osiris/%'"
    )

    def end() -> None:
        assert database.execute(statement)

    return end


# -- connecting --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "code", "found"),
    [
        ({"password": "not-the-password"}, "DRV062", "password authentication failed"),
        ({"user": "nobody_here", "password": "x"}, "DRV062", "authentication failed"),
        ({"database": "no_such_database"}, "DRV062", "does not exist"),
        ({"host": "no-such-host.invalid"}, "DRV061", "no-such-host.invalid"),
        ({"sslmode": "require"}, "DRV062", "SSL"),
    ],
)
def test_a_connection_that_does_not_come_about_is_told_with_alias_and_reason(
    bench: Workbench, fields: dict[str, Any], code: str, found: str
) -> None:
    other = Workbench(bench.root / "other", {**bench.connection, **fields})
    call = {"component": "postgres.extractor", "config": {"table": "t"}, "reference": "@postgres.shop"}
    error = refused(code, lambda: other.read(**call))
    assert "@postgres.shop" in error.first.message
    assert found in error.first.message
    assert "not-the-password" not in str(error)


def test_a_refused_connection_is_tried_again_with_pauses_and_is_transient(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_PAUSES", (0.01, 0.01))
    other = Workbench(bench.root / "other", {**bench.connection, "port": free_port()})
    assert refused("DRV061", lambda: write(other)).retryable == "transient"


@pytest.mark.parametrize(
    "fields",
    [{"host": ""}, {"database": None}, {"url": "postgresql://u:secret-word@h:1:2/%zz"}, {"dsn": "secret-word"}],
)
def test_a_connection_that_says_too_little_or_nonsense_is_a_fault_of_configuration(
    bench: Workbench, fields: dict[str, Any]
) -> None:
    base = {} if {"url", "dsn"} & set(fields) else bench.connection
    other = Workbench(bench.root / "other", {**base, **fields})
    with pytest.raises((ConfigError, DriverError)) as caught:
        write(other)
    assert caught.value.first.code in ("DRV060", "DRV061")
    assert "secret-word" not in f"{caught.value} {caught.value.__cause__}"


@pytest.mark.parametrize("form", ["url", "alchemy", "dsn"])
def test_a_connection_may_be_one_text(bench: Workbench, form: str) -> None:
    c = bench.connection
    address = f"://{c['user']}:{c['password']}@{c['host']}:{c['port']}/{c['database']}"
    text = {
        "url": f"postgres{address}",
        "alchemy": f"postgresql+psycopg2{address}",
        "dsn": f"host={c['host']} port={c['port']} dbname={c['database']} user={c['user']} password={c['password']}",
    }
    other = Workbench(bench.root / "other", {"dsn" if form == "dsn" else "url": text[form], "schema": "deep"})
    write(other)
    assert other.read("postgres.extractor", {"table": "t", "schema": "deep"}).equals(ROWS)
    assert other.read("postgres.extractor", {"table": "t"}).equals(ROWS)


# -- while rows move ---------------------------------------------------------------------------------------------------


def test_a_session_that_the_server_ends_in_mid_reading_is_an_error_and_not_the_end(
    bench: Workbench, postgres_database: Database
) -> None:
    query = "select n, repeat('x', 1000) as t from generate_series(1, 200000) n"
    with bench.opened("postgres.extractor", {"query": query}) as driver:
        reader = driver.read()
        reader.read_next_batch()
        end_sessions(postgres_database)()
        assert refused("DRV063", reader.read_all).retryable == "transient"


@pytest.mark.parametrize("mode", MODES)
def test_a_session_that_the_server_ends_in_mid_write_leaves_the_old_rows_and_a_retry_does_it(
    bench: Workbench, postgres_database: Database, mode: str
) -> None:
    write(bench)
    rows = streaming(end_sessions(postgres_database))
    error = refused("DRV063", lambda: write(bench, rows, write_mode=mode, run_id="one"))
    assert error.retryable == "transient"
    assert ids(bench) == [1, 2, 3]
    write(bench, NEW, write_mode=mode, run_id="two", root_run_id="one", retry_of="one")
    assert ids(bench) == AFTER[mode]


COMMIT = b"commit\0"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("recorded", [True, False])
def test_a_commit_whose_answer_is_lost_is_found_out(
    relayed: tuple[Workbench, Network], bench: Workbench, mode: str, recorded: bool
) -> None:
    far, network = relayed
    write(bench)
    run = {"run_id": "one"} if recorded else {}
    report = write(far, streaming(lambda: network.lose(COMMIT)), write_mode=mode, **run)
    assert report.rows_written == 2
    assert network.connections == 2
    assert ids(bench) == AFTER[mode]
    if recorded:
        again = write(bench, NEW, write_mode=mode, run_id="two", root_run_id="one", retry_of="one")
        assert again.notes
        assert ids(bench) == AFTER[mode]


@pytest.mark.parametrize("mode", MODES)
def test_a_commit_that_does_not_arrive_changes_nothing_and_a_retry_does_it(
    relayed: tuple[Workbench, Network], bench: Workbench, mode: str
) -> None:
    far, network = relayed
    write(bench)
    rows = streaming(lambda: network.lose(COMMIT, arrives=False))
    error = refused("DRV063", lambda: write(far, rows, write_mode=mode, run_id="one"))
    assert (error.retryable, network.lost, ids(bench)) == ("transient", 1, [1, 2, 3])
    write(bench, NEW, write_mode=mode, run_id="two", root_run_id="one", retry_of="one")
    assert ids(bench) == AFTER[mode]


def test_a_commit_that_nobody_can_be_asked_about_is_ambiguous(
    relayed: tuple[Workbench, Network], bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_PAUSES", ())
    far, network = relayed
    write(bench)

    def arm() -> None:
        network.lose(COMMIT)
        network.refuse()

    assert refused("DRV067", lambda: write(far, streaming(arm), run_id="one")).retryable == "ambiguous"
    write(bench, NEW, run_id="two", root_run_id="one", retry_of="one")
    assert ids(bench) == AFTER["append"]


def test_canceling_ends_a_reading_over_a_frozen_line(
    relayed: tuple[Workbench, Network], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_PATIENCE", 0.3)
    far, network = relayed
    query = "select n, repeat('x', 1000) as t from generate_series(1, 200000) n"
    with far.opened("postgres.extractor", {"query": query}) as driver:
        reader = driver.read()
        reader.read_next_batch()
        network.flowing.clear()
        threading.Timer(0.2, driver.cancel).start()
        refused("DRV028", reader.read_all)


def test_a_peer_that_is_gone_is_noticed(bench: Workbench) -> None:
    switch = session.Switch()
    opened = switch.open(endpoint_of(bench.call("postgres.extractor", {"table": "t"})))
    with socket.socket(fileno=os.dup(opened.connection.fileno())) as line:
        idle, between, tries, unanswered = (
            line.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)
        )
        assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    switch.close()
    assert idle + between * tries <= 120
    assert unanswered <= 120_000


@pytest.mark.parametrize("when", ["reading", "writing"])
def test_a_statement_under_way_is_ended_on_the_server_by_cancel(
    bench: Workbench, postgres_database: Database, when: str
) -> None:
    postgres_database.execute(
        "create view public.slow as select pg_sleep(60)::text as s", "grant select on public.slow to public"
    )
    component, config = "postgres.extractor", {"query": "select s from slow"}
    if when == "writing":
        write(bench)
        postgres_database.execute(
            "create function wait() returns trigger language plpgsql as "
            "$$ begin perform pg_sleep(60); return new; end $$",
            "create trigger w before insert on t for each row execute function wait()",
        )
        component, config = "postgres.writer", {"table": "t"}
    with bench.opened(component, config) as driver:
        threading.Timer(0.5, driver.cancel).start()
        start = time.monotonic()
        refused("DRV028", lambda: driver.write(NEW.to_reader()) if when == "writing" else driver.read().read_all())
        assert time.monotonic() - start < 30
    assert wait_for_no_session(postgres_database)


SLEEPY = (
    "create function wait() returns trigger language plpgsql as $$ begin perform pg_sleep(60); return new; end $$",
    "create constraint trigger w after insert on t deferrable initially deferred for each row execute function wait()",
)


def test_a_commit_under_way_is_ended_on_the_server_by_cancel_and_leaves_the_old_rows(
    bench: Workbench, postgres_database: Database
) -> None:
    write(bench)
    postgres_database.execute(*SLEEPY)
    committing = "select 1 from pg_stat_activity where query = 'commit' and state = 'active'"
    with bench.opened("postgres.writer", {"table": "t"}) as driver:

        def cancel() -> None:
            deadline = time.monotonic() + 20
            while not postgres_database.execute(committing) and time.monotonic() < deadline:
                time.sleep(0.02)
            driver.cancel()

        canceler = threading.Thread(target=cancel)
        canceler.start()
        refused("DRV028", lambda: driver.write(NEW.to_reader()))
        canceler.join()
    assert wait_for_no_session(postgres_database)
    assert ids(bench) == [1, 2, 3]


def test_canceling_a_commit_over_a_frozen_line_ends_it_and_a_retry_finds_what_became_of_it(
    relayed: tuple[Workbench, Network], bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_PATIENCE", 0.3)
    far, network = relayed
    write(bench)
    rows = streaming(lambda: network.lose(COMMIT, freezing=True))
    with far.opened("postgres.writer", {"table": "t", "primary_key": "id"}, run_id="one") as driver:
        threading.Timer(0.5, driver.cancel).start()
        refused("DRV028", lambda: driver.write(rows))
    assert network.lost == 1
    write(bench, NEW, run_id="two", root_run_id="one", retry_of="one")
    assert ids(bench) == AFTER["append"]


def wait_for_no_session(database: Database) -> bool:
    for _ in range(100):
        if not database.execute(
            "select 1 from pg_stat_activity where datname = current_database() and application_name like 'osiris/%'"
        ):
            return True
        time.sleep(0.1)
    return False


KILLED = """
import sys, time
from pathlib import Path
import pyarrow as pa
from osiris_dagster.testing.workbench import Workbench
root, port, database, mode = sys.argv[1:]
fields = {"host": "127.0.0.1", "port": port, "database": database, "user": "%s", "password": "%s"}
schema = pa.schema([("id", pa.int64()), ("name", pa.string())])
def batches():
    for n in range(1000):
        yield pa.record_batch({"id": [n], "name": ["x" * 100]}, schema=schema)
        if n == 500:
            print("half", flush=True)
            time.sleep(60)
rows = pa.RecordBatchReader.from_batches(schema, batches())
options = {"table": "t", "write_mode": mode, "primary_key": "id"}
Workbench(Path(root), fields).write("postgres.writer", options, rows, run_id="one")
""" % (USER, PASSWORD)  # noqa: UP031 - braces are those of Python


@pytest.mark.parametrize("mode", MODES)
def test_a_killed_worker_leaves_the_old_rows_and_no_session(
    bench: Workbench, postgres_server: Server, postgres_database: Database, mode: str
) -> None:
    write(bench)
    port = str(postgres_server.port)
    command = [sys.executable, "-c", KILLED, str(bench.root / "killed"), port, postgres_database.name, mode]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
        os.kill(process.pid, signal.SIGKILL)
    assert wait_for_no_session(postgres_database)
    assert ids(bench) == [1, 2, 3]
    assert postgres_database.execute("select relname from pg_class where relname like 'stage%'") == []


# -- other sessions ----------------------------------------------------------------------------------------------------


@pytest.fixture
def other(postgres_database: Database) -> Iterator[psycopg2.extensions.cursor]:
    """Somebody else in the database."""
    server = postgres_database.server
    place = {"host": server.host, "port": server.port, "dbname": postgres_database.name}
    with closing(psycopg2.connect(user=server.user, password=server.password, **place)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor


@pytest.mark.parametrize("mode", MODES)
def test_a_locked_table_is_waited_for_with_a_limit(
    bench: Workbench, other: psycopg2.extensions.cursor, mode: str
) -> None:
    write(bench)
    other.execute("begin; lock table t in exclusive mode")
    error = refused("DRV064", lambda: write(bench, NEW, write_mode=mode, lock_timeout=0.2))
    assert error.retryable == "transient"
    assert f"session {other.connection.info.backend_pid} of " in error.first.message
    other.execute("commit")
    write(bench, NEW, write_mode=mode, lock_timeout=0.2)
    assert ids(bench) == AFTER[mode]


def test_a_deadlock_is_tried_again(bench: Workbench, other: psycopg2.extensions.cursor) -> None:
    write(bench, pa.table({"id": [1, 2], "name": ["a", "b"]}), write_mode="upsert")
    other.execute("set deadlock_timeout = '1h'; begin; update t set name = 'theirs' where id = 2")

    def cross() -> None:
        waiting = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and application_name like 'osiris/%'"
        probe = other.connection.__class__(other.connection.dsn)
        with closing(probe), probe.cursor() as cursor:
            for _ in range(100):
                cursor.execute(waiting)
                if cursor.fetchall():
                    break
                probe.rollback()
                time.sleep(0.05)
        other.execute("update t set name = 'theirs' where id = 1; commit")

    thread = threading.Thread(target=cross)
    thread.start()
    write(bench, pa.table({"id": [1, 2], "name": ["x", "y"]}), write_mode="upsert")
    thread.join()
    assert bench.read("postgres.extractor", {"table": "t", "query": None})["name"].to_pylist() == ["x", "y"]


@pytest.mark.parametrize("mode", MODES)
def test_writes_of_two_runs_to_one_table_follow_each_other(bench: Workbench, mode: str) -> None:
    errors: list[BaseException] = []

    def run(first: int) -> None:
        try:
            rows = pa.table({"id": range(first, first + 20_000), "name": ["x"] * 20_000})
            write(bench, rows, write_mode=mode, run_id=f"run-{first}")
        except DriverError as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(first,)) for first in (0, 20_000, 40_000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(ids(bench)) == (20_000 if mode == "replace" else 60_000)


def test_who_holds_the_lease_of_a_table_is_named(bench: Workbench) -> None:
    write(bench)
    held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        go_on.wait(10)

    slow_trigger = threading.Thread(target=lambda: hold_lease(bench, hold))
    slow_trigger.start()
    held.wait(10)
    error = refused("DRV064", lambda: write(bench, NEW, lock_timeout=0.1))
    go_on.set()
    slow_trigger.join()
    assert "osiris/holder" in error.first.message
    assert "public.t" in error.first.message


def hold_lease(bench: Workbench, hold: Callable[[], None]) -> None:
    from osiris_dagster.drivers.postgres.endpoint import endpoint
    from osiris_dagster.drivers.postgres.lease import take_lease

    switch = session.Switch()
    holder = switch.open(endpoint(bench.connection, "", "holder"))
    with holder.transaction():
        take_lease(holder, "public.t", 1)
        hold()
    switch.close()


# -- rights ------------------------------------------------------------------------------------------------------------


def test_without_the_right_to_keep_the_record_the_run_goes_on_and_says_what_that_means(
    bench: Workbench, postgres_database: Database
) -> None:
    postgres_database.execute(
        f"alter database {postgres_database.name} owner to postgres", f"grant create on schema public to {USER}"
    )
    report = write(bench, run_id="one")
    assert "a retry may write the rows twice" in " ".join(report.notes)
    assert ids(bench) == [1, 2, 3]


def test_a_missing_right_is_named(bench: Workbench, postgres_database: Database) -> None:
    postgres_database.execute("create table public.theirs (id bigint)")
    error = refused("DRV066", lambda: bench.read("postgres.extractor", {"table": "theirs"}))
    assert "theirs" in error.first.message
    error = refused("DRV066", lambda: write(bench, ROWS.select(["id"]), table="theirs"))
    assert "theirs" in error.first.message


def test_a_query_cannot_change_anything_not_even_in_a_function(bench: Workbench, postgres_database: Database) -> None:
    postgres_database.execute(
        "create table public.log (n int)",
        "create function public.sly() returns int language sql as 'insert into public.log values (1) returning n'",
        f"grant all on public.log to {USER}",
    )
    refused("DRV066", lambda: bench.read("postgres.extractor", {"query": "select public.sly() as n"}))
    assert postgres_database.execute("select * from public.log") == []


@pytest.mark.parametrize(
    "query",
    [
        "with gone as (delete from t returning *) select * from gone",
        "insert into t values (9, 'x') returning *",
        "select * from t; drop table t",
        "select 1) to stdout; drop table t; copy (select 1",
        "select 1) as q) to program 'true' --",
        "select * into u from t",
        "create table u as select 1",
        "copy t to '/tmp/out'",
        "select 'open",
        "vacuum t",
    ],
)
def test_a_query_is_one_select(bench: Workbench, query: str) -> None:
    write(bench)
    refused("DRV023", lambda: bench.read("postgres.extractor", {"query": query}))
    assert ids(bench) == [1, 2, 3]


def test_a_filter_cannot_leave_its_brackets(bench: Workbench) -> None:
    write(bench)
    for text in ("true) union all (select 1, 'x'", "true; drop table t", "id in (1"):
        refused("DRV023", lambda text=text: bench.read("postgres.extractor", {"table": "t", "filter": text}))


# -- sizes and names ---------------------------------------------------------------------------------------------------


def test_a_row_that_is_too_large_is_refused_before_it_is_read(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copy_blocks, "LARGEST_ROW", 1 << 20)
    query = {"query": "select repeat('x', 3000000) as t", "batch_bytes": 65536}
    refused("DRV071", lambda: bench.read("postgres.extractor", query))
    found = bench.read("postgres.extractor", {**query, "query": "select repeat('x', 900000) as t"})
    assert len(found["t"][0].as_py()) == 900_000


@pytest.mark.parametrize("options", [{"table": "t" * 64}, {"schema": "š" * 32}])
def test_a_name_that_the_server_would_cut_is_refused(bench: Workbench, options: dict[str, str]) -> None:
    refused("DRV070", lambda: write(bench, **options))


def test_a_column_name_that_the_server_would_cut_is_refused(bench: Workbench) -> None:
    refused("DRV070", lambda: write(bench, ROWS.append_column("n" * 64, pa.array([1, 2, 3]))))


@pytest.mark.parametrize("name", ["Orders", "my table", 'odd "name"', "select", "žluť 😀", "a.b", "%s", "t" * 63])
def test_tables_with_odd_names_are_written_and_read(bench: Workbench, name: str) -> None:
    for mode in MODES:
        write(bench, table=name, schema=name, write_mode=mode)
    assert bench.read("postgres.extractor", {"table": name, "schema": name}).num_rows == 3


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """A server that speaks TLS, and the authority that signed its certificate."""
    folder = tmp_path_factory.mktemp("tls")
    subject = "-days 2 -subj /CN=osiris-test -addext subjectAltName=IP:127.0.0.1"
    command = f"openssl req -x509 -newkey rsa:2048 -nodes {subject} -keyout {folder / 'key'} -out {folder / 'cert'}"
    subprocess.run(command.split(), check=True, capture_output=True)
    with private_server(folder, in_memory()) as server:
        yield server, folder / "cert"


@pytest.mark.parametrize("mode", ["require", "verify-full"])
def test_rows_move_over_tls(bench: Workbench, tls: tuple[Server, Path], mode: str) -> None:
    server, authority = tls
    fields = {"host": server.host, "port": server.port, "user": server.user, "database": "postgres", "sslmode": mode}
    far = Workbench(bench.root / "tls", {**fields, "sslrootcert": str(authority)})
    rows = pa.table({"id": range(50_000), "name": ["x" * (n % 50) for n in range(50_000)]})
    write(far, rows, write_mode="replace", table=f"t_{mode}")
    found = far.read("postgres.extractor", {"table": f"t_{mode}", "batch_bytes": 65536})
    assert found.equals(rows)
