"""What an export gathers around a run: who wrote its inputs, who waits for its outputs, what the log says."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

from dagster import DagsterEventType

from osiris_dagster.definitions import defs
from osiris_dagster.exports.export import export_run
from osiris_dagster.exports.neighbours import neighbours, writers_of
from osiris_dagster.exports.spool import Wanted, spool_logs
from osiris_dagster.runs.logs import LogLine, log_lines
from tests.conftest import REPORT, SHOP
from tests.runs.test_read import QUIET, run

BROKEN_SHOP = SHOP.replace("sum(amount)", "sum(cast(customer as int))")


def core_of(project, instance, run_id: str) -> dict:
    (package,) = export_run(instance, project, run_id)
    assert package.valid, package.reasons
    return json.loads((project.root / package.folder / "core.jsonld").read_text(encoding="utf-8"))


def test_a_reader_knows_who_wrote_its_table_and_a_writer_who_needs_it(project, write, instance):
    write("p", SHOP)
    write("q", REPORT)
    shop = core_of(project, instance, run(instance, "shop_daily_job"))
    (waiting,) = shop["evidence"]["downstream"]
    assert (waiting["name"], waiting["distance"]) == ("report", 1)
    report = core_of(project, instance, run(instance, "report_job"))
    (state,) = report["evidence"]["upstream"]
    assert (state["state"], state["written_by"]) == ("written", "shop-daily/totals")
    assert state["age_ms"] > 0


def test_a_pipeline_that_states_no_purpose_has_that_of_its_commit(project, write, instance):
    stated = ("metadata: {intent: Tell sales who bought what.}\n", "description: Orders of each customer.\n")
    path = write("p", SHOP.replace(stated[0], "").replace(stated[1], ""))
    for arguments in (
        ("init", "-q"),
        ("add", str(path)),
        ("-c", "user.name=Ada", "-c", "user.email=a@b.c", "commit", "-qm", "Add shop\n\nOsiris-Intent: See the day"),
    ):
        subprocess.run(["git", *arguments], cwd=project.root, check=True)
    core = core_of(project, instance, run(instance, "shop_daily_job"))
    intent = core["pipeline"]["intent"]
    assert (intent["text"], intent["intent_source"]) == ("See the day", "commit")


def test_a_reader_is_told_that_its_table_was_not_renewed(project, write, instance):
    write("p", SHOP)
    write("q", REPORT)
    run(instance, "shop_daily_job")
    write("p", BROKEN_SHOP)
    failed = core_of(project, instance, run(instance, "shop_daily_job"))
    assert failed["run"]["status"] == "failed"
    assert "“report”" in failed["narrative"]["claims"][-1]["text"]
    report = core_of(project, instance, run(instance, "report_job"))
    (state,) = report["evidence"]["upstream"]
    assert (state["state"], state["written_by"]) == ("failed", "shop-daily/totals")


def test_pipelines_that_follow_each_other_are_found_at_their_distance(project, write, instance):
    write("p", SHOP)
    write("q", REPORT)
    run(instance, "shop_daily_job")
    known = neighbours(project)
    assert [item.pipeline for item in known] == ["report", "shop-daily"]
    assert neighbours(project) == known  # from what is remembered
    assert writers_of(known)["duckdb", "warehouse", "main", "totals"] == (("shop-daily", "totals"),)
    (project.state / "neighbours.json").write_text("{")
    assert neighbours(project) == known
    (project.pipelines / "q.yaml").unlink()
    assert [item.pipeline for item in neighbours(project)] == ["shop-daily"]


def test_a_run_of_everything_gives_a_package_for_each_pipeline_and_each_names_the_other(project, write, instance):
    write("p", SHOP)
    write("q", REPORT)
    job = defs().resolve_implicit_global_asset_job_def()
    run_id = job.execute_in_process(instance=instance, run_config=QUIET).run_id
    packages = export_run(instance, project, run_id)
    assert [package.pipeline for package in packages] == ["report", "shop-daily"]
    cores = [json.loads((project.root / p.folder / "core.jsonld").read_text(encoding="utf-8")) for p in packages]
    assert [core["run"]["siblings"] for core in cores] == [["shop-daily"], ["report"]]
    logs = [(project.root / p.folder / "annex" / "logs.ndjson").read_text(encoding="utf-8") for p in packages]
    assert all('"op":"report"' not in log for log in logs[1:])
    assert all(f'"event":"{DagsterEventType.RUN_SUCCESS.value}"' in log for log in logs)


def test_the_log_of_a_run_is_in_its_annex_without_the_place_of_the_project(project, write, instance):
    write("p", SHOP)
    run_id = run(instance, "shop_daily_job")
    lines = list(log_lines(instance, run_id))
    (package,) = export_run(instance, project, run_id)
    text = (project.root / package.folder / "annex" / "logs.ndjson").read_text(encoding="utf-8")
    told = [json.loads(line) for line in text.splitlines()]
    assert [line["event"] for line in told] == [line.event for line in lines]
    assert [line["seq"] for line in told] == list(range(1, len(lines) + 1))
    assert str(project.root) not in text


def spooled(tmp_path, lines: list[LogLine], redact: Callable[[str], str] = str):
    wanted = {name: Wanted(name, tmp_path / name, 500, redact) for name in ("a", "b")}
    events = spool_logs(lines, wanted)
    return events, {name: (tmp_path / name).read_text(encoding="utf-8").splitlines() for name in wanted}


def test_lines_go_to_their_pipeline_and_those_of_the_run_to_all(tmp_path):
    lines = [
        LogLine(1, "info", "a", "", "of a"),
        LogLine(2, "info", "b", "", "of b"),
        LogLine(3, "info", "", "", "of all"),
    ]
    events, files = spooled(tmp_path, lines)
    assert [event.message for event in events["a"]] == ["of a", "of all"]
    assert len(files["a"]) == len(files["b"]) == 2


def test_of_a_long_log_the_timeline_gets_the_ends_the_loud_lines_and_those_before_the_failure(tmp_path):
    lines = [LogLine(n, "warning" if n == 777 else "info", "a", "", f"line {n}") for n in range(1000)]
    events, files = spooled(tmp_path, lines)
    told = {event.message for event in events["a"]}
    assert len(files["a"]) == 1000
    assert {"line 0", "line 777", "line 500"} <= told
    assert "line 600" not in told
    assert len(told) < 500


def test_hostile_lines_stay_one_line_each_and_are_cut(tmp_path):
    hostile = ["a\nb\u202ec", "x" * 1_000_000, "\x00\x1b[31m", "\ud800"]
    events, files = spooled(tmp_path, [LogLine(1, "info", "a", "", text) for text in hostile])
    assert len(files["a"]) == len(hostile)
    assert max(len(event.message) for event in events["a"]) <= 16_000
