"""The installed command as a process of its own: the whole way, what it loads, pipes, names and interrupts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.command import COMMAND, environment, make_project, process, rows

LONG = """\
oml_version: "0.2.0"
name: long
steps:
  - {id: first, component: duckdb.processor, mode: transform, needs: [], config: {query: select 1 as a}}
  - id: kept
    component: duckdb.writer
    mode: write
    needs: [first]
    config: {connection: "@duckdb.warehouse", table: kept, write_mode: replace}
  - id: endless
    component: duckdb.processor
    mode: transform
    needs: [kept]
    config: {query: select sum(hash(range)) as s from range(100000000000), threads: 1}
  - {id: out, component: duckdb.writer, mode: write, needs: [endless], config: {connection: "@duckdb", table: never}}
"""
LOADED = """
import json, sys
from osiris_dagster.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as left:
    print(json.dumps([left.code, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def test_the_whole_way_from_an_empty_folder(osiris, tmp_path, monkeypatch):
    project = tmp_path / "shop"
    made = process("init", "shop", cwd=tmp_path)
    assert (made.code, made.err) == (0, "")
    checked = process("validate", "pipelines/cities.yaml", cwd=project)
    assert (checked.code, checked.out) == (0, "pipelines/cities.yaml: valid\n")
    ran = process("run", "pipelines/cities.yaml", "--json", cwd=project)
    assert (ran.code, ran.err) == (0, "")
    assert [(country, count) for country, count, _ in rows(project, "countries")] == [("AT", 3), ("CZ", 4)]
    shown = process("logs", "aiop", "--last", "--format", "md", cwd=project)
    assert shown.out.startswith("# `cities` completed")
    monkeypatch.chdir(project)
    compiled = osiris("compile", "pipelines/cities.yaml", "--json").data["pipelines"][0]
    assert compiled["manifest_hash"] == ran.data["manifest_hash"]
    assert osiris("runs", "list", "--json").data["runs"][0]["run_id"] == ran.data["run_id"]
    assert osiris("runs", "view", ran.data["run_id"], "--json").data["aiop"] == [ran.data["aiop"][0]["folder"]]
    assert osiris("logs", "show", "--json").data["pipelines"][0]["events"]


@pytest.mark.parametrize(
    ("arguments", "light"),
    [
        (["validate", "pipelines/shop.yaml"], {"dagster", "duckdb", "pyarrow", "pydantic", "sqlalchemy"}),
        (["compile", "pipelines/shop.yaml"], {"dagster", "pydantic", "sqlalchemy"}),
        (["components", "list"], {"dagster", "duckdb", "pyarrow", "pydantic", "sqlalchemy"}),
        (["--help"], {"dagster", "duckdb", "pyarrow", "pydantic", "sqlalchemy", "jsonschema", "yaml"}),
        (["--version"], {"dagster", "duckdb", "pyarrow", "pydantic", "sqlalchemy", "jsonschema", "yaml"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_verb_loads_only_what_it_needs(tmp_path, arguments, light):
    project = make_project(tmp_path / "shop")
    command = [sys.executable, "-c", LOADED, *arguments]
    done = subprocess.run(
        command, cwd=project, env=environment(), capture_output=True, text=True, check=True, timeout=60
    )
    code, loaded = json.loads(done.stdout.splitlines()[-1])
    assert code == 0
    assert light & set(loaded) == set()


def test_a_reader_that_goes_away_leaves_no_traceback(tmp_path):
    read, write = os.pipe()
    os.close(read)
    command = [COMMAND, "components", "list", "--json"]
    done = subprocess.run(
        command, cwd=tmp_path, stdout=write, stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )
    os.close(write)
    assert "Traceback" not in done.stderr
    assert done.returncode != 0


def test_a_name_that_is_no_text_does_not_break_the_output(tmp_path):
    name = os.fsdecode(b"absent\xff.yaml")
    for encoding in ("utf-8:strict", "ascii:strict"):
        env = {"PYTHONIOENCODING": encoding}
        assert process("validate", name, "--json", cwd=tmp_path, env=env).data["exit_code"] == 5
        assert (
            process("init", os.fsdecode(b"new\xff" + encoding[:3].encode()), "--json", cwd=tmp_path, env=env).data["ok"]
            is True
        )
        said = process("validate", name, cwd=tmp_path, env=env)
        assert said.code == 5
        assert "Traceback" not in said.err


def started(project, *options):
    """Start a run as a process of its own."""
    command = [COMMAND, "run", *options]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=project, env=environment(), stdout=pipe, stderr=pipe, text=True)


@pytest.fixture
def long(tmp_path):
    project = make_project(tmp_path / "long")
    (project / "pipelines" / "long.yaml").write_text(LONG)
    return project


def test_an_interrupt_cancels_the_run_and_says_so_everywhere(osiris, long, monkeypatch):
    with started(long, "pipelines/long.yaml", "--mode", "off") as running:
        assert running.stderr is not None
        lines = [running.stderr.readline() for _ in range(2)]
        assert [line.split()[:2] for line in lines] == [["first", "ok"], ["kept", "ok"]]
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert out.startswith("long: canceled in ")
    assert "Traceback" not in out + err
    ends = dict(line.split(maxsplit=1) for line in err.splitlines())
    assert ends.keys() == {"endless", "out"}
    assert set(ends.values()) <= {"canceled", "not run"}  # it may not have begun yet
    monkeypatch.chdir(long)
    run = osiris("runs", "list", "--json").data["runs"][0]
    assert run["status"] == "canceled"
    core = osiris("logs", "aiop", run["run_id"], "--json").data["documents"][0]
    assert core["run"]["status"] == "canceled"
    assert rows(long, "kept") == [(1,)]
    assert not list((long / ".osiris" / "scratch").iterdir())


def test_an_interrupted_run_is_one_json_object(long):
    with started(long, "pipelines/long.yaml", "--mode", "off", "--json", "--no-aiop") as running:
        database = long / "data" / "warehouse.duckdb"
        while not database.exists():
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (130, "")
    told = json.loads(out)
    assert (told["status"], told["exit_code"], told["ok"]) == ("canceled", 130, False)


def test_an_interrupt_between_two_results_is_a_cancellation_too(osiris, long, monkeypatch):
    with started(long, "pipelines/shop.yaml", "--no-aiop") as running:
        assert running.stderr is not None
        running.stderr.readline()
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    monkeypatch.chdir(long)
    run = osiris("runs", "list", "--json").data["runs"][0]
    # It may have ended before it heard of the interrupt; then it ended well.
    assert (running.returncode, run["status"]) in [(130, "canceled"), (0, "success"), (130, "success")]
    assert "Traceback" not in out + err
