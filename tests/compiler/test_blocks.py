"""Everything that OML 0.2 can say is in the manifest, also what this version does not do yet."""

from __future__ import annotations

import json

from osiris_dagster.compiler.compile import compile_pipeline
from osiris_dagster.compiler.draft import Inputs
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.oml.compose import compose
from osiris_dagster.oml.parse import parse
from osiris_dagster.specs.load import load_catalogue
from tests.compiler.compiling import FACTS, FILE

WHOLE = """\
oml_version: "0.2.0"
name: p
description: All of it
owners: ["${params.team}@example.com"]
tags: {domain: sales, stage: "${params.stage}"}
schedule: {cron: "15 3 * * *", timezone: Europe/Prague}
partitions: {type: static, keys: [cz, de], column: country}
freshness: {max_lag: 26h}
concurrency: warehouse
execution: {isolation: step, target: e2b, checkpoint: always}
params: {team: data, stage: prod, least: 5, since: "2025-01-01", limit: 7, unused: 1}
steps:
  - id: rows
    component: duckdb.extractor
    mode: read
    description: One day
    retry: {attempts: 3, delay: 30, on: [transient, timeout]}
    timeout: 600
    incremental: {cursor: updated_at, initial: "${params.since}", lookback: 1h}
    columns: [{name: id, type: int64, nullable: false}, {name: amount, type: "decimal(12,2)"}]
    checks:
      - {type: not_null, column: id}
      - {type: range, column: amount, min: "${params.least}", severity: warn}
      - {type: sql, name: few, query: "select * from this limit ${params.limit}"}
    config: {connection: "@duckdb.ops", table: orders}
"""


def compiled(text: str) -> Manifest:
    """Compile a text that may say what the validator does not let through yet."""
    document = compose(text, FILE)
    return compile_pipeline(Inputs(parse(document), document, load_catalogue(), connections=FACTS)).manifest


def test_every_block_is_in_the_manifest_with_its_parameters_filled_in():
    value = compiled(WHOLE).to_json()
    assert {key: value[key] for key in ("owners", "tags", "schedule", "partitions", "freshness", "concurrency")} == {
        "owners": ["data@example.com"],
        "tags": {"domain": "sales", "stage": "prod"},
        "schedule": {"cron": "15 3 * * *", "timezone": "Europe/Prague", "on_update": False},
        "partitions": {
            "type": "static", "start": "", "end": "", "timezone": "UTC", "column": "country", "keys": ["cz", "de"],
        },
        "freshness": {"max_lag": "26h"},
        "concurrency": "warehouse",
    }  # fmt: skip
    assert value["execution"] == {
        "engine": "e2b",
        "isolation": "step",
        "checkpoint": "always",
        "params": {"least": 5, "limit": 7, "since": "2025-01-01", "stage": "prod", "team": "data"},
    }


def test_every_block_of_a_step_is_in_the_manifest():
    (step,) = compiled(WHOLE).to_json()["steps"]
    assert {key: step[key] for key in ("retry", "timeout", "incremental", "contract", "checks", "description")} == {
        "retry": {"attempts": 3, "delay": 30, "on": ["transient", "timeout"]},
        "timeout": 600,
        "incremental": {"cursor": "updated_at", "initial": "2025-01-01", "lookback": "1h"},
        "contract": [{"name": "id", "type": "int64", "nullable": False}, {"name": "amount", "type": "decimal(12,2)"}],
        "checks": [
            {"type": "not_null", "name": "not_null_id", "severity": "error", "options": {"column": "id"}},
            {"type": "range", "name": "range_amount", "severity": "warn", "options": {"column": "amount", "min": 5}},
            {"type": "sql", "name": "few", "severity": "error", "options": {"query": "select * from this limit 7"}},
        ],
        "description": "One day",
    }


def test_a_manifest_with_all_blocks_comes_back_from_its_dictionary():
    manifest = compiled(WHOLE)
    again = Manifest.from_json(json.loads(json.dumps(manifest.to_json())))
    assert (again, again.hash) == (manifest, manifest.hash)


def test_each_block_changes_the_hash_of_the_manifest():
    first = compiled(WHOLE)
    for before, after in (
        ("3 * * *", "4 * * *"),
        ("keys: [cz, de]", "keys: [cz]"),
        ("26h", "27h"),
        ("concurrency: warehouse", "concurrency: lake"),
        ("isolation: step", "isolation: pipeline"),
        ("checkpoint: always", "checkpoint: never"),
        ("attempts: 3", "attempts: 4"),
        ("timeout: 600", "timeout: 601"),
        ("lookback: 1h", "lookback: 2h"),
        ("nullable: false", "nullable: true"),
        ("severity: warn", "severity: error"),
    ):
        assert WHOLE.count(before) == 1
        changed = compiled(WHOLE.replace(before, after))
        without_text = {**changed.to_json(), "fingerprints": {}}
        assert without_text != {**first.to_json(), "fingerprints": {}}, after


def test_what_is_not_said_is_not_in_the_manifest():
    plain = compiled(
        'oml_version: "0.2.0"\nname: p\nsteps:\n'
        "  - {id: a, component: duckdb.processor, mode: transform, config: {query: select 1 as a}}\n"
    ).to_json()
    assert plain["execution"] == {"engine": "local", "params": {}}
    assert not {"schedule", "partitions", "freshness", "concurrency"} & plain.keys()
    assert not {"retry", "timeout", "checks", "contract", "incremental"} & plain["steps"][0].keys()
