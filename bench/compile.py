"""Validation and compilation in one warm process, in CPU time: many small pipelines, and a wide and long one."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from measure import Bar, Case, Checkout

from osiris_dagster.columns import Column
from osiris_dagster.compiler.compile import compile_pipeline
from osiris_dagster.compiler.draft import Inputs
from osiris_dagster.compiler.lock import LockedSchema, SchemaLock
from osiris_dagster.oml.validate import validate
from osiris_dagster.specs.load import load_catalogue

PIPELINES, WARM_UP = 1_000, 50
OF_A_PROCESS = 300
COLUMNS, STEPS = 200, 20
_FIVE = """\
oml_version: "0.2.0"
name: orders-{n}
owners: [data@example.com]
params: {{least: {{default: {n}}}}}
steps:
  - {{id: orders, component: filesystem.csv_extractor, mode: read, config: {{path: in/orders_{n}.csv}}}}
  - id: kept
    component: duckdb.processor
    mode: transform
    config:
      query: |
        select id, customer, day, amount * {n} as amount
        from df_orders
        where amount > ${{params.least}}
  - id: daily
    component: duckdb.processor
    mode: transform
    config:
      query: |
        select day, customer, sum(amount) as total_{n}, count(*) as orders
        from df_kept
        group by all
  - id: shown
    component: duckdb.processor
    mode: transform
    config: {{query: "select day, upper(customer) as customer, total_{n} / orders as mean from df_daily order by day"}}
  - {{id: out, component: duckdb.writer, mode: write, config: {{path: out.duckdb, table: t_{n}, write_mode: replace}}}}
"""
_ORDERS = (
    Column("id", "int64"),
    Column("customer", "string"),
    Column("day", "date"),
    Column("amount", "decimal(12,2)"),
)


def compiled(text: str, columns: tuple[Column, ...], lock: SchemaLock | None = None) -> SchemaLock:
    """Validate and compile a text; return a lock under which its first step has these columns."""
    catalogue = load_catalogue()
    found = validate(text, "pipelines/p.yaml", catalogue, connections=())
    assert found.pipeline is not None, found.diagnostics
    manifest = compile_pipeline(Inputs(found.pipeline, found.document, catalogue, lock=lock or SchemaLock())).manifest
    if lock is not None:
        assert all(step.columns and step.lineage for step in manifest.steps)
    return SchemaLock({manifest.steps[0].id: LockedSchema(manifest.steps[0].fingerprint, columns)})


def wide() -> str:
    """Return a pipeline of 20 steps over 200 columns, each step with something to compute."""
    head = 'oml_version: "0.2.0"\nname: wide\nsteps:\n'
    first = "  - {id: s0, component: filesystem.csv_extractor, mode: read, config: {path: in.csv}}\n"
    middle = "".join(
        f"  - {{id: s{n}, component: duckdb.processor, mode: transform, "
        f'config: {{query: "select * replace (c{n} + c{n + 1} as c{n}) from df_s{n - 1} where c0 > {n}"}}}}\n'
        for n in range(1, STEPS - 1)
    )
    last = "  - {id: out, component: filesystem.parquet_writer, mode: write, config: {path: out.parquet}}\n"
    return head + first + middle + last


def _cpu(texts: list[str], columns: tuple[Column, ...], locks: list[SchemaLock]) -> float:
    begin = time.process_time()
    for text, lock in zip(texts, locks, strict=True):
        compiled(text, columns, lock)
    return time.process_time() - begin


def own(folder: Path, checkout: Checkout) -> list[Case]:
    """Whole processes, unlike the bars: another checkout may have other functions, the command it has."""
    (folder / "pipelines").mkdir()
    (folder / "osiris.yaml").touch()
    for n in range(OF_A_PROCESS):
        (folder / "pipelines" / f"p{n}.yaml").write_text(_FIVE.format(n=n))
    anew = ["rm", "-rf", ".osiris", "build"]
    return [Case("compile", [checkout.osiris, "compile", "pipelines"], None, anew, cwd=str(folder), judged="cpu")]


def bars(_folder: Path) -> list[Bar]:
    texts = [_FIVE.format(n=n) for n in range(PIPELINES)]
    locks = [compiled(text, _ORDERS) for text in texts]
    _cpu(texts[:WARM_UP], _ORDERS, locks[:WARM_UP])
    each = min(_cpu(texts, _ORDERS, locks) for _ in range(3)) / PIPELINES * 1000
    columns = tuple(Column(f"c{n}", "float64") for n in range(COLUMNS))
    lock = compiled(wide(), columns)
    rounds = [_cpu([wide()], columns, [lock]) for _ in range(6)][1:]
    return [
        Bar("1,000 five-step pipelines: CPU-ms each to validate and compile, warm", each, 5, "best of 3"),
        Bar("200 columns, 20 steps: CPU-s to validate and compile", statistics.median(rounds), 0.5, "median of 5"),
    ]
