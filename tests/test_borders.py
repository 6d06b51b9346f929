"""A secret that no pattern knows never passes a border behind which somebody reads, whoever resolved it."""

from __future__ import annotations

import json
import threading
import traceback
from types import SimpleNamespace

import pytest
from dagster import Failure

from osiris_dagster.assets.execute import named_for_dagster
from osiris_dagster.assets.keys import aiop_key
from osiris_dagster.cli.crash import crash_report, tell_thread
from osiris_dagster.cli.main import main
from osiris_dagster.cli.screen import Screen
from osiris_dagster.exports.export import export_run
from osiris_dagster.exports.queue import export_queue
from osiris_dagster.redaction import MASK, secret_shapes
from osiris_dagster.runs.instance import open_instance
from osiris_dagster.sensors.exporter import work_off
from tests.runs.test_read import run

LOUD = """\
oml_version: "0.2.0"
name: loud
steps:
  - {id: rows, component: duckdb.processor, mode: transform, config: {query: "select error('no %s here') as t"}}
  - {id: out, component: duckdb.writer, mode: write, config: {connection: "@duckdb.warehouse", table: t}}
"""


def test_the_secret_of_these_tests_is_known_to_no_pattern(planted):
    assert secret_shapes(f"password {planted}") == ()


def test_a_crash_report_holds_no_secret(planted):
    try:
        try:
            raise OSError(f"cannot log in with {planted}")
        except OSError as error:
            raise RuntimeError(planted) from error
    except RuntimeError as error:
        outcome = crash_report(error, "run")
    assert_clean(f"{outcome.text} {json.dumps(outcome.as_dict())}", planted)


@pytest.mark.parametrize("form", [[], ["--json"]])
@pytest.mark.parametrize("words", [["validate", "pipelines/{}.yaml"], ["run", "--{}"], ["logs", "aiop", "show", "{}"]])
def test_the_command_line_quotes_no_secret_in_what_it_finds_wrong(project, planted, capfd, form, words):
    with pytest.raises(SystemExit) as ended:
        main([*(word.format(planted) for word in words), *form])
    assert ended.value.code != 0
    shown = capfd.readouterr()
    assert_clean(shown.out + shown.err, planted)
    assert not form or json.loads(shown.out)["ok"] is False


def test_progress_on_standard_error_holds_no_secret(planted, capfd):
    screen = Screen()
    screen.say(f"waiting for {planted}")
    screen.close()
    assert_clean(capfd.readouterr().err, planted)


def test_a_thread_that_breaks_says_no_secret(planted, capfd, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", tell_thread)

    def broken() -> None:
        raise RuntimeError(f"cannot log in with {planted}")

    thread = threading.Thread(target=broken)
    thread.start()
    thread.join()
    assert_clean(capfd.readouterr().err, planted)


def test_the_log_of_a_run_in_the_storage_of_dagster_holds_no_secret(project, planted, capfd):
    (project.pipelines / "loud.yaml").write_text(LOUD % planted)
    with pytest.raises(SystemExit) as ended:
        main(["run", "pipelines/loud.yaml"])
    assert ended.value.code == 4
    shown = capfd.readouterr()
    assert_clean(shown.out + shown.err, planted)
    with open_instance(project, {}) as instance:
        (recorded,) = instance.get_runs()
        log = [str(entry) for entry in instance.all_logs(recorded.run_id)]
    assert any("loud" in entry for entry in log)
    assert [entry for entry in log if planted in entry] == []


def test_an_error_whose_cause_holds_it_is_told_to_dagster_without_either(project, planted):
    body = SimpleNamespace(services=SimpleNamespace(project=project))

    def broken() -> None:
        try:
            raise OSError(f"cannot log in with {planted}")
        except OSError as error:
            raise RuntimeError("the run cannot begin") from error

    with pytest.raises(Failure) as caught, named_for_dagster(body):
        broken()
    told = "".join(traceback.format_exception(caught.value))
    assert "the run cannot begin" in f"{told} {caught.value.description}"
    assert planted not in f"{told} {caught.value.description}"


class Unreachable:
    """A storage of Dagster that answers nothing, and says with what it was asked."""

    def __init__(self, password: str) -> None:
        self._password = password

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(f"cannot log in with {self._password}")


def test_an_export_that_fails_keeps_no_secret_with_its_run(project, planted):
    export_queue(project).add("some-run")
    _, (told,) = work_off(Unreachable(planted), project)
    kept = "".join(file.read_text() for file in (project.state / "exports").rglob("*") if file.is_file())
    assert "AIO034" in told
    assert_clean(told, planted)
    assert_clean(kept, planted)


def test_a_package_that_holds_it_is_withheld_and_so_is_what_its_asset_says(project, write, instance, planted):
    write("loud", LOUD % planted)
    run_id = run(instance, "loud_job")
    (package,) = export_run(instance, project, run_id)
    folder = project.root / package.folder
    assert not package.valid
    assert "AIO035" in " ".join(package.reasons)
    assert {file.name for file in folder.iterdir()} == {"run-card.md", "verdict.json", "digests.json"}
    written = "".join(file.read_text() for file in project.aiop.rglob("*") if file.is_file())
    assert planted not in written
    said = str(instance.fetch_materializations(aiop_key("loud"), limit=5).records)
    assert "loud failed" in said
    assert planted not in said


def assert_clean(text: str, secret: str) -> None:
    """The text would have held the secret, and holds the mask in its place."""
    assert secret not in text
    assert MASK in text
