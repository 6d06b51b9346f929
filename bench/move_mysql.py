"""MySQL and MariaDB as source and target: whole `osiris run`s less the same on ten rows, against hand-made ways."""

from __future__ import annotations

import subprocess
from pathlib import Path

from measure import HERE, Bar, Case, Checkout, race
from movement import (
    CHANGED,
    CHECKSUM,
    DECLARED,
    Servers,
    bar,
    bench_servers,
    client,
    client_command,
    make_project,
    osiris_run,
)
from peers import program_of

from tests.servers.mariadb import Server

_MYSQLCLIENT = """
import sys, pyarrow as pa, pyarrow.parquet as pq
from MySQLdb import _mysql
port, table, out = sys.argv[1:]
types = [pa.int64(), pa.int32(), pa.decimal128(12, 2), pa.string(), pa.string(), pa.timestamp("us"), pa.int8()]
types.append(pa.float64())
schema = pa.schema(list(zip("id customer_id amount status note created_at is_paid weight".split(), types)))
c = _mysql.connect(host="127.0.0.1", port=int(port), user="root", database="bench"); c.set_character_set("utf8mb4")
c.query(f"select * from {table}"); r = c.use_result()
with pq.ParquetWriter(out, schema, compression="zstd") as w:
    while rows := r.fetch_row(maxrows=20000, how=0):
        cols = [pa.array(x, pa.binary()).cast(pa.string()) for x in zip(*rows)]
        cols = [x if t == pa.string() else x.cast(t) for x, t in zip(cols, types)]
        w.write_batch(pa.record_batch(cols, schema=schema))
"""


shared = bench_servers


def own(folder: Path, checkout: Checkout, servers: Servers) -> list[Case]:
    project = make_project(folder, servers)
    return [*_own_reads(project, checkout), *_own_writes(project, _reset(servers.mysql), checkout)]


def bars(folder: Path) -> list[Bar]:
    """Measure all; the folder is for projects and files."""
    with bench_servers(folder) as servers:
        project, server = make_project(folder, servers), servers.mysql
        return [*_reads(folder, project, server), *_writes(folder, project, server)]


def _own_reads(project: Path, checkout: Checkout = HERE) -> list[Case]:
    names = [f"{way}_{table}" for way in ("arrow", "csv", "parquet") for table in ("orders", "few")]
    return [osiris_run(project, name, checkout=checkout) for name in names]


def _own_writes(project: Path, before: list[str], checkout: Checkout = HERE) -> list[Case]:
    tables = [f"table_{table}" for table in ("orders", "few", "postgres_few", "postgres_orders")]
    return [osiris_run(project, name, before, checkout) for name in (*tables, "upsert_changes", "upsert_few_changes")]


def _reset(server: Server) -> list[str]:
    statements = (
        "drop table if exists copied, target, stage; create table target like orders; "
        "insert into target select * from orders"
    )
    return [*client_command(server), "-e", statements]


def _reads(folder: Path, project: Path, server: Server) -> list[Bar]:
    batch = " ".join(client_command(server)) + f" --batch --quick -e 'select * from orders' > {folder / 'batch.tsv'}"
    cases = [Case("batch", ["sh", "-c", batch])]
    peer = program_of("mysqlclient")
    if peer:
        command = [peer, "-c", _MYSQLCLIENT, str(server.port), "orders", str(folder / "peer.parquet")]
        cases.append(Case("mysqlclient", command))
    figures = race([*cases, *_own_reads(project)], rounds=5)
    found = [
        bar("MariaDB -> CSV, 1 M rows, against mariadb --batch", figures, ("csv_orders", "csv_few"), ("batch",), 1.1),
        bar("MariaDB -> Arrow, against the same", figures, ("arrow_orders", "arrow_few"), ("batch",), 0.75),
    ]
    if peer:
        ours = ("parquet_orders", "parquet_few")
        found.append(bar("MariaDB -> Parquet, against mysqlclient and Arrow", figures, ours, ("mysqlclient",), 0.7))
    return found


def _writes(folder: Path, project: Path, server: Server) -> list[Bar]:
    before = _reset(server)
    made = f"create table copied ({DECLARED.replace(' primary key', '')}) character set utf8mb4"
    by_hand = f"{made}; load data local infile '{folder / 'orders'}.tsv' into table copied character set utf8mb4"
    changes = ", ".join(f"{name} = values({name})" for name in CHANGED)
    upsert = (
        f"create table stage ({DECLARED.replace(' primary key', '')}) character set utf8mb4; "
        f"load data local infile '{folder / 'changes'}.tsv' into table stage character set utf8mb4; "
        f"insert into target select * from stage on duplicate key update {changes}; drop table stage"
    )
    cases = [
        Case("load data", [*client_command(server), "-e", by_hand], before=before),
        Case("upsert by hand", [*client_command(server), "-e", upsert], before=before),
        *_own_writes(project, before),
    ]
    figures = race(cases, rounds=3)
    _compare(project, server)
    return [
        bar(
            "Postgres -> MariaDB, new table, against LOAD DATA from a ready file",
            figures,
            ("table_postgres_orders", "table_postgres_few"),
            ("load data",),
            1.1,
        ),
        bar(
            "MariaDB -> MariaDB, the same (reported, no bar: one server does both)",
            figures,
            ("table_orders", "table_few"),
            ("load data",),
            float("inf"),
        ),
        bar(
            "upsert of 200 k rows into 1 M, against the statements by hand",
            figures,
            ("upsert_changes", "upsert_few_changes"),
            ("upsert by hand",),
            1.6,
        ),
    ]


def _compare(project: Path, server: Server) -> None:
    again = "drop table target; create table target like orders; insert into target select * from orders"
    client(server, again)
    subprocess.run(osiris_run(project, "upsert_changes").command, cwd=project, check=True, capture_output=True)
    server.execute("create table again like orders", "insert into again select * from orders", database="bench")
    values = ", ".join(f"{name} = values({name})" for name in CHANGED)
    server.execute(f"insert into again select * from changes on duplicate key update {values}", database="bench")
    sums = [server.execute(CHECKSUM.format(name), database="bench")[0] for name in ("again", "target")]
    print(f"checksums after the upsert: {'equal' if sums[0] == sums[1] else sums}")
