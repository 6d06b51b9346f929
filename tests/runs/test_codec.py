from __future__ import annotations

import json

import pytest

from osiris_dagster.columns import Column
from osiris_dagster.errors import ErrorInfo, Frame
from osiris_dagster.runs.codec import record_as_dict, record_from_dict
from osiris_dagster.runs.record import ArtifactRecord, EventRecord, RunRecord, StepRecord

FULL = RunRecord(
    run_id="a",
    root_run_id="b",
    parent_run_id="c",
    pipeline="orders",
    manifest_hash="d" * 64,
    status="failed",
    start_ms=1,
    end_ms=2,
    steps=(
        StepRecord(
            "one",
            "completed",
            1,
            2,
            3,
            4,
            5,
            6,
            7,
            8,
            (Column("x", "decimal(12,2)", nullable=False), Column("y", "string")),
            (ArtifactRecord("out/x.csv", 9, "e" * 64, "text/csv"),),
            (("duckdb", "ops", "main", "t"),),
            10,
            ("a note",),
        ),
        StepRecord(
            "two",
            "failed",
            error=ErrorInfo(
                "E", "m", "DRV001", "f", "transient", (Frame("a.py", 1, "f", in_project=True),), ErrorInfo("C", "n")
            ),
        ),
        StepRecord("three", "skipped"),
    ),
    events=(EventRecord(1, "run_start"), EventRecord(2, "log", "one", "said", "warning")),
    error=ErrorInfo("R", "run"),
    engine="local",
    origin="cli",
    partition="2026-01-01",
    siblings=("other",),
    versions={"python": "3.11"},
    tags={"domain": "sales"},
)
BARE = RunRecord("a", "a", "", "p", "h", "completed", 0, 0, (), ())


@pytest.mark.parametrize("record", [FULL, BARE])
def test_a_record_survives_json_and_back(record):
    assert record_from_dict(json.loads(json.dumps(record_as_dict(record)))) == record


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"status": "partial"}, ValueError),
        ({"start_ms": "1"}, TypeError),
        ({"start_ms": True}, TypeError),
        ({"end_ms": None}, TypeError),
        ({"run_id": 7}, TypeError),
        ({"siblings": [7]}, TypeError),
        ({"steps": [{"step_id": "x"}]}, KeyError),
        ({"steps": [{**record_as_dict(FULL)["steps"][0], "status": "done"}]}, ValueError),
        ({"steps": [{**record_as_dict(FULL)["steps"][0], "rows_in": 1.5}]}, TypeError),
        ({"events": [{"ts_ms": 1}]}, KeyError),
    ],
)
def test_another_shape_is_refused(change, error):
    with pytest.raises(error):
        record_from_dict({**record_as_dict(FULL), **change})


def test_a_missing_field_is_refused():
    value = record_as_dict(FULL)
    del value["error"]
    with pytest.raises(KeyError, match="error"):
        record_from_dict(value)
