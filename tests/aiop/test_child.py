from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from cases import CASES, export_in_child, raw_facts

from osiris_dagster.aiop import child
from osiris_dagster.aiop.child import Exporter, Job, answer
from osiris_dagster.aiop.disk.export import export
from osiris_dagster.aiop.disk.index import read_index
from osiris_dagster.aiop.facts.facts import Facts, lean
from osiris_dagster.aiop.facts.map_texts import scrub
from osiris_dagster.aiop.facts.options import Options
from osiris_dagster.codec import from_json, to_json
from osiris_dagster.errors import AiopError, CoreLimitError
from osiris_dagster.redaction import MASK, Redactor


def order(case: str, root: Path) -> bytes:
    return json.dumps(
        {"facts": to_json(scrub(raw_facts(case), Redactor())), "root": str(root), "logs": "", "annexes": ""}
    ).encode()


def test_the_child_writes_what_the_same_process_would_write(tmp_path):
    result = export_in_child(Job(raw_facts("failure"), tmp_path / "one"), 60)
    assert result == export(scrub(raw_facts("failure"), Redactor()), tmp_path / "other")
    assert result.valid
    for name in ("core.jsonld", "run-card.md", "verdict.json", "digests.json"):
        here, there = (tmp_path / root / result.folder / name for root in ("one", "other"))
        assert here.read_bytes() == there.read_bytes()


def test_one_child_gives_each_package_the_bytes_that_a_child_of_its_own_gives(tmp_path):
    with Exporter() as exporter:
        for case in ("failure", "success", "failure", "empty"):
            result = exporter.export(Job(raw_facts(case), tmp_path / "many"), 60)
            assert result == export_in_child(Job(raw_facts(case), tmp_path / case), 60)
            files = sorted(p for p in (tmp_path / case / result.folder).rglob("*") if p.is_file())
            assert len(files) > 5
            for file in files:
                assert (tmp_path / "many" / file.relative_to(tmp_path / case)).read_bytes() == file.read_bytes()


def test_a_child_that_was_ended_is_replaced_for_the_next_package(tmp_path):
    with Exporter() as exporter:
        with pytest.raises(AiopError, match="not ready in time"):
            exporter.export(Job(raw_facts("success"), tmp_path), 0.01)
        assert exporter.export(Job(raw_facts("success"), tmp_path), 60).valid


@pytest.mark.parametrize("case", CASES)
def test_facts_survive_the_way_to_the_child(case):
    facts = scrub(raw_facts(case), Redactor())
    assert from_json(Facts, json.loads(json.dumps(to_json(lean(facts))))) == facts


def test_the_child_works_in_a_folder_with_modules_that_look_like_others(tmp_path, monkeypatch):
    (tmp_path / "rdflib.py").write_text("raise SystemExit('the wrong module')")
    monkeypatch.chdir(tmp_path)
    assert export_in_child(Job(raw_facts("empty"), Path("packages")), 60).valid
    assert (tmp_path / "packages" / "index.jsonl").exists()


def test_several_exports_at_once_all_arrive_in_the_index(tmp_path):
    jobs = [Job(raw_facts(case), tmp_path) for case in ("success", "failure", "cancellation", "success")]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda job: export_in_child(job, 120), jobs))
    assert all(result.valid for result in results)
    assert len(read_index(tmp_path)) == 3


def test_a_child_that_takes_too_long_is_ended_and_says_so(tmp_path):
    with pytest.raises(AiopError, match="not ready in time") as caught:
        export_in_child(Job(raw_facts("success"), tmp_path), 0.01)
    assert caught.value.first.code == "AIO004"


def test_a_child_that_dies_leaves_its_last_words_in_the_error(tmp_path, monkeypatch):
    monkeypatch.setattr(child, "__name__", "osiris_dagster.aiop.nothing")
    with pytest.raises(AiopError, match="ended with exit status 1") as caught:
        export_in_child(Job(raw_facts("success"), tmp_path), 60)
    assert caught.value.first.code == "AIO003"
    assert "nothing" in caught.value.first.found


def test_the_last_words_of_a_child_hold_no_secret_of_its_parent(tmp_path, planted, monkeypatch):
    monkeypatch.setattr(child, "__name__", f"osiris_dagster.aiop.{planted}")
    with pytest.raises(AiopError) as caught:
        export_in_child(Job(raw_facts("success"), tmp_path), 60)
    assert planted not in caught.value.first.found
    assert MASK in caught.value.first.found


def test_facts_that_do_not_belong_together_never_reach_the_child(tmp_path):
    facts = raw_facts("success")
    with pytest.raises(AiopError, match="is not the one"):
        export_in_child(Job(replace(facts, manifest=replace(facts.manifest, intent="other")), tmp_path), 60)


def test_a_place_that_cannot_be_written_is_an_error_with_its_code(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(AiopError, match="cannot be written") as caught:
        export_in_child(Job(raw_facts("success"), tmp_path / "file"), 60)
    assert caught.value.first.code == "AIO007"


@pytest.mark.parametrize("broken", [b"", b"[]", b"{}", b'{"facts": {}, "root": "x"}'])
def test_a_malformed_job_is_an_answer_and_no_traceback(broken):
    assert answer(broken)["error"]["code"] == "AIO005"


def test_an_error_of_the_builder_comes_back_as_itself(tmp_path):
    facts = replace(raw_facts("success"), options=Options(max_core_bytes=1000))
    with pytest.raises(CoreLimitError) as caught:
        export_in_child(Job(facts, tmp_path), 60)
    assert (caught.value.first.code, caught.value.exit_code) == ("AIO006", 4)
    assert caught.value.first.fix


def run_child(code: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-c", code], input=stdin, capture_output=True, check=False)


def test_the_child_loads_neither_dagster_nor_databases_nor_http_clients(tmp_path):
    code = (
        "import sys; from osiris_dagster.aiop import child; code = child.main(); "
        "print(code, [m for m in sys.modules if m.split('.')[0] in "
        "('dagster','duckdb','pyarrow','pandas','requests','urllib3','aiohttp','yaml') and sys.modules[m]])"
    )
    done = run_child(code, order("success", tmp_path))
    assert done.stdout.decode().splitlines()[-1] == "0 []"


def test_the_parent_loads_none_of_the_gates():
    code = (
        "import sys, osiris_dagster.aiop.child; "
        "print([m for m in sys.modules if m.split('.')[0] in ('rdflib','pyshacl','pyld','pyoxigraph','jsonschema')])"
    )
    assert run_child(code).stdout.decode().strip() == "[]"


@pytest.mark.parametrize(
    "attempt",
    [
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9/')",
        "import socket; socket.getaddrinfo('localhost', 80)",
        "import socket; socket.socket().bind(('127.0.0.1', 0))",
    ],
)
def test_the_child_cannot_open_a_connection(attempt):
    done = run_child(f"from osiris_dagster.aiop.child import forbid_network; forbid_network(); {attempt}")
    assert done.returncode == 1
    assert b"judged without the network" in done.stderr


def test_http_clients_cannot_even_be_loaded_in_the_child():
    done = run_child("from osiris_dagster.aiop.child import forbid_network; forbid_network(); import requests")
    assert b"ModuleNotFoundError" in done.stderr


def test_the_environment_of_the_child_holds_no_configuration(monkeypatch):
    monkeypatch.setenv("OSIRIS_CONN__DUCKDB__OPS__URL", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    assert child._environment().keys() <= {
        "PATH",
        "PYTHONPATH",
        "LD_LIBRARY_PATH",
        "DYLD_LIBRARY_PATH",
        "TMPDIR",
        "SYSTEMROOT",
    }
    assert os.environ["AWS_SECRET_ACCESS_KEY"] == "x"
