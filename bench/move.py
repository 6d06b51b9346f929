"""Rows out of PostgreSQL through `osiris run`, its start-up taken off, against `psql \\copy` and, where installed, dlt.

    make bench-move            # or: python bench/move.py [--rows 1000000] [--rounds 5]

The server is a private one; every way reads the same table. The wall of `osiris run` is that of its steps, as it
reports it; CPU is that of the whole process less the same run of no rows. dlt is measured with its connectorx backend,
by its own clock around `run`, where it can be installed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from measure import HERE, Bar, Case, Checkout, Figures, race, show
from peers import program_of

ROOT = Path(__file__).resolve().parent.parent
TABLE = """
create table orders as select n::bigint as id, (n * 7919 % 100000)::integer as customer,
  ((n * 2654435761) % 1000000000 / 100.0)::numeric(12,2) as amount,
  case n % 11 when 0 then null when 1 then '' when 2 then 'a "quoted", text' else 'note ' || md5(n::text) end as note,
  case when n % 3 <> 0 then 'žluť ' || n % 977 end as place,
  timestamp '2020-01-01' + n * interval '37 seconds 1 microsecond' as placed, n % 5 = 0 as paid,
  n / 7.0::float8 as score
from generate_series(1::bigint, {rows}) n;
analyze orders;
"""
PIPELINE = """\
oml_version: "0.1.0"
name: {name}
steps:
  - id: orders
    component: postgres.extractor
    mode: read
    config: {{connection: "@postgres.bench", table: orders{limit}}}
"""
PARQUET = """\
  - {{id: out, component: filesystem.parquet_writer, mode: write, config: {{path: {name}.parquet}}}}
"""
DLT = """
import sys, time, dlt
from dlt.sources.sql_database import sql_table
rows = int(sys.argv[3])
limit = (lambda query, table: query.where(table.c.id <= rows)) if rows == 0 else None
table = sql_table(credentials=sys.argv[1], table="orders", backend="connectorx", query_adapter_callback=limit,
                  reflection_level="full_with_precision")
pipeline = dlt.pipeline("bench", destination=dlt.destinations.filesystem("file://" + sys.argv[2]), dataset_name="d",
                        pipelines_dir=sys.argv[2] + "/state")
start = time.perf_counter()
pipeline.run(table, loader_file_format="parquet", write_disposition="replace")
print("\\nseconds", time.perf_counter() - start)
"""


@contextmanager
def shared(_folder: Path, rows: int = 1_000_000) -> Iterator[int]:
    """Yield the port of a server with the table."""
    sys.path.insert(0, str(ROOT))
    from tests.servers.postgres import private_server

    with private_server() as server:
        server.execute(*TABLE.format(rows=rows).split(";\n")[:2])
        yield server.port


def own(folder: Path, checkout: Checkout, port: int) -> list[Case]:
    (folder / "osiris.yaml").touch()
    place = f"{{host: 127.0.0.1, port: {port}, database: postgres, user: postgres}}"
    (folder / "osiris_connections.yaml").write_text(f"connections: {{postgres: {{bench: {place}}}}}\n")
    cases = []
    for name, end, limit in (
        ("arrow", "", ""), ("arrow-start", "", ", limit: 0"), ("parquet", PARQUET, ""),
        ("parquet-start", PARQUET, ", limit: 0"),
    ):  # fmt: skip
        (folder / f"{name}.yaml").write_text((PIPELINE + end).format(name=name, limit=limit))
        run = [checkout.osiris, "run", "--json", "--no-aiop", f"{name}.yaml"]
        cases.append(Case(name, run, cwd=str(folder), seconds=_steps))
    return cases


def bars(folder: Path, rows: int = 1_000_000, rounds: int = 5) -> list[Bar]:
    """Measure all; the folder is for projects and files."""
    with shared(folder, rows) as port:
        figures = race([*own(folder, HERE, port), *_others(folder, port, rows)], rounds, cwd=str(folder))
    return list(_bars(figures))


def _others(folder: Path, port: int, rows: int) -> list[Case]:
    psql = shutil.which("psql") or ""
    copy = ["-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-c", r"\copy orders to 'orders.csv' (format csv)"]
    cases = [Case("psql", [psql, *copy, "postgres"])]
    if peer := program_of("dlt"):
        (folder / "by_dlt.py").write_text(DLT)
        address = f"postgresql+psycopg2://postgres@127.0.0.1:{port}/postgres"
        off = {"RUNTIME__DLTHUB_TELEMETRY": "false"}
        for name, count in (("dlt", rows), ("dlt-start", 0)):
            cases.append(
                Case(name, [peer, "by_dlt.py", address, str(folder / name), str(count)], off, seconds=_printed)
            )
    return cases


def _steps(output: bytes) -> float:
    """The longest step: all of a stream are open for as long."""
    return max(step["duration_ms"] for step in json.loads(output)["steps"]) / 1000


def _printed(output: bytes) -> float:
    return float(output.decode().rpartition("seconds ")[2])


def _bars(figures: dict[str, Figures]) -> list[Bar]:
    def cpu(name: str) -> float:
        return figures[name].cpu - (figures[f"{name}-start"].cpu if f"{name}-start" in figures else 0)

    def detail(name: str) -> str:
        return f"{figures[name].wall:.2f} s wall, {cpu(name):.2f} s CPU, peak {figures[name].peak_mib:.0f} MiB"

    found = []
    for what, own, other, limit in (
        ("PostgreSQL to Arrow against psql \\copy csv", "arrow", "psql", 1.1),
        ("PostgreSQL to Parquet against dlt", "parquet", "dlt", 0.5),
    ):
        if other not in figures:
            continue
        both = f"{detail(own)}; {other} {detail(other)}"
        found.append(Bar(f"{what}, wall", figures[own].wall / figures[other].wall, limit, both))
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        measured = bars(Path(scratch), chosen.rows, chosen.rounds)
    own = {name: version(name) for name in ("pyarrow", "numpy", "psycopg2-binary")}
    packages = ", ".join(f"{name} {number}" for name, number in own.items())
    print(f"{chosen.rows} rows, {os.cpu_count()} cores, Python {platform.python_version()}, {packages}\n")
    show(measured)
