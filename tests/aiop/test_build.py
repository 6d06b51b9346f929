"""The builder: true numbers, whole references, one byte form, and never too large."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path

import pytest
from cases import CASES, built, raw_facts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from osiris_dagster.aiop.disk.export import seal
from osiris_dagster.aiop.facts.facts import Facts, checked
from osiris_dagster.aiop.facts.map_texts import scrub
from osiris_dagster.aiop.facts.normalize import normalize
from osiris_dagster.aiop.facts.options import MAX_CORE_BYTES, Options
from osiris_dagster.aiop.facts.trim import LADDER, Limits
from osiris_dagster.aiop.gates.judge import judge
from osiris_dagster.aiop.model.evidence import Artifact, Output
from osiris_dagster.aiop.model.jsonld import as_json
from osiris_dagster.aiop.model.package import Package
from osiris_dagster.aiop.sections import build as builder
from osiris_dagster.aiop.sections.build import SECTIONS, build
from osiris_dagster.columns import Column
from osiris_dagster.compiler.manifest import Dataset, Manifest, StepInput, StepPlan
from osiris_dagster.drivers.base import Artifact as ArtifactRecord
from osiris_dagster.errors import AiopError, CoreLimitError, ErrorInfo, Frame
from osiris_dagster.redaction import Redactor
from osiris_dagster.runs.record import EventRecord, RunRecord
from osiris_dagster.steps.report import StepRecord

OTHERS = {"id", "generated", "summary", "metadata"}
START = 1_768_445_700_000


def facts_of(steps, records, **run) -> Facts:
    manifest = Manifest("p", "pipelines/p.yaml", "0.2.0", tuple(steps))
    given_run = {"status": "completed", "start_ms": START, "end_ms": START + 1000, "events": (), **run}
    record = RunRecord("run-1", "run-1", "", "p", manifest.hash, steps=tuple(records), **given_run)
    return Facts(record, manifest)


def plan(step_id, role="processor", needs=(), **parts) -> StepPlan:
    return StepPlan(step_id, "duckdb.processor", "1.0.0", role, parts.pop("config", {}), needs=tuple(needs), **parts)


def package(facts: Facts) -> Package:
    result = build(normalize(scrub(checked(facts), Redactor())))
    assert judge(result.core).reasons == ()
    return result.package


def metric(owner, name):
    return next((m.value for m in owner.metrics if m.metric_name == name), None)


def test_totals_are_those_of_the_record():
    run = built("success").package.run
    assert {m.metric_name: m.value for m in run.metrics} == {
        "steps_selected": 5,
        "steps_completed": 5,
        "duration_ms": 4210,
        "rows_read": 29_230,
        "rows_written": 186,
        "bytes_written": 10_416,
        "peak_memory_bytes": 318_767_104,
        "attempts": 6,
        "artifacts": 1,
        "artifact_bytes": 6_811,
    }


def test_a_failed_writer_has_written_nothing():
    facts = facts_of(
        [plan("w", "writer")],
        [StepRecord("w", "failed", START, START + 5, rows_in=10, rows_out=10)],
        status="failed",
    )
    run = package(facts).run
    assert metric(run, "rows_written") is None
    assert metric(run, "steps_completed") == 0


def test_the_first_failing_step_is_the_one_that_ended_first():
    facts = facts_of(
        [plan("a"), plan("b"), plan("c", needs=["b"])],
        [
            StepRecord("a", "failed", START, START + 9, error=ErrorInfo("Late", "late")),
            StepRecord("b", "failed", START, START + 3, error=ErrorInfo("Early", "early")),
            StepRecord("c", "skipped"),
        ],
        status="failed",
    )
    result = package(facts)
    assert result.run.first_failure == "r:step/b"
    assert [issue.error_type for issue in result.evidence.issues] == ["Early", "Late"]
    assert result.evidence.issues[0].blast_radius == ("p:step/c",)
    assert result.evidence.issues[0].stopped == ("r:step/c",)
    assert result.evidence.issues[1].stopped == ()


def failed(message: str) -> str:
    """The paragraph about the failure of a step whose cause says `message`."""
    error = ErrorInfo("Outer", "it broke", cause=ErrorInfo("Root", message))
    facts = facts_of([plan("a")], [StepRecord("a", "failed", START, START + 1, error=error)], status="failed")
    claims = package(facts).narrative.claims
    assert claims[2].text.startswith("The one step did not complete")
    return claims[3].text


def test_the_narrative_names_a_root_cause_and_does_not_repeat_it():
    assert "At the root of it is Root: “no such file”." in failed("no such file")
    assert "It was raised as Root." in failed("it  broke")


def test_the_narrative_of_a_canceled_run_tells_what_was_under_way_from_what_had_not_started():
    outcome = built("cancellation").package.narrative.claims[-1].text
    assert "“flights”, “delays” and “to_parquet” were under way and were stopped." in outcome
    assert "“to_table” had not started. Nothing was written." in outcome


def test_the_cause_chain_keeps_its_order_and_frames():
    issue = built("failure").package.evidence.issues[0]
    assert (issue.error_type, issue.code, issue.retryable) == ("DriverError", "DRV021", "permanent")
    assert [cause.error_type for cause in issue.causes] == ["ConversionException", "ValueError"]
    assert [frame.file for frame in issue.frames] == ["osiris_dagster/steps/run.py", "osiris_dagster/drivers/duckdb.py"]
    assert issue.fingerprint == raw_facts("failure").record.steps[2].error.fingerprint


def test_a_failed_run_without_any_error_still_has_an_issue():
    for records in ([], [StepRecord("a", "failed", START, START + 1)], [StepRecord("a", "skipped")]):
        issues = package(facts_of([plan("a")], records, status="failed")).evidence.issues
        assert [issue.message for issue in issues] == ["no error was recorded"]


def test_a_run_level_error_beside_a_failed_step_comes_second():
    facts = facts_of(
        [plan("a")],
        [StepRecord("a", "failed", START, START + 1, error=ErrorInfo("Step", "s"))],
        status="failed",
        error=ErrorInfo("Run", "r"),
    )
    assert [issue.error_type for issue in package(facts).evidence.issues] == ["Step", "Run"]


def test_what_was_not_selected_is_planned_and_did_not_run():
    facts = facts_of([plan("a"), plan("b", needs=["a"])], [StepRecord("b", "completed", START, START + 1)])
    result = package(facts)
    assert [step.step_id for step in result.semantic.steps] == ["a", "b"]
    assert [step.step_id for step in result.evidence.step_runs] == ["b"]
    assert "asked for 1 of the steps" in result.narrative.claims[0].text


def test_columns_of_the_run_are_shown_where_they_differ_from_the_plan():
    known, seen = (Column("x", "int64"),), (Column("x", "int64"), Column("y", "string"))
    facts = facts_of(
        [plan("a", columns=known), plan("b", columns=known), plan("c")],
        [
            StepRecord("a", "completed", START, START + 1, columns=known),
            StepRecord("b", "completed", START, START + 1, columns=seen),
            StepRecord("c", "completed", START, START + 1, columns=seen),
        ],
    )
    same, other, late = package(facts).evidence.step_runs
    assert same.columns == ()
    assert [column.id for column in other.columns] == ["r:step/b/column/x", "r:step/b/column/y"]
    assert [column.name for column in late.columns] == ["x", "y"]


def test_two_columns_of_one_name_stay_two():
    twice = (Column("x", "int64"), Column("x", "string"))
    result = package(facts_of([plan("a", columns=twice)], []))
    assert [column.id for column in result.semantic.steps[0].columns] == ["p:step/a/column/x", "p:step/a/column/x-2"]


def test_an_artifact_is_a_version_of_the_file_or_folder_that_was_written():
    files = [("file", "out", "day"), ("file", "out", "one.csv")]
    artifacts = tuple(
        ArtifactRecord(path, 1, "0" * 64, "text/csv") for path in ("out/day/part-1.csv", "out/one.csv", "elsewhere.csv")
    )
    facts = facts_of(
        [plan("w", "writer", writes=tuple(Dataset(key) for key in files))],
        [StepRecord("w", "completed", START, START + 1, rows_out=4, artifacts=artifacts, writes=(files[1],))],
    )
    made = package(facts).evidence.step_runs[0].produces
    assert [(a.path, a.version_of) for a in made if isinstance(a, Artifact)] == [
        ("elsewhere.csv", ""),
        ("out/day/part-1.csv", "osiris://dataset/file/out/day"),
        ("out/one.csv", "osiris://dataset/file/out/one.csv"),
    ]
    assert [(o.version_of, o.records) for o in made if isinstance(o, Output)] == [
        ("osiris://dataset/file/out/one.csv", 4)
    ]


def test_a_table_behind_a_query_gets_no_columns_of_the_query():
    facts = raw_facts("success")
    steps = list(facts.manifest.steps)
    steps[0] = replace(steps[0], config={"query": "select 1 as x"})
    manifest = replace(facts.manifest, steps=tuple(steps))
    record = replace(facts.record, manifest_hash=manifest.hash)
    result = package(replace(facts, manifest=manifest, record=record))
    datasets = {dataset.name: dataset.columns for dataset in result.semantic.datasets}
    assert datasets["duckdb/ops/main/flights"] == ()
    assert len(datasets["duckdb/ops/main/delays"]) == 5


def test_only_values_that_a_spec_exports_leave_the_project():
    config = {field.name: field for field in built("success").package.semantic.steps[0].config}
    assert config["table"].setting == "flights"
    assert (config["batch_rows"].setting, config["batch_rows"].value_type) == ("", "integer")
    assert config["batch_rows"].description == "Rows of one batch."


def test_without_a_spec_no_configuration_value_leaves():
    facts = facts_of([plan("a", config={"password": "hunter2", "n": 1})], [])
    result = package(facts)
    assert [(f.name, f.value_type, f.setting) for f in result.semantic.steps[0].config] == [
        ("n", "integer", ""),
        ("password", "string", ""),
    ]
    assert result.metadata.withheld_values == 2


@pytest.mark.parametrize(
    ("text", "source", "said"),
    [
        ({"intent": "To know.", "description": "x"}, "metadata.intent", "states its purpose: To know."),
        ({"description": "Loads orders"}, "description", "describes it: Loads orders."),
        ({"commit": "To count."}, "commit", "commit that brought the file states its purpose: To count."),
        ({}, "inferred", "Judging by its steps: it reads data/a.csv and writes duckdb/ops/main/t."),
    ],
)
def test_the_intent_names_its_source(text, source, said):
    steps = [
        plan("r", "extractor", reads=(Dataset(("file", "data", "a.csv")),)),
        plan("w", "writer", writes=(Dataset(("duckdb", "ops", "main", "t")),)),
    ]
    facts = facts_of(steps, [])
    said_there = {key: value for key, value in text.items() if key != "commit"}
    manifest = replace(facts.manifest, **said_there)
    facts = replace(facts, commit_intent=text.get("commit", ""))
    result = package(replace(facts, manifest=manifest, record=replace(facts.record, manifest_hash=manifest.hash)))
    assert result.pipeline.intent.intent_source == source
    assert said in result.narrative.claims[1].text


@pytest.mark.parametrize("case", CASES)
def test_every_claim_cites_evidence_of_this_package(case):
    value = json.loads(built(case).core)
    text = json.dumps({key: part for key, part in value.items() if key != "narrative"})
    for claim in value["narrative"]["claims"]:
        assert claim["cites"]
        assert all(f'"@id": "{cited}"' in text for cited in claim["cites"])


def test_the_text_that_ran_is_told_from_a_text_that_was_changed_since():
    facts = raw_facts("success")
    assert package(facts).semantic.source.matches_run is True
    assert package(replace(facts, oml=facts.oml + "# new")).semantic.source.matches_run is False
    bare = facts_of([plan("a")], [])
    assert package(replace(bare, oml="name: p")).semantic.source.matches_run is None
    assert package(bare).semantic.source is None


def test_a_clock_that_runs_backwards_is_said_and_does_no_harm():
    facts = facts_of(
        [plan("a")], [StepRecord("a", "completed", START + 9, START + 2)], start_ms=START, end_ms=START - 50
    )
    result = package(facts)
    assert metric(result.evidence.step_runs[0], "duration_ms") == 0
    assert "ran backwards" in result.evidence.step_runs[0].notes[0]
    assert any("ran backwards" in event.log_message for event in result.evidence.timeline)


def test_a_log_that_is_silent_about_starts_and_ends_is_completed_from_the_record():
    facts = facts_of([plan("a")], [StepRecord("a", "completed", START + 1, START + 2)])
    assert [event.type for event in package(facts).evidence.timeline] == [
        "run_start",
        "step_start",
        "step_complete",
        "run_end",
    ]


def test_times_outside_of_the_calendar_are_brought_back_into_it():
    facts = facts_of([plan("a")], [StepRecord("a", "completed", -5, 10**18)], start_ms=-5, end_ms=10**18)
    assert package(facts).run.end_time == "9999-12-31T23:59:59.999Z"


def test_a_step_without_an_end_ended_with_the_run():
    facts = facts_of([plan("a")], [StepRecord("a", "canceled", START, None)], status="canceled")
    assert metric(package(facts).evidence.step_runs[0], "duration_ms") == 0


def test_a_manifest_of_another_run_is_refused():
    facts = facts_of([plan("a")], [])
    with pytest.raises(AiopError, match="is not the one that run run-1 used") as caught:
        checked(replace(facts, manifest=replace(facts.manifest, description="changed")))
    assert caught.value.first.code == "AIO002"


def test_a_record_of_an_unknown_step_is_refused():
    with pytest.raises(AiopError, match="steps that its manifest does not have") as caught:
        checked(facts_of([plan("a")], [StepRecord("b", "skipped")]))
    assert caught.value.first.found == "b"


def large(steps, events, columns, text="", width=1) -> Facts:
    ids = [f"step {n}{text}" for n in range(steps)]
    many = [f"{n}{text}" for n in range(width)]
    shape = tuple(Column(f"c{n}{text}", "string") for n in range(columns))
    error = ErrorInfo("E" + text, text, text, text, frames=tuple(Frame(text, 1, text) for _ in range(30)))
    for _ in range(12):
        error = replace(error, cause=error if error.cause is None else replace(error, cause=error.cause))
    plans = [
        plan(
            step_id,
            needs=ids[max(0, n - width) : n],
            inputs=tuple(StepInput(need, tuple(many)) for need in ids[max(0, n - width) : n]),
            columns=shape,
            config=dict.fromkeys(many, text),
            writes=tuple(Dataset(("file", name)) for name in many),
        )
        for n, step_id in enumerate(ids)
    ]
    records = [
        StepRecord(
            step_id,
            "failed" if n % 3 else "completed",
            START,
            START + n,
            rows_out=1,
            columns=shape[::-1],
            notes=tuple(many),
            artifacts=tuple(ArtifactRecord(name, 1, "0" * 64, text) for name in many),
            writes=tuple(("file", name) for name in many),
            error=error if n % 3 else None,
        )
        for n, step_id in enumerate(ids)
    ]
    told = tuple(EventRecord(START + n, "log", ids[n % steps], text) for n in range(events))
    facts = facts_of(plans, records, status="failed", events=told, siblings=tuple(many))
    manifest = replace(facts.manifest, intent=text, owners=tuple(many), tags=dict.fromkeys(many, text))
    return replace(facts, manifest=manifest, record=replace(facts.record, manifest_hash=manifest.hash), oml=text * 9)


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param((44, 600, 11), id="an ordinary large run"),
        pytest.param((320, 1200, 3), id="many steps"),
        pytest.param((3, 10, 1200), id="a wide table"),
        pytest.param((10, 40, 8, "\U0001f600" * 800, 8), id="long text everywhere"),
        pytest.param((4, 20_000, 1, "x" * 50), id="many events"),
    ],
)
def test_a_core_never_grows_beyond_its_limit_and_counts_what_it_leaves_out(sizes):
    facts = large(*sizes)
    result = build(normalize(scrub(checked(facts), Redactor())))
    assert len(result.core) <= MAX_CORE_BYTES
    assert judge(result.core).reasons == ()
    lost = {item.section: item for item in result.package.metadata.truncations}
    steps, shown = len(facts.manifest.steps), len(result.package.semantic.steps)
    assert lost["steps"].dropped == steps - shown if steps > shown else "steps" not in lost
    assert result.package.run.first_failure
    assert result.package.pipeline.step_count == steps


def test_the_first_failing_step_is_never_left_out():
    steps = [plan(f"s{n}") for n in range(340)]
    records = [StepRecord(f"s{n}", "failed", START, START + 340 - n) for n in range(340)]
    records[170] = replace(records[170], end_ms=START)
    result = package(facts_of(steps, records, status="failed"))
    assert result.run.first_failure == "r:step/s170"
    assert result.evidence.issues[0].about == "r:step/s170"


def test_start_end_and_failures_stay_when_the_middle_of_the_timeline_goes():
    told = tuple(EventRecord(START + n, "log", "a", f"line {n}") for n in range(1500))
    facts = facts_of(
        [plan("a")],
        [StepRecord("a", "failed", START, START + 700)],
        status="failed",
        events=told,
        end_ms=START + 9000,
    )
    timeline = package(replace(facts, options=Options(timeline_density="high"))).evidence.timeline
    kinds = [event.type for event in timeline]
    assert kinds[0] == "run_start"
    assert kinds[-1] == "run_end"
    assert "step_failed" in kinds
    messages = [event.log_message for event in timeline if event.log_message]
    assert (messages[0], messages[-1]) == ("line 0", "line 1499")


def test_a_package_that_cannot_be_made_small_enough_is_an_error_with_a_way_out(monkeypatch):
    monkeypatch.setattr(builder, "LADDER", (Limits(events=10, steps=5, columns=5, text=200, oml=200, items=5),))
    with pytest.raises(CoreLimitError, match="larger than a core may be") as caught:
        build(normalize(replace(raw_facts("success"), options=Options(max_core_bytes=1000))))
    assert (caught.value.first.code, caught.value.exit_code) == ("AIO006", 4)


def test_nothing_but_text_numbers_flags_and_nodes_can_be_exported():
    claim = built("success").package.narrative.claims[0]
    with pytest.raises(TypeError, match="a package holds no dict"):
        as_json(replace(claim, text={"a": "b"}))


def test_limits_only_get_tighter():
    for before, after in pairwise(LADDER):
        assert all(getattr(after, f.name) <= getattr(before, f.name) for f in fields(Limits))


def test_sections_fill_exactly_the_fields_of_a_package():
    assert {name for name, _ in SECTIONS} == {f.name for f in fields(Package)} - {
        "id",
        "generated",
        "summary",
        "metadata",
    }


BUILD = """
import sys, random
sys.path.insert(0, sys.argv[1])
from dataclasses import fields, replace
from pathlib import Path
from cases import logs, raw_facts
from osiris_dagster.aiop.disk.export import seal
from osiris_dagster.aiop.facts.map_texts import scrub
from osiris_dagster.canonical import sha256
from osiris_dagster.redaction import Redactor
facts = raw_facts(sys.argv[2])
logs_of = logs(sys.argv[2])
events = list(facts.record.events)
random.Random(int(sys.argv[3])).shuffle(events)
facts = scrub(replace(facts, record=replace(facts.record, events=tuple(events))), Redactor())
sealed = seal(facts, Path.cwd(), logs_of)
print(sealed.verdict.valid, sha256(sealed.files["digests.json"]))
"""


@pytest.mark.parametrize("case", ["success", "hostile"])
def test_hash_seed_zone_locale_folder_and_order_of_events_do_not_matter(case, tmp_path):
    settings_of = [
        {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C"},
        {"PYTHONHASHSEED": "77", "TZ": "Pacific/Auckland", "LC_ALL": "tr_TR.UTF-8", "PYTHONUTF8": "0"},
    ]
    digests = set()
    for number, environment in enumerate(settings_of):
        folder = tmp_path / str(number)
        folder.mkdir()
        done = subprocess.run(
            [sys.executable, "-c", BUILD, str(Path(__file__).parent), case, str(number)],
            cwd=folder,
            env={**os.environ, **environment},
            capture_output=True,
            check=True,
        )
        digests.add(done.stdout.decode().strip())
    (only,) = digests
    assert only.startswith("True ")


def test_equal_events_in_another_order_are_the_same_package():
    facts = raw_facts("hostile")
    events = list(facts.record.events)
    random.Random(7).shuffle(events)
    other = replace(facts, record=replace(facts.record, events=tuple(events)))
    assert build(normalize(scrub(other, Redactor()))).core == build(normalize(scrub(facts, Redactor()))).core


anything = st.text(max_size=30) | st.sampled_from(["a.b", "_run", "`|`", "\x1b[31m", "\u202e", "<b>", "p:x", "@id"])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    ids=st.lists(anything.filter(bool), min_size=1, max_size=4, unique=True),
    words=st.lists(anything, min_size=6, max_size=6),
    numbers=st.lists(st.integers(0, 2**53 - 1) | st.none(), min_size=3, max_size=3),
)
def test_whatever_the_names_and_messages_are_the_package_is_valid(ids, words, numbers):
    a, b, c, d, e, f = words
    steps = [
        plan(i, config={a: b, c: [d]}, description=e, columns=(Column(f, "string"),), reads=(Dataset((a or "k", b)),))
        for i in ids
    ]
    records = [
        StepRecord(
            i,
            "failed",
            START,
            START + n,
            rows_in=numbers[0],
            rows_out=numbers[1],
            notes=(a, a),
            error=ErrorInfo(a, b, c, d),
        )
        for n, i in enumerate(ids)
    ]
    told = (EventRecord(START, a, ids[0], b, c), EventRecord(START, "log", d, e), EventRecord(START, "log", d, e))
    facts = facts_of(steps, records, status="failed", events=told, partition=f, siblings=(a, b, a), versions={a: b})
    manifest = replace(facts.manifest, tags={a: b}, owners=(c, d), intent=e, params={f: None})
    package(replace(facts, manifest=manifest, record=replace(facts.record, manifest_hash=manifest.hash)))


def test_five_thousand_steps_and_a_megabyte_of_message_are_a_valid_package(tmp_path):
    ids = [f"s{n}" for n in range(5000)]
    plans = [plan(name, needs=[ids[n - 1]] if n else []) for n, name in enumerate(ids)]
    records = [StepRecord(name, "completed", START, START + 5, rows_out=3) for name in ids]
    records[2500] = StepRecord("s2500", "failed", START, START + 5, error=ErrorInfo("E", "x" * 1_000_000))
    sealed = seal(scrub(checked(facts_of(plans, records, status="failed")), Redactor()), tmp_path)
    assert sealed.verdict.valid
    core = json.loads(sealed.files["core.jsonld"])
    assert core["run"]["first_failure"] == "r:step/s2500"
    lost = {item["section"]: item for item in core["metadata"]["truncations"]}
    assert lost["steps"]["annex"] == "r:annex/metrics"
    assert len((tmp_path / "annex" / "discovery.ndjson").read_text().splitlines()) == 5000
