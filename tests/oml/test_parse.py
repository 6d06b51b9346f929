from __future__ import annotations

from osiris_dagster.columns import Column
from osiris_dagster.oml.compose import compose
from osiris_dagster.oml.model import (
    Check,
    Execution,
    Freshness,
    Incremental,
    Partitions,
    Pipeline,
    Retry,
    Schedule,
    Step,
)
from osiris_dagster.oml.parse import parse

FIRST = """\
oml_version: "0.1.0"
name: orders
description:
schedule: {whatever: 1}
metadata: {intent: know what sells}
params: {day: {default: "2025-01-01"}, n: 3, open: {description: given later}}
profiles: {dev: {params: {n: 1, only_here: x}}, prod: }
steps:
  - {id: a, component: demo.file_reader, mode: read, config: {path: a.csv}}
  - {id: b, component: demo.file_reader, mode: read, config: }
  - {id: c, component: duckdb.processor, mode: transform, needs: [a, b], config: {query: "${params.n}"}}
  - {id: d, component: duckdb.processor, mode: transform, needs: []}
"""

SECOND = """\
oml_version: "0.2.0"
name: orders
owners: [data@example.com]
tags: {domain: sales}
schedule: {cron: "15 3 * * *", timezone: Europe/Prague}
partitions: {type: static, keys: [cz, de]}
freshness: {max_lag: 26h}
concurrency: warehouse
execution: {isolation: step, checkpoint: never}
steps:
  - id: a
    component: mysql.extractor
    mode: read
    description: One day
    retry: {attempts: 3, on: [transient, ambiguous]}
    timeout: 600
    incremental: {cursor: updated_at, initial: 7}
    columns: [{name: id, type: int64, nullable: false}]
    checks:
      - {type: unique, column: [id, day]}
      - {type: sql, name: no_future, query: q, severity: warn}
"""


def test_a_document_of_0_1():
    pipeline = parse(compose(FIRST, "pipelines/orders.yaml"))

    assert pipeline == Pipeline(
        file="pipelines/orders.yaml",
        oml_version="0.1.0",
        name="orders",
        metadata={"intent": "know what sells"},
        params={"day": "2025-01-01", "n": 3, "open": None, "only_here": None},
        profiles={"dev": {"n": 1, "only_here": "x"}, "prod": {}},
        steps=(
            Step(0, "a", "demo.file_reader", "read", (), {"path": "a.csv"}),
            Step(1, "b", "demo.file_reader", "read", ("a",)),
            Step(2, "c", "duckdb.processor", "transform", ("a", "b"), {"query": "${params.n}"}),
            Step(3, "d", "duckdb.processor", "transform", ()),
        ),
    )


def test_a_document_of_0_2():
    pipeline = parse(compose(SECOND, "a.yaml"))

    assert pipeline == Pipeline(
        file="a.yaml",
        oml_version="0.2.0",
        name="orders",
        owners=("data@example.com",),
        tags={"domain": "sales"},
        schedule=Schedule("15 3 * * *", "Europe/Prague"),
        partitions=Partitions("static", keys=("cz", "de")),
        freshness=Freshness("26h"),
        concurrency="warehouse",
        execution=Execution(isolation="step", checkpoint="never"),
        steps=(
            Step(
                0,
                "a",
                "mysql.extractor",
                "read",
                description="One day",
                retry=Retry(3, on=("transient", "ambiguous")),
                timeout=600,
                incremental=Incremental("updated_at", 7),
                columns=(Column("id", "int64", nullable=False),),
                checks=(
                    Check("unique", "unique_id_day", options={"column": ["id", "day"]}),
                    Check("sql", "no_future", "warn", {"query": "q"}),
                ),
            ),
        ),
    )


def test_a_schedule_may_be_a_text_or_follow_updates():
    text = 'oml_version: "0.2.0"\nname: a\nsteps: []\nschedule: '

    assert parse(compose(text + '"0 1 * * *"', "a")).schedule == Schedule("0 1 * * *")
    assert parse(compose(text + "{on: update}", "a")).schedule == Schedule(on_update=True)
