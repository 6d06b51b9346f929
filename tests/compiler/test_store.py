"""Manifests on disk: written once, found again, and told to be damaged when they are."""

from __future__ import annotations

import json

import pytest
import yaml

from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.compiler.store import as_yaml, load, load_latest, manifest_folder, source_text, store
from osiris_dagster.errors import CompileError, ConfigError
from tests.compiler.compiling import compiled

TEXT = """\
oml_version: "0.2.0"
name: Müller & Co
steps:
  - {id: rows, component: duckdb.extractor, mode: read, config: {connection: "@duckdb.ops", table: orders}}
  - {id: out, component: duckdb.writer, mode: write, config: {connection: "@duckdb.warehouse", table: few}}
"""
NAME = "Müller & Co"
MANIFEST = compiled(TEXT).manifest
OTHER = compiled(TEXT.replace("orders", "customers")).manifest


def times(folder):
    return {path.relative_to(folder): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_a_stored_manifest_comes_back_with_its_text(tmp_path):
    folder = store(tmp_path, MANIFEST, TEXT)
    assert folder == manifest_folder(tmp_path, NAME, MANIFEST.hash)
    assert load(tmp_path, NAME, MANIFEST.hash) == MANIFEST
    assert source_text(tmp_path, NAME, MANIFEST.hash) == TEXT


def test_a_folder_holds_everything_that_a_reader_may_want(tmp_path):
    folder = store(tmp_path, MANIFEST, TEXT)
    assert sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()) == [
        "cfg/out.json",
        "cfg/rows.json",
        "fingerprints.json",
        "manifest.json",
        "manifest.yaml",
        "pipeline.yaml",
        "plan.json",
    ]
    manifest = yaml.safe_load((folder / "manifest.yaml").read_text("utf-8"))
    for step in manifest["steps"]:
        cfg = json.loads((folder / step["cfg"]).read_text("utf-8"))
        assert cfg == {key: step[key] for key in ("component", "config", "connection")}
    plan = json.loads((folder / "plan.json").read_text("utf-8"))
    assert [(step["id"], step["needs"]) for step in plan] == [("rows", []), ("out", ["rows"])]
    assert json.loads((folder / "fingerprints.json").read_text("utf-8")) == manifest["fingerprints"]


def test_the_pointer_names_what_was_stored_last(tmp_path):
    first = store(tmp_path, MANIFEST, TEXT)
    second = store(tmp_path, OTHER, TEXT)
    assert first != second
    assert load_latest(tmp_path, NAME) == OTHER
    store(tmp_path, MANIFEST, TEXT)
    assert load_latest(tmp_path, NAME) == MANIFEST
    assert load(tmp_path, NAME, OTHER.hash) == OTHER
    assert (first.parent / "LATEST").read_text("utf-8") == first.name + "\n"


def test_an_equal_manifest_is_not_written_again(tmp_path):
    folder = store(tmp_path, MANIFEST, TEXT)
    before = times(folder.parent)
    store(tmp_path, compiled(TEXT).manifest, TEXT)
    assert times(folder.parent) == before


def test_equal_values_in_two_places_are_written_out_twice():
    columns = 'columns: "${params.columns}"'
    text = f"""\
oml_version: "0.2.0"
name: p
params: {{columns: {{default: [id, name]}}}}
steps:
  - {{id: a, component: duckdb.extractor, mode: read, config: {{path: a.duckdb, table: t, {columns}}}}}
  - {{id: b, component: duckdb.extractor, mode: read, needs: [], config: {{path: b.duckdb, table: t, {columns}}}}}
"""
    manifest = compiled(text).manifest
    assert manifest.step("a").config["columns"] is manifest.step("b").config["columns"]
    assert "&id" not in as_yaml(manifest)
    assert as_yaml(Manifest.from_json(json.loads(json.dumps(manifest.to_json())))) == as_yaml(manifest)


def test_a_text_of_several_lines_stays_readable():
    manifest = compiled(
        'oml_version: "0.2.0"\nname: p\nsteps:\n  - id: a\n    component: duckdb.processor\n'
        "    mode: transform\n    config:\n      query: |\n        select 1 as a,\n          2 as b\n"
    ).manifest
    assert "query: |\n      select 1 as a,\n        2 as b\n" in as_yaml(manifest)


def test_nothing_compiled_is_told(tmp_path):
    for absent in (lambda: load_latest(tmp_path, NAME), lambda: load(tmp_path, NAME, MANIFEST.hash)):
        with pytest.raises(CompileError) as caught:
            absent()
        assert caught.value.first.code == "CMP050"
        assert "osiris compile" in caught.value.first.fix
    assert source_text(tmp_path, NAME, MANIFEST.hash) == ""


def test_a_pointer_to_a_folder_that_is_gone_is_told(tmp_path):
    folder = store(tmp_path, MANIFEST, TEXT)
    (folder.parent / "LATEST").write_text("1234567-gone\n", encoding="utf-8")
    with pytest.raises(CompileError) as caught:
        load_latest(tmp_path, NAME)
    assert (caught.value.first.code, caught.value.first.found) == ("CMP050", "1234567-gone")


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"- a list\n",
        b"just text",
        b"{unclosed: [",
        b"\xff\xfe not UTF-8",
        b"apiVersion: !!python/object:os.system x\n",
        b"when: 2025-01-01\n",
        b"{apiVersion: osiris.v1}\n",
        pytest.param(as_yaml(OTHER).encode(), id="another manifest"),
        pytest.param(as_yaml(MANIFEST).partition("- cfg: cfg/out")[0].encode(), id="cut off"),
    ],
)
def test_a_damaged_manifest_is_told_and_healed_by_the_next_compilation(tmp_path, damage):
    folder = store(tmp_path, MANIFEST, TEXT)
    (folder / "manifest.json").write_bytes(damage)
    for read in (lambda: load(tmp_path, NAME, MANIFEST.hash), lambda: load_latest(tmp_path, NAME)):
        with pytest.raises(CompileError) as caught:
            read()
        assert caught.value.first.code == "CMP051"
        assert caught.value.first.found
    store(tmp_path, MANIFEST, TEXT)
    assert load(tmp_path, NAME, MANIFEST.hash) == MANIFEST


def test_a_damaged_pointer_is_written_anew(tmp_path):
    folder = store(tmp_path, MANIFEST, TEXT)
    (folder.parent / "LATEST").write_bytes(b"\xff\xff")
    with pytest.raises(CompileError):
        load_latest(tmp_path, NAME)
    store(tmp_path, MANIFEST, TEXT)
    assert load_latest(tmp_path, NAME) == MANIFEST


def test_a_folder_in_place_of_a_manifest_is_damage(tmp_path):
    (manifest_folder(tmp_path, NAME, MANIFEST.hash) / "manifest.json").mkdir(parents=True)
    with pytest.raises(CompileError) as caught:
        load(tmp_path, NAME, MANIFEST.hash)
    assert caught.value.first.code == "CMP051"


def test_a_file_in_place_of_the_build_folder_is_told(tmp_path):
    (tmp_path / "build").touch()
    with pytest.raises(ConfigError) as caught:
        store(tmp_path / "build", MANIFEST, TEXT)
    assert (caught.value.first.code, caught.value.exit_code) == ("CFG031", 5)
    assert caught.value.first.found == "Not a directory"
