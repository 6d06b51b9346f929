"""MariaDB to PostgreSQL, with and without SQL on the way, against other tools; two tables at once.

Walls and CPU are those of whole processes less those of the same on ten rows, for every tool. Checksums of what arrived
are compared with those of the source.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import closing
from math import inf
from pathlib import Path

import psutil
import psycopg2
from measure import Bar, Case, Checkout, Figures, race
from movement import Servers, bar, bench_servers, make_project, osiris_run
from peers import program_of

_SUMS = (
    "select count(*), sum(id), sum(customer_id), sum(amount), sum(octet_length(status)), {number}, "
    "round(cast(sum(weight) as decimal(30,6)), 2), {moments}, {paid} from {table}"
)
_MYSQL = {
    "number": "sum(conv(substr(md5(note), 1, 8), 16, 10))",
    "moments": "sum(timestampdiff(microsecond, '2000-01-01', created_at))",
    "paid": "sum(is_paid)",
}
_POSTGRES = {
    "number": "sum(('x' || substr(md5(note), 1, 8))::bit(32)::bigint)",
    "moments": "sum((extract(epoch from created_at - timestamp '2000-01-01') * 1000000)::bigint)",
    "paid": "sum(is_paid::int)",
}
_DLT = """
import sys, dlt
from dlt.sources.sql_database import sql_table
source, target, table, state = sys.argv[1:]
rows = sql_table(credentials=source, table=table, backend="connectorx", reflection_level="full_with_precision")
pipeline = dlt.pipeline(f"bench_{table}", destination=dlt.destinations.postgres(target), dataset_name="by_dlt",
                        pipelines_dir=state)
pipeline.run(rows, loader_file_format="csv", write_disposition="replace")
"""
_SUMMED = "select customer_id, count(*) as orders, sum(amount) as amount from df_rows group by 1"
_TOTALS = """\
oml_version: "0.1.0"
name: totals_{table}
steps:
  - {{id: rows, component: mysql.extractor, mode: read, config: {{connection: "@mysql.bench", {source}}}}}
  - {{id: totals, component: duckdb.processor, mode: transform, needs: [rows], config: {{query: "{query}"}}}}
  - {{id: out, component: {writer}, mode: write, needs: [totals], config: {{{target}}}}}
"""
_HEAD = 'oml_version: "0.1.0"\nname: {name}\nsteps:\n'
_COPIED = """\
  - id: {family}
    component: {family}.extractor
    mode: read
    needs: []
    config: {{connection: "@{family}.bench", {read}}}
  - id: {family}_out
    component: filesystem.parquet_writer
    mode: write
    needs: [{family}]
    config: {{path: out/{family}.parquet}}
"""
_WAYS = {"both": ("mysql", "postgres"), "mysql": ("mysql",), "postgres": ("postgres",)}
_SOURCES = {
    "few": "table: few",
    # The start of a run varies by tenths of a second, so the movement must take seconds.
    "many": 'query: "select orders.* from orders, (select 1 as n union all select 2 union all select 3'
    ' union all select 4 union all select 5) as times"',
}


shared = bench_servers


def own(folder: Path, checkout: Checkout, servers: Servers) -> list[Case]:
    project = make_project(folder, servers)
    names = ["postgres_orders", "postgres_few", *_write_totals(project), *_write_both(project)]
    return [osiris_run(project, name, checkout=checkout) for name in names]


def bars(folder: Path) -> list[Bar]:
    """Measure all; the folder is for projects and files."""
    with bench_servers(folder) as servers:
        project = make_project(folder, servers)
        return [*_to_postgres(folder, project, servers), *_with_sql(folder, project, servers), *_both(project)]


def _to_postgres(folder: Path, project: Path, servers: Servers) -> list[Bar]:
    mine, other = servers.mysql, servers.postgres
    cases = [osiris_run(project, "postgres_orders"), osiris_run(project, "postgres_few")]
    source, target = (
        f"mysql+pymysql://root@127.0.0.1:{mine.port}/bench",
        f"{other.user}:any@127.0.0.1:{other.port}/bench",
    )
    dlt, sling = program_of("dlt"), program_of("sling")
    for table in ("orders", "few"):
        if dlt:
            arguments = [source, f"postgresql://{target}", table, str(folder / "dlt")]
            cases.append(Case(f"dlt {table}", [dlt, "-c", _DLT, *arguments], {"RUNTIME__DLTHUB_TELEMETRY": "false"}))
        if sling:
            places = {"MY": f"mysql://root@127.0.0.1:{mine.port}/bench", "PG": f"postgres://{target}?sslmode=disable"}
            streams = ["--src-conn", "MY", "--src-stream", f"bench.{table}", "--tgt-conn", "PG"]
            options = ["--tgt-object", f"public.by_sling_{table}", "--mode", "full-refresh"]
            off = {"SLING_DISABLE_TELEMETRY": "true", "SLING_HOME_DIR": str(folder / "sling")}
            cases.append(Case(f"sling {table}", [sling, "run", *streams, *options], {**places, **off}))
    figures = race(cases, rounds=3)
    race(cases[:1], rounds=1, warm_up=False)  # the last one may have been that on ten rows
    found = mine.execute(_SUMS.format(table="orders", **_MYSQL), database="bench")[0]
    arrived = _sums(servers, "copied")
    print(f"checksums of MariaDB and PostgreSQL: {'equal' if _plain(found) == _plain(arrived) else (found, arrived)}\n")
    ours = ("postgres_orders", "postgres_few")
    what = "MariaDB -> PostgreSQL, new table, against"
    return [
        *([bar(f"{what} dlt with connectorx", figures, ours, ("dlt orders", "dlt few"), 0.35)] if dlt else []),
        *([bar(f"{what} sling", figures, ours, ("sling orders", "sling few"), 0.25)] if sling else []),
    ]


def _sums(servers: Servers, table: str) -> tuple[object, ...]:
    other = servers.postgres
    place = {"host": other.host, "port": other.port, "user": other.user, "password": other.password}
    with closing(psycopg2.connect(dbname="bench", **place)) as session, session.cursor() as cursor:
        cursor.execute(_SUMS.format(table=table, **_POSTGRES))
        return tuple(cursor.fetchone() or ())


def _plain(row: tuple[object, ...]) -> list[float]:
    return [float(str(value)) for value in row]


def _with_sql(folder: Path, project: Path, servers: Servers) -> list[Bar]:
    """Client CPU alone: the two end in different stores, as 0.5.7 cannot write to PostgreSQL without Supabase."""
    cases = []
    other, peer = folder / "0.5.7", program_of("osiris")
    other.mkdir()
    (other / "osiris_connections.yaml").write_text(
        f"version: 1\nconnections:\n  mysql:\n    bench: {{default: true, host: 127.0.0.1, port: {servers.mysql.port}, "
        'user: root, password: "", database: bench}\n'
    )
    for table, name in zip(("orders", "few"), _write_totals(project), strict=True):
        cases.append(osiris_run(project, name))
        parts = {"source": f"query: select * from {table}", "writer": "filesystem.csv_writer"}
        text = _TOTALS.format(table=table, query=_SUMMED, target="path: totals.csv", **parts)
        (other / f"{table}.yaml").write_text(text)
        if peer:
            cases.append(Case(f"0.5.7 {table}", [peer, "run", f"{table}.yaml"], cwd=str(other)))
    figures = race(cases, rounds=3)
    if not peer:
        return []
    ours, theirs = _cpu(figures, "totals_orders", "totals_few"), _cpu(figures, "0.5.7 orders", "0.5.7 few")
    peaks = f"peak {figures['totals_orders'].peak_mib:.0f} MiB against {figures['0.5.7 orders'].peak_mib:.0f} MiB"
    what = "MariaDB -> DuckDB -> PostgreSQL: client CPU against osiris-pipeline 0.5.7, to CSV"
    return [Bar(what, ours / theirs, 1 / 8, f"{ours:.2f} s against {theirs:.2f} s; {peaks}")]


def _write_totals(project: Path) -> list[str]:
    """Write the pipelines with SQL on the way, and return their names."""
    target = "connection: '@postgres.bench', table: totals, write_mode: replace"
    for table in ("orders", "few"):
        parts = {"table": table, "query": _SUMMED, "source": f"table: {table}", "writer": "postgres.writer"}
        (project / f"totals_{table}.yaml").write_text(_TOTALS.format(target=target, **parts))
    return ["totals_orders", "totals_few"]


def _cpu(figures: dict[str, Figures], name: str, start: str) -> float:
    return figures[name].cpu - figures[start].cpu


def _both(project: Path) -> list[Bar]:
    """One pipeline with five times the table of either server, against a pipeline for each, one after the other."""
    figures = race([osiris_run(project, name) for name in _write_both(project)], rounds=3)
    both, *apart = (figures[f"{way}_at_once_many"].wall - figures[f"{way}_at_once_few"].wall for way in _WAYS)
    detail = f"5 M rows each: {both:.2f} s against {' + '.join(f'{wall:.2f}' for wall in apart)} s"
    idle = _idle(project, "both_at_once_many") - _idle(project, "both_at_once_few")
    return [
        Bar("two tables to Parquet at once, against one after the other (reported)", both / sum(apart), inf, detail),
        Bar(
            "idle cores while two tables move", max(idle, 0) / both, 0.3, f"{os.cpu_count()} cores, servers on them too"
        ),
    ]


def _write_both(project: Path) -> list[str]:
    """Write the pipelines of two tables at once and of each alone, and return their names."""
    names = [f"{way}_at_once_{rows}" for way in _WAYS for rows in _SOURCES]
    for name in names:
        way, _, _, rows = name.split("_")
        steps = "".join(_COPIED.format(family=family, read=_SOURCES[rows]) for family in _WAYS[way])
        (project / f"{name}.yaml").write_text(_HEAD.format(name=name) + steps)
    return names


def _idle(project: Path, name: str) -> float:
    """Return the core-seconds in which nothing ran on this machine during a run."""
    case = osiris_run(project, name)
    before = psutil.cpu_times().idle
    subprocess.run(case.command, cwd=case.cwd, env={**os.environ, **(case.env or {})}, check=True, capture_output=True)
    return psutil.cpu_times().idle - before
