"""10 M rows CSV -> filter and projection -> Parquet: a whole `osiris run` against one statement of DuckDB.

A run starts Dagster whatever it moves, so the movement is a run less the same run on ten rows. Types that are locked
are compared with DuckDB guessing them from a sample, types from a look at the whole file with DuckDB looking at it all.

`csv_drivers.py` measures the same movement without Dagster, way by way.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
from csv_drivers import make
from measure import HERE, Bar, Case, Checkout, Figures, race

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
    "import duckdb; duckdb.execute(\"copy (select id, day, customer, amount from read_csv('orders.csv'{look})"
    " where amount > 5000) to 'one.parquet' (compression zstd)\")"
)
_STATEMENTS = {"sample": _STATEMENT.format(look=""), "whole": _STATEMENT.format(look=", sample_size = -1")}
MANY, FEW, START = 10_000_000, 1_000_000, 10
_WAYS = {"locked": "types locked", "unlocked": "types from a look at the whole file"}
_FLOORS = {"locked": "sample", "unlocked": "whole"}


def own(folder: Path, checkout: Checkout) -> list[Case]:
    projects = [_project(folder / str(rows), rows, checkout) for rows in (MANY, START)]
    return [_run(name, project, checkout) for name in _WAYS for project in projects]


def bars(folder: Path) -> list[Bar]:
    cases = own(folder, HERE)
    many, start, few = folder / str(MANY), folder / str(START), _project(folder / str(FEW), FEW, HERE)
    cases += [_run(name, few, HERE) for name in _WAYS]
    for name, statement in _STATEMENTS.items():
        command = [sys.executable, "-c", statement]
        cases += [Case(f"{name} {project.name}", command, cwd=str(project)) for project in (many, start)]
    figures = race(cases, rounds=3)
    for name in ("kept.parquet", "one.parquet"):
        rows = duckdb.sql(f"select count(*), sum(id) from '{many / name}'").fetchall()[0]
        print(f"{name}: rows and sum of ids {rows}")
    return [bar for name in _WAYS for bar in _bars_of(name, figures)]


def _bars_of(name: str, figures: dict[str, Figures]) -> list[Bar]:
    ours, floor = figures[f"{name} {MANY}"], figures[f"{_FLOORS[name]} {MANY}"]
    start, floor_start = figures[f"{name} {START}"], figures[f"{_FLOORS[name]} {START}"]
    small, what = figures[f"{name} {FEW}"], f"10 M rows CSV -> Parquet, {_WAYS[name]}"
    moved, floor_moved = ours.wall - start.wall, floor.wall - floor_start.wall
    cpu = (ours.cpu - start.cpu) / (floor.cpu - floor_start.cpu)
    detail = f"{moved:.1f} s against {floor_moved:.1f} s, each less the same on {START} rows; CPU ratio {cpu:.2f}"
    whole = f"{ours.wall:.1f} s against {floor.wall:.1f} s; CPU {ours.cpu:.1f} s against {floor.cpu:.1f} s"
    memory = f"{ours.peak_mib:.0f} MiB against {small.peak_mib:.0f} MiB"
    return [
        Bar(f"{what}: wall less start-up, against DuckDB", moved / floor_moved, 1.5, detail),
        Bar("the same as whole processes (reported, no bar)", ours.wall / floor.wall, float("inf"), whole),
        Bar("the same: peak memory, 10 M against 1 M rows", ours.peak_mib / small.peak_mib, 1.1, memory),
    ]


def _run(name: str, project: Path, checkout: Checkout) -> Case:
    return Case(f"{name} {project.name}", [checkout.osiris, "run", "--no-aiop", f"{name}.yaml"], cwd=str(project))


def _project(folder: Path, rows: int, checkout: Checkout) -> Path:
    folder.mkdir()
    make(folder, rows)
    (folder / "osiris.yaml").touch()
    (folder / "unlocked.yaml").write_text(_OML)
    (folder / "locked.yaml").write_text(_OML)
    subprocess.run([checkout.osiris, "compile", "--online", "locked.yaml"], cwd=folder, check=True, capture_output=True)
    return folder
