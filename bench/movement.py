"""What the benches of movement between databases share: servers with tables, a project with pipelines, one run of one.

The table is realistic: a key, numbers, decimals, short and long texts with everything in them, moments, truth values.
Rows are made by arithmetic on their number. Private servers hold them.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import psycopg2
from measure import HERE, Bar, Case, Checkout, Figures

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.servers import postgres
from tests.servers.mariadb import Server, private_server

MANY, FEW, START = 10_000_000, 1_000_000, 10
_HASH = "((i * 2654435761) % 1000000007)"
ORDERS = f"""
    i as id, ({_HASH} % 50000)::int as customer_id,
    case when i % 50 <> 7 then ((({_HASH} * 97) % 20000000) - 2000000) / 100 end::decimal(12,2) as amount,
    ['new', 'paid', 'shipped', 'cancelled', 'returned'][1 + ({_HASH} % 5)::int] as status,
    case i % 6 when 0 then null when 1 then '' when 2 then 'Příliš žluťoučký kůň € ' || i
        when 3 then 'He said "hi", it''s' || chr(9) || 'tab and back\\slash ' || i
        when 4 then 'line one' || chr(10) || 'line two 日本語 🚀 ' || i
        else 'order ' || i || ' shipped from warehouse ' || (i * 31) % 97 || ', carrier ref ' || (i * 7919) % 1000003
    end as note,
    case when i % 37 <> 5 then make_timestamp((946684800 + {_HASH} % 946080000) * 1000000 + {_HASH} % 1000000) end
        as created_at,
    case when i % 11 <> 3 then {_HASH} % 2 = 0 end as is_paid,
    case when i % 41 <> 2 then 1 + sqrt(i) * 1.1 end as weight
"""
DECLARED = (
    "id bigint primary key, customer_id int, amount decimal(12,2), status varchar(20), note varchar(200), "
    "created_at datetime(6), is_paid bool, weight double"
)
CHANGED = "customer_id amount status note created_at is_paid weight".split()
CHECKSUM = (
    "select count(*), sum(id), sum(customer_id), sum(amount), sum(length(status)), sum(crc32(note)), "
    "sum(unix_timestamp(created_at)), sum(is_paid), round(sum(weight), 3) from {}"
)
_CONNECTIONS = """\
connections:
  mysql:
    bench: {{host: {my.host}, port: {my.port}, user: {my.user}, database: bench}}
  postgres:
    bench: {{host: {pg.host}, port: {pg.port}, user: {pg.user}, database: bench}}
"""
_READ = """\
oml_version: "0.1.0"
name: {name}
steps:
  - {{id: rows, component: {family}.extractor, mode: read, config: {{connection: "@{family}.bench", table: {table}}}}}
"""
_WRITE = "  - {{id: out, component: {component}, mode: write, config: {{{config}}}}}\n"
_TABLE = "connection: '@mysql.bench', table: {table}, write_mode: {mode}"
_WAYS = {
    "arrow": "",
    "csv": _WRITE.format(component="filesystem.csv_writer", config="path: out/rows.csv"),
    "parquet": _WRITE.format(component="filesystem.parquet_writer", config="path: out/rows.parquet"),
    "table": _WRITE.format(component="mysql.writer", config=_TABLE.format(table="copied", mode="replace")),
    "postgres": _WRITE.format(
        component="postgres.writer",
        config="connection: '@postgres.bench', table: copied, write_mode: replace",
    ),
    "upsert": _WRITE.format(
        component="mysql.writer", config=_TABLE.format(table="target", mode="upsert, primary_key: id")
    ),
}


@dataclass(frozen=True)
class Servers:
    """Where the tables are; PostgreSQL has `orders` and `few`."""

    mysql: Server
    postgres: postgres.Server


@contextmanager
def bench_servers(folder: Path) -> Iterator[Servers]:
    """Servers with room for the tables, and the tables in them."""
    room = ("--innodb-buffer-pool-size=2G", "--innodb-log-file-size=2G", "--innodb-flush-log-at-trx-commit=1")
    with private_server(*room) as server, postgres.private_server(shared_buffers="512MB") as other:
        server.execute("create database bench character set utf8mb4 collate utf8mb4_bin")
        for name, rows in (("orders", "range(1, 1000001)"), ("few", "range(1, 11)"), ("few_changes", "range(1, 11)")):
            load(server, folder, name, f"select {ORDERS} from {rows} t(i)")
        changes = "(from range(1, 1000001) t(i) where i % 20 < 3 union all from range(1000001, 1050001) t(i)) t"
        load(
            server,
            folder,
            "changes",
            f"select * replace (id + 0 as id, 'changed' as status) from (select {ORDERS} from {changes})",
        )
        _load_postgres(other, folder)
        yield Servers(server, other)


def _load_postgres(server: postgres.Server, folder: Path) -> None:
    server.execute("create database bench")
    declared = DECLARED.replace("datetime(6)", "timestamp").replace("double", "double precision")
    place = {"host": server.host, "port": server.port, "user": server.user, "password": server.password}
    with closing(psycopg2.connect(dbname="bench", **place)) as session, session, session.cursor() as cursor:
        for name in ("orders", "few"):
            cursor.execute(f"create table {name} ({declared})")
            with (folder / f"{name}.tsv").open("rb") as file:
                cursor.copy_expert(f"copy {name} from stdin", file)


def load(server: Server, folder: Path, name: str, query: str) -> None:
    """Make a table, through a file in the format of LOAD DATA, which stays."""
    escaped = "note"
    for letter in ("'\\'", "chr(9)", "chr(10)"):
        escaped = f"replace({escaped}, {letter}, '\\' || {letter})"
    duckdb.sql(
        f"copy (select * replace ({escaped} as note, is_paid::int as is_paid) from ({query})) "
        f"to '{folder / name}.tsv' (delimiter '\t', header false, nullstr '\\N', quote '', escape '')"
    )
    server.execute(f"create table {name} ({DECLARED})", database="bench")
    client(
        server,
        f"load data local infile '{folder / name}.tsv' into table {name} character set utf8mb4; analyze table {name}",
    )


def client(server: Server, statement: str, *options: str) -> None:
    subprocess.run([*client_command(server), *options, "-e", statement], check=True, capture_output=True)


def client_command(server: Server) -> list[str]:
    address = ["--host=127.0.0.1", f"--port={server.port}", "--user=root", "--local-infile=1"]
    return ["mariadb", "--no-defaults", *address, "--default-character-set=utf8mb4", "bench"]


def make_project(folder: Path, servers: Servers) -> Path:
    project = folder / "project"
    (project / "out").mkdir(parents=True)
    (project / "osiris.yaml").touch()
    (project / "osiris_connections.yaml").write_text(_CONNECTIONS.format(my=servers.mysql, pg=servers.postgres))
    sources = [("mysql", table) for table in ("orders", "few", "changes", "few_changes", "many")]
    sources += [("postgres", table) for table in ("orders", "few", "many")]
    for way, writer in _WAYS.items():
        for family, table in sources:
            name = f"{way}_{table}" if family == "mysql" else f"{way}_{family}_{table}"
            text = _READ.format(name=name, family=family, table=table) + writer
            (project / f"{name}.yaml").write_text(text)
    return project


def osiris_run(project: Path, name: str, before: Sequence[str] = (), checkout: Checkout = HERE) -> Case:
    """Return the case of one run of a pipeline."""
    return Case(name, [checkout.osiris, "run", "--no-aiop", f"{name}.yaml"], cwd=str(project), before=before)


def bar(what: str, figures: dict[str, Figures], ours: tuple[str, str], base: tuple[str, ...], limit: float) -> Bar:
    """Compare walls: ours less its start, against another way, less its start if a second name is given."""
    moved, floor = _moved(figures, *ours), _moved(figures, *base)
    cpu = figures[ours[0]].cpu - figures[ours[1]].cpu
    detail = f"{moved:.2f} s against {floor:.2f} s; client CPU {cpu:.2f} s, peak {figures[ours[0]].peak_mib:.0f} MiB"
    return Bar(what, moved / floor, limit, detail)


def _moved(figures: dict[str, Figures], name: str, start: str = "") -> float:
    return figures[name].wall - (figures[start].wall if start else 0)
