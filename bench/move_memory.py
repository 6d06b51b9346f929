"""Peak memory of `osiris run` in every direction: ten million rows against one million, and against ten.

python bench move_memory        # all; a few minutes each for the directions into MariaDB
"""

from __future__ import annotations

import os
from pathlib import Path

import psycopg2
from measure import Bar, race
from movement import MANY, ORDERS, Servers, bench_servers, client_command, load, make_project, osiris_run

_MOST = 350  # MiB on top of what the imports take, which a run on ten rows shows
_WAYS = (
    "arrow", "csv", "parquet", "postgres", "table", "arrow_postgres", "csv_postgres", "parquet_postgres",
    "table_postgres",
)  # fmt: skip


def bars(folder: Path) -> list[Bar]:
    """Measure all, or the ways that OSIRIS_BENCH_WAYS lists; the folder is for projects and files."""
    ways = tuple(filter(None, os.environ.get("OSIRIS_BENCH_WAYS", "").split(","))) or _WAYS
    with bench_servers(folder) as servers:
        project = make_project(folder, servers)
        load(servers.mysql, folder, "many", f"select {ORDERS} from range(1, {MANY + 1}) t(i)")
        _load_postgres(servers, folder)
        reset = [*client_command(servers.mysql), "-e", "drop table if exists copied"]
        return [found for way in ways for found in _peaks(project, way, reset)]


def _load_postgres(servers: Servers, folder: Path) -> None:
    other = servers.postgres
    place = {"host": other.host, "port": other.port, "user": other.user, "password": other.password}
    with psycopg2.connect(dbname="bench", **place) as session, session.cursor() as cursor:
        cursor.execute("create table many (like orders)")
        with (folder / "many.tsv").open("rb") as file:
            cursor.copy_expert("copy many from stdin", file)
    session.close()


def _peaks(project: Path, way: str, reset: list[str]) -> list[Bar]:
    names = [f"{way}_{table}" for table in ("few", "orders", "many")]
    figures = race([osiris_run(project, name, reset) for name in names], rounds=1, warm_up=False)
    few, one, ten = (figures[name].peak_mib for name in names)
    detail = f"{ten:.0f} MiB, {one:.0f} MiB, {few:.0f} MiB with ten rows"
    source, target = ("PostgreSQL" if "_postgres" in way else "MariaDB"), way.partition("_")[0]
    target = {"table": "MariaDB", "postgres": "PostgreSQL"}.get(target, target)
    what = f"{source} -> {target}: peak memory"
    return [
        Bar(f"{what}, 10 M against 1 M rows", ten / one, 1.1, detail),
        Bar(f"{what}, MiB above ten rows", ten - few, _MOST),
    ]
