"""The project whose state is kept: pipelines, connections, and the data that they begin with."""

from __future__ import annotations

from pathlib import Path

import duckdb

FAMILIES = ("duckdb", "postgres", "mysql")
DATABASE = "osiris_old_main"
"""Database of the servers: MariaDB's record of loads knows a target with its database."""
CONNECTIONS = f"""\
connections:
  duckdb:
    ops: {{path: data/ops.duckdb, default: true, description: The shop}}
    db: {{path: data/warehouse.duckdb}}
  postgres:
    db: {{host: 127.0.0.1, port: POSTGRES_PORT, database: {DATABASE}, user: postgres, identity: postgres}}
  mysql:
    db: {{host: 127.0.0.1, port: MYSQL_PORT, database: {DATABASE}, user: root, identity: mysql}}
"""
SEED = """
create table orders as
  select * from (values (1, 'ann', 10.50), (2, 'bob', 4.00), (3, 'ann', 1.25)) as t(id, customer, amount);
create table events as select i as id, timestamp '2026-01-01' + to_hours(i::int) as seen from range(1, 4) t(i);
create table sales as
  select date '2025-01-01' + i::int as day, amount from range(10) t(i), (values (1), (10)) a(amount);
"""
SHOP = """\
oml_version: "0.2.0"
name: shop
description: Orders of each customer.
owners: [data@example.com, team:sales]
tags: {domain: sales}
params: {least: {default: 0}}
steps:
  - id: orders
    component: duckdb.extractor
    mode: read
    checks: [{type: row_count, min: 1}]
    config: {connection: "@duckdb", table: orders}
  - id: totals
    component: duckdb.processor
    mode: transform
    config:
      query: |
        select customer, sum(amount) as total
        from df_orders
        where amount >= ${params.least}
        group by customer
        order by customer
  - id: out
    component: duckdb.writer
    mode: write
    config: {connection: "@duckdb.db", table: totals, write_mode: replace}
"""
_BRANCHED = """\
oml_version: "0.2.0"
name: NAME
EXECUTION
steps:
  - {id: orders, component: duckdb.extractor, mode: read, config: {connection: "@duckdb", table: orders}}
  - id: well
    component: filesystem.csv_writer
    mode: write
    needs: [orders]
    config: {path: output/NAME.csv, write_mode: append}
  - id: cast
    component: duckdb.processor
    mode: transform
    needs: [orders]
    config: {query: "select id, customer::int as n from df_orders"}
  - id: badly
    component: duckdb.writer
    mode: write
    needs: [cast]
    config: {connection: "@duckdb.db", table: NAME, write_mode: append}
"""
SLOW = """\
oml_version: "0.2.0"
name: slow
steps:
  - {id: orders, component: duckdb.extractor, mode: read, config: {connection: "@duckdb", table: orders}}
  - {id: first, component: filesystem.csv_writer, mode: write, needs: [orders], config: {path: output/first.csv}}
  - id: gate
    component: duckdb.extractor
    mode: read
    needs: []
    config: {path: data/gate.duckdb, table: t, lock_timeout: 300}
  - {id: out, component: filesystem.csv_writer, mode: write, needs: [gate], config: {path: output/slow.csv}}
"""
DAYS = """\
oml_version: "0.2.0"
name: days
partitions: {type: daily, start: "2025-01-01", end: "2025-01-11", column: day}
steps:
  - id: sales
    component: duckdb.extractor
    mode: read
    config:
      connection: "@duckdb"
      query: select day, amount from sales where day >= '${partition.start}' and day < ${partition.end}
  - id: sums
    component: duckdb.processor
    mode: transform
    config: {query: "select day, sum(amount)::bigint as total from df_sales group by day order by day"}
  - id: out
    component: duckdb.writer
    mode: write
    config: {connection: "@duckdb.db", table: sums, write_mode: replace}
"""
_LOADED = """\
oml_version: "0.2.0"
name: loaded-FAMILY
steps:
  - {id: orders, component: duckdb.extractor, mode: read, config: {connection: "@duckdb", table: orders}}
  - id: load
    component: FAMILY.writer
    mode: write
    config: {connection: "@FAMILY.db", table: loaded, write_mode: append}
"""
_FOLLOWED = """\
oml_version: "0.2.0"
name: followed-FAMILY
steps:
  - id: new
    component: duckdb.extractor
    mode: read
    incremental: {cursor: id}
    config: {connection: "@duckdb", table: events}
  - id: load
    component: FAMILY.writer
    mode: write
    config: {connection: "@FAMILY.db", table: followed, write_mode: append}
"""
_LOADED_FILE = """\
oml_version: "0.2.0"
name: loaded-csv
steps:
  - {id: orders, component: duckdb.extractor, mode: read, config: {connection: "@duckdb", table: orders}}
  - {id: load, component: filesystem.csv_writer, mode: write, config: {path: output/loaded.csv, write_mode: append}}
"""


def _branched(name: str, execution: str) -> str:
    return _BRANCHED.replace("NAME", name).replace("EXECUTION\n", execution)


PIPELINES = {
    "shop": SHOP,
    "branched": _branched("branched", ""),
    "isolated": _branched("isolated", "execution: {isolation: step}\n"),
    "slow": SLOW,
    "days": DAYS,
    "loaded-csv": _LOADED_FILE,
    **{f"loaded-{family}": _LOADED.replace("FAMILY", family) for family in FAMILIES},
    **{f"followed-{family}": _FOLLOWED.replace("FAMILY", family) for family in FAMILIES},
}


def connect(root: Path, *, postgres: int = 5432, mysql: int = 3306) -> None:
    """Write the connections of the project, with the ports of the servers."""
    text = CONNECTIONS.replace("POSTGRES_PORT", str(postgres)).replace("MYSQL_PORT", str(mysql))
    (root / "osiris_connections.yaml").write_text(text)


def make_project(root: Path) -> None:
    """Write the project and its data, without its connections."""
    for folder in ("pipelines", "data"):
        (root / folder).mkdir(parents=True)
    (root / "osiris.yaml").touch()
    for name, text in PIPELINES.items():
        (root / "pipelines" / f"{name}.yaml").write_text(text)
    for name, statements in (("ops", SEED), ("gate", "create table t as select 1 as n")):
        with duckdb.connect(root / "data" / f"{name}.duckdb") as session:
            session.execute(statements)
