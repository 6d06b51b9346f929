"""10 M rows CSV -> filter and projection -> Parquet: a whole `osiris run` against one statement of DuckDB.

`csv_drivers.py` measures the same movement without Dagster, way by way.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
from csv_drivers import make
from measure import Bar, Case, race

_OML = """\
oml_version: "0.1.0"
name: movement
steps:
  - {id: orders, component: filesystem.csv_extractor, mode: read, config: {path: orders.csv, parse_dates: true}}
  - id: large
    component: duckdb.processor
    mode: transform
    config: {query: "select id, day, customer, amount from df_orders where amount > 5000"}
  - {id: out, component: filesystem.parquet_writer, mode: write, config: {path: kept.parquet}}
"""
_STATEMENT = (
    "import duckdb; duckdb.execute(\"copy (select id, day, customer, amount from read_csv('orders.csv')"
    " where amount > 5000) to 'one.parquet' (compression zstd)\")"
)
_OSIRIS = str(Path(sys.executable).parent / "osiris")
MANY, FEW = 10_000_000, 1_000_000


def bars(folder: Path) -> list[Bar]:
    many, few = _project(folder / "many", MANY), _project(folder / "few", FEW)
    run = [_OSIRIS, "run", "--no-aiop"]
    figures = race(
        [
            Case("duckdb", [sys.executable, "-c", _STATEMENT]),
            Case("locked", [*run, "locked.yaml"]),
            Case("unlocked", [*run, "unlocked.yaml"]),
        ],
        rounds=3,
        cwd=str(many),
    )
    small = race([Case("locked", [*run, "locked.yaml"]), Case("unlocked", [*run, "unlocked.yaml"])], 3, cwd=str(few))
    for name in ("kept.parquet", "one.parquet"):
        rows = duckdb.sql(f"select count(*), sum(id) from '{many / name}'").fetchall()[0]
        print(f"{name}: rows and sum of ids {rows}")
    floor = figures["duckdb"]
    found = []
    for name, what in (("locked", "types locked"), ("unlocked", "types from a look at the whole file")):
        ours = figures[name]
        detail = f"{ours.wall:.1f} s against {floor.wall:.1f} s; CPU {ours.cpu:.1f} s against {floor.cpu:.1f} s"
        found.append(
            Bar(f"10 M rows CSV -> Parquet, {what}: wall, against DuckDB", ours.wall / floor.wall, 1.5, detail)
        )
        memory = f"{ours.peak_mib:.0f} MiB against {small[name].peak_mib:.0f} MiB"
        ratio = ours.peak_mib / small[name].peak_mib
        found.append(Bar(f"the same, {what}: peak memory, 10 M against 1 M rows", ratio, 1.1, memory))
    return found


def _project(folder: Path, rows: int) -> Path:
    folder.mkdir()
    make(folder, rows)
    (folder / "osiris.yaml").touch()
    (folder / "unlocked.yaml").write_text(_OML)
    (folder / "locked.yaml").write_text(_OML)
    subprocess.run([_OSIRIS, "compile", "--online", "locked.yaml"], cwd=folder, check=True, capture_output=True)
    return folder
