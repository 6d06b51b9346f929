"""CSV -> filter and projection -> Parquet: the drivers in a chain against one statement of DuckDB.

    python bench/csv_to_parquet.py [--rows 10000000] [--rounds 3] [--folder DIR]

Each way runs in a process of its own, in turn; wall, CPU and peak memory are those of the whole process, start-up
included. Ratios are medians against the first line; "declared" ways know the types before they read.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

COMPONENTS = Path(__file__).resolve().parent.parent / "components"
SOURCE, TARGET = "orders.csv", "kept.parquet"
TYPES = {
    "id": "int64",
    "day": "date",
    "customer": "string",
    "status": "string",
    "amount": "float64",
    "score": "float64",
}
QUERY = "select id, day, customer, amount from {rows} where amount > 5000"
SQL_TYPES = "{id: 'BIGINT', day: 'DATE', customer: 'VARCHAR', status: 'VARCHAR', amount: 'DOUBLE', score: 'DOUBLE'}"
READERS = {
    "duckdb declared": f"read_csv('{SOURCE}', auto_detect=false, header=true, columns={SQL_TYPES})",
    "duckdb sampled": f"read_csv('{SOURCE}')",
    "duckdb whole look": f"read_csv('{SOURCE}', sample_size=-1)",
}
WAYS = (*READERS, "drivers declared", "drivers whole look")


def make(folder: Path, rows: int) -> None:
    """Write the source file; the same number of rows gives the same bytes."""
    import duckdb

    with duckdb.connect() as session:
        session.execute(
            f"""copy (select i as id, date '2020-01-01' + (i % 1500)::int as day,
            'customer ' || (hash(i) % 100000)::varchar as customer,
            ['open', 'paid', 'sent', 'void'][1 + i % 4] as status,
            ((hash(i * 7) % 1000000) / 100)::decimal(10, 2) as amount, (hash(i) % 1000) / 7 as score
            from range({rows}) t(i)) to '{folder / SOURCE}' (header)"""
        )


def run_duckdb(reader: str) -> None:
    """One statement."""
    import duckdb

    duckdb.execute(f"copy ({QUERY.format(rows=reader)}) to '{TARGET}' (compression zstd)")


def run_drivers(*, declared: bool) -> None:
    """Three drivers, each pulling from the one before."""
    import yaml

    from osiris_dagster.columns import Column
    from osiris_dagster.drivers.base import StepCall, TransformInput
    from osiris_dagster.drivers.duckdb import DuckDBDriver
    from osiris_dagster.drivers.filesystem import FilesystemDriver
    from osiris_dagster.project import Project

    here = Path.cwd()

    def call(component: str, **config: object) -> StepCall:
        spec = yaml.safe_load((COMPONENTS / component / "spec.yaml").read_text())
        options = spec["configSchema"]["properties"]
        defaults = {name: rule["default"] for name, rule in options.items() if "default" in rule}
        columns = tuple(Column(name, kind) for name, kind in TYPES.items()) if declared else ()
        return StepCall(
            "bench", "step", component, {**defaults, **config}, {}, Project(here), scratch=here, columns=columns
        )

    source = FilesystemDriver(call("filesystem.csv_extractor", path=SOURCE, parse_dates=True))
    query = DuckDBDriver(call("duckdb.processor", query=QUERY.format(rows="df_orders")))
    target = FilesystemDriver(call("filesystem.parquet_writer", path=TARGET))
    rows = query.transform((TransformInput(("df_orders",), source.read(), 1),))
    target.write(rows)
    for driver in (target, query, source):
        driver.close()


def run(way: str) -> None:
    """Run one way in this process."""
    if way in READERS:
        run_duckdb(READERS[way])
    else:
        run_drivers(declared="declared" in way)


def measured(way: str, folder: Path) -> tuple[float, float, float]:
    """Return wall seconds, CPU seconds and peak MiB of a process that runs one way."""
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, Path(__file__).resolve(), "--way", way], cwd=folder)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"{way} failed")
    unit = 1 if sys.platform == "darwin" else 1024
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 2**20


def table(folder: Path, rows: int, rounds: int) -> dict[str, float]:
    """Measure every way, print the table, and return the peak memory of each."""
    (folder / str(rows)).mkdir(exist_ok=True)
    folder /= str(rows)
    if not (folder / SOURCE).exists():
        make(folder, rows)
    results: dict[str, list[tuple[float, float, float]]] = {way: [] for way in WAYS}
    for number in range(rounds):
        for way in WAYS if number % 2 == 0 else reversed(WAYS):
            results[way].append(measured(way, folder))
    middle = {way: [median(values) for values in zip(*runs, strict=True)] for way, runs in results.items()}
    base = middle[WAYS[1]]
    print(f"\n{rows:,} rows, {(folder / SOURCE).stat().st_size / 1e6:,.0f} MB, {rounds} rounds, ratios to {WAYS[1]!r}")
    print(f"{'':24}{'wall':>8}{'ratio':>8}{'CPU':>8}{'ratio':>8}{'MiB':>8}")
    for way, (wall, cpu, peak) in middle.items():
        print(f"{way:24}{wall:8.2f}{wall / base[0]:8.2f}{cpu:8.2f}{cpu / base[1]:8.2f}{peak:8.0f}")
    return {way: values[2] for way, values in middle.items()}


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="keep the data there; a temporary folder otherwise")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        run(options.way)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        few = table(folder, options.rows // 10, options.rounds)
        many = table(folder, options.rows, options.rounds)
    print("\npeak memory with ten times the rows:")
    for way in WAYS:
        print(f"{way:24}{many[way] / few[way]:8.2f}")


if __name__ == "__main__":
    main()
