"""The entries of the event log. `entries.json` holds them as they stood there before any of this was rewritten."""

import json
from pathlib import Path

import pytest

from osiris_dagster.canonical import canonical_json
from osiris_dagster.codec import MalformedError, from_stamped, stamped
from osiris_dagster.columns import Column
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.drivers.base import Artifact
from osiris_dagster.errors import ErrorInfo, Frame
from osiris_dagster.runs import history
from osiris_dagster.runs.past import PastRun
from osiris_dagster.runs.trace import read_retry, read_trace, retry_entry, trace_entry, versions
from osiris_dagster.steps.report import CheckRecord, StepRecord, StepRetry

ENTRIES = json.loads((Path(__file__).parent / "entries.json").read_text(encoding="utf-8"))
MANIFEST = Manifest("orders daily", "p.yaml", "0.2.0", ())
ERROR = ErrorInfo(
    "DriverError",
    "no table 't'",
    "DRV010",
    "create it",
    "transient",
    (Frame("osiris_dagster/x.py", 7, "read", in_project=True), Frame("duckdb/y.py", 9, "go")),
    ErrorInfo("CatalogException", "t"),
)
STEPS = {
    "completed": StepRecord(
        "load",
        "completed",
        1000,
        2500,
        busy_ms=900,
        rows_in=3,
        rows_out=3,
        bytes_out=48,
        peak_memory_bytes=123456789,
        attempts=2,
        columns=(Column("id", "int64", nullable=False), Column("name", "string")),
        artifacts=(Artifact("out/x.csv", 9, "e" * 64, "text/csv"),),
        writes=(("duckdb", "ops", "main", "t"), ("file", "out", "x.csv")),
        rows_total=10,
        notes=("column b added",),
        checks=(
            CheckRecord("unique_id", "unique", "warn", passed=False, rows=3, failing=1, message="1 of 3 rows"),
            CheckRecord("rows", "row_count", "error", passed=True, rows=3),
        ),
    ),
    "failed": StepRecord(
        "cast",
        "failed",
        1000,
        2000,
        rows_in=3,
        rows_out=0,
        error=ERROR,
        checks=(CheckRecord("rows", "row_count", "error", passed=True, rows=3),),
    ),
    "skipped": StepRecord("after", "skipped", end_ms=2000),
    "canceled": StepRecord(
        "other", "canceled", 1000, 2000, rows_in=0, rows_out=0, error=ErrorInfo("RunError", "stopped")
    ),
}


@pytest.mark.parametrize("status", STEPS)
def test_a_step_stands_in_the_log_as_it_always_did_and_is_read_back(status):
    entry = {**trace_entry(MANIFEST, STEPS[status]), "versions": ENTRIES[status]["versions"]}
    assert canonical_json(entry) == canonical_json({**ENTRIES[status], "manifest": MANIFEST.hash})
    assert read_trace(ENTRIES[status]).step == STEPS[status]


def test_a_failed_attempt_stands_in_the_log_as_it_always_did_and_is_read_back():
    retry = StepRetry("load", 1500, 1, 30000, ERROR)
    assert retry_entry(MANIFEST, retry) == {**ENTRIES["retry"], "manifest": MANIFEST.hash}
    pipeline, event = read_retry(ENTRIES["retry"])
    assert (pipeline, event.type, event.step_id, event.ts_ms) == ("orders daily", "step_retry", "load", 1500)
    assert "DRV010" in event.message


def test_an_earlier_run_stands_in_the_log_as_it_always_did_and_is_read_back():
    past = from_stamped(PastRun, ENTRIES["history"], history.VERSION)
    assert past.measures["load"]["rows_out"] == 3
    assert stamped(past, history.VERSION) == ENTRIES["history"]


def test_an_entry_of_before_there_were_checks_and_versions_is_read():
    step = {name: value for name, value in ENTRIES["failed"]["step"].items() if name != "checks"}
    entry = {name: value for name, value in ENTRIES["failed"].items() if name != "versions"}
    trace = read_trace({**entry, "step": step})
    assert (trace.step.checks, trace.step.error, dict(trace.versions)) == ((), ERROR, {})


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_an_entry_of_another_version_is_not_read(version):
    assert read_trace({**ENTRIES["completed"], "version": version}) is None
    assert read_retry({**ENTRIES["retry"], "version": version}) is None


def test_a_broken_entry_is_refused_with_its_place():
    step = {**ENTRIES["completed"]["step"], "rows_out": "3"}
    with pytest.raises(MalformedError, match=r"step\.rows_out: expected a whole number or null, found str"):
        read_trace({**ENTRIES["completed"], "step": step})


def test_the_software_of_this_process_is_told_by_name():
    assert {"osiris-dagster", "dagster", "duckdb", "pyarrow", "python"} == set(versions())
