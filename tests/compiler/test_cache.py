"""An unchanged file is not compiled again, and what comes out is always what a new compilation would give."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from osiris_dagster.canonical import canonical_json, sha256
from osiris_dagster.columns import Column
from osiris_dagster.compiler.cache import cache_key, compile_kept
from osiris_dagster.compiler.compile import compile_pipeline
from osiris_dagster.compiler.lock import LockedSchema, SchemaLock
from osiris_dagster.errors import CompileError
from tests.compiler.compiling import FACTS, inputs_of, lock_for
from tests.compiler.test_fingerprints import with_description

TEXT = """\
oml_version: "0.2.0"
name: p
params: {top: {default: 5}, table: {default: orders}}
profiles: {dev: {params: {top: 1}}}
steps:
  - {id: rows, component: duckdb.extractor, mode: read, config: {connection: "@duckdb.ops", table: "${params.table}"}}
  - id: few
    component: duckdb.processor
    mode: transform
    config: {query: "select id from df_rows where id > ${params.top}"}
  - {id: out, component: duckdb.writer, mode: write, config: {connection: "@duckdb.warehouse", table: few}}
"""
BASE = inputs_of(TEXT, lock=lock_for(TEXT, {"rows": {"id": "int64"}}))
LOCKED = BASE.lock.steps["rows"].step
IDENTITIES = st.sampled_from(["", "one", "two"])


def change(**given: object) -> st.SearchStrategy:
    return st.just(lambda inputs: replace(inputs, **given))


CHANGES = st.one_of(
    st.sampled_from(["1", "7"]).flatmap(lambda n: change(overrides={"top": n})),
    st.sampled_from(["orders", "lines"]).flatmap(lambda t: change(env={"OSIRIS_PARAM_TABLE": t})),
    change(env={"OSIRIS_PARAM_OTHER": "x"}),
    st.sampled_from(["", "dev"]).flatmap(lambda p: change(profile=p)),
    IDENTITIES.flatmap(lambda i: change(connections=(replace(FACTS[0], identity=i), FACTS[1]))),
    st.permutations(FACTS).flatmap(lambda facts: change(connections=tuple(facts))),
    st.sampled_from(["int32", "string"]).flatmap(
        lambda kind: change(lock=SchemaLock({"rows": LockedSchema(LOCKED, (Column("id", kind),))}))
    ),
    change(lock=SchemaLock()),
    st.sampled_from(["a", "b"]).flatmap(lambda text: change(catalogue=with_description("duckdb.writer", text))),
    st.sampled_from(["few", "many"]).map(
        lambda name: lambda inputs: inputs_of(TEXT.replace("table: few", f"table: {name}"), lock=inputs.lock)
    ),
    st.sampled_from(["", "# a comment\n"]).map(lambda more: lambda inputs: inputs_of(TEXT + more, lock=inputs.lock)),
)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(CHANGES, max_size=3), min_size=2, max_size=5))
def test_whatever_changes_the_result_is_that_of_a_new_compilation(tmp_path, rounds):
    for changes in rounds:
        inputs = BASE
        for one in changes:
            inputs = one(inputs)
        fresh = outcome(lambda inputs=inputs: compile_pipeline(inputs))
        assert outcome(lambda inputs=inputs: compile_kept(inputs, tmp_path)) == fresh
        assert outcome(lambda inputs=inputs: compile_kept(inputs, tmp_path)) == fresh


def outcome(compiling):
    """Return a manifest with its hash and what was said, or the errors."""
    try:
        compiled = compiling()
    except CompileError as error:
        return error.diagnostics
    return compiled.manifest, compiled.manifest.hash, compiled.diagnostics


def entry(folder):
    (path,) = folder.glob("*.json")
    return path, json.loads(path.read_bytes())


def test_an_unchanged_pipeline_is_taken_from_what_was_kept(tmp_path):
    compile_kept(BASE, tmp_path)
    path, value = entry(tmp_path)
    value["manifest"]["description"] = "only what was kept says so"
    value["hash"] = sha256(canonical_json(value["manifest"]))
    path.write_bytes(canonical_json(value))
    assert compile_kept(BASE, tmp_path).manifest.description == "only what was kept says so"
    assert compile_kept(replace(BASE, profile="dev"), tmp_path).manifest.description == ""


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"key": "x"}', "é".encode("latin-1"), b'{"key": 1, "manifest": {}, "hash": ""}'],
)
def test_a_damaged_file_is_no_result(tmp_path, content):
    first = compile_kept(BASE, tmp_path)
    path, _ = entry(tmp_path)
    path.write_bytes(content)
    assert compile_kept(BASE, tmp_path) == first


def test_a_result_that_was_changed_is_none(tmp_path):
    first = compile_kept(BASE, tmp_path)
    path, value = entry(tmp_path)
    path.write_bytes(canonical_json({**value, "manifest": {**value["manifest"], "pipeline": "another"}}))
    assert compile_kept(BASE, tmp_path) == first


def test_a_folder_that_cannot_be_written_only_costs_time(tmp_path):
    (tmp_path / "file").write_text("no folder")
    assert compile_kept(BASE, tmp_path / "file") == compile_pipeline(BASE)


def test_a_warning_is_given_each_time(tmp_path):
    stale = replace(BASE, lock=SchemaLock({"rows": LockedSchema("0" * 64, (Column("id", "int64"),))}))
    for _ in range(2):
        assert [d.code for d in compile_kept(stale, tmp_path).diagnostics] == ["CMP041"]


def test_files_keep_results_of_their_own_and_a_file_only_one(tmp_path):
    other = replace(BASE, pipeline=replace(BASE.pipeline, file="pipelines/other.yaml"))
    for inputs in (BASE, other, replace(BASE, profile="dev")):
        compile_kept(inputs, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_variable_of_no_parameter_does_not_change_the_key():
    assert cache_key(replace(BASE, env={"PATH": "x", "OSIRIS_PARAM_OTHER": "y"})) == cache_key(BASE)
