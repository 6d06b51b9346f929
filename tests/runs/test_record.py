from __future__ import annotations

import json
import re

import pytest

from osiris_dagster.codec import MalformedError, from_json, to_json
from osiris_dagster.columns import Column
from osiris_dagster.drivers.base import Artifact as ArtifactRecord
from osiris_dagster.errors import ErrorInfo, Frame
from osiris_dagster.runs.record import EventRecord, RunRecord
from osiris_dagster.steps.report import StepRecord

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
STEPS = to_json(FULL.steps)
BARE = RunRecord("a", "a", "", "p", "h", "completed", 0, 0, (), ())


@pytest.mark.parametrize("record", [FULL, BARE])
def test_a_record_survives_json_and_back(record):
    assert from_json(RunRecord, json.loads(json.dumps(to_json(record)))) == record


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": "partial"}, "status: expected one of completed, failed, canceled, found 'partial'"),
        ({"start_ms": "1"}, "start_ms: expected a whole number, found str"),
        ({"start_ms": True}, "start_ms: expected a whole number, found bool"),
        ({"end_ms": None}, "end_ms: expected a whole number, found null"),
        ({"run_id": 7}, "run_id: expected text, found int"),
        ({"siblings": [7]}, "siblings[0]: expected text, found int"),
        ({"siblings": "abc"}, "siblings: expected an array, found str"),
        ({"steps": [{"step_id": "x"}]}, "steps[0].status: is missing"),
        ({"steps": [{**STEPS[0], "status": "done"}]}, "steps[0].status: expected one of completed, failed, aborted"),
        (
            {"steps": [STEPS[0], {**STEPS[1], "rows_in": 1.5}]},
            "steps[1].rows_in: expected a whole number or null, found float",
        ),
        (
            {"steps": [{**STEPS[1], "error": {"type": "E", "message": "m", "frames": [["a"]]}}]},
            "error.frames[0]: expected",
        ),
        ({"events": [{"ts_ms": 1}]}, "events[0].type: is missing"),
        ({"versions": {"python": 3}}, "versions.python: expected text, found int"),
    ],
)
def test_another_shape_is_refused_with_its_place(change, message):
    with pytest.raises(MalformedError, match=re.escape(message)):
        from_json(RunRecord, {**to_json(FULL), **change})


@pytest.mark.parametrize("value", [None, [], "text", 7])
def test_what_is_no_object_is_refused(value):
    with pytest.raises(MalformedError, match="expected an object"):
        from_json(RunRecord, value)


def test_a_release_reads_what_an_older_and_a_newer_one_wrote():
    older = {name: value for name, value in to_json(FULL.steps[0]).items() if name != "checks"}
    assert from_json(StepRecord, {**older, "not known yet": [1]}) == FULL.steps[0]
