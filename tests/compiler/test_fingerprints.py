"""A fingerprint changes exactly when its input does, and the hash of the manifest with it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from osiris_dagster.columns import Column
from osiris_dagster.compiler.compile import compile_pipeline
from osiris_dagster.compiler.draft import Inputs
from osiris_dagster.compiler.lock import LockedSchema, SchemaLock
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.specs.catalogue import Catalogue
from tests.compiler.compiling import FACTS, inputs_of, lock_for

TEXT = """\
oml_version: "0.2.0"
name: p
params: {top: {default: 5}, unused: {default: 1}}
steps:
  - {id: rows, component: duckdb.extractor, mode: read, config: {connection: "@duckdb.ops", table: orders}}
  - id: few
    component: duckdb.processor
    mode: transform
    config: {query: "select id from df_rows where id > ${params.top}"}
  - {id: out, component: duckdb.writer, mode: write, config: {connection: "@duckdb.warehouse", table: few}}
"""
BASE = inputs_of(TEXT, lock=lock_for(TEXT, {"rows": {"id": "int64"}}))
FIRST = compile_pipeline(BASE).manifest
quick = settings(deadline=None, max_examples=15)
WORDS = st.text("abcdefgh žß0123456789-", min_size=1, max_size=30)


def changed(inputs: Inputs) -> set[str]:
    """Return the fingerprints that differ from those of the base; the hash differs exactly when one of them does."""
    manifest: Manifest = compile_pipeline(inputs).manifest
    keys = {key for key, value in manifest.fingerprints.items() if FIRST.fingerprints[key] != value}
    assert (manifest.hash != FIRST.hash) == bool(keys)
    assert manifest.fingerprints.keys() == FIRST.fingerprints.keys()
    return keys


def test_the_same_inputs_give_the_same_manifest():
    assert changed(BASE) == set()


@quick
@given(WORDS)
def test_a_comment_changes_only_the_fingerprint_of_the_oml(comment):
    assert changed(inputs_of(f"{TEXT}# {comment}\n", lock=BASE.lock)) == {"oml"}


@quick
@given(st.integers(-(10**9), 10**9).filter(lambda n: n != 5))
def test_the_value_of_a_used_parameter_changes_only_the_fingerprint_of_the_parameters(value):
    assert changed(replace(BASE, overrides={"top": str(value)})) == {"params"}


@quick
@given(st.integers(-(10**9), 10**9))
def test_the_value_of_an_unused_parameter_changes_nothing(value):
    assert changed(replace(BASE, overrides={"unused": str(value)})) == set()


@quick
@given(WORDS)
def test_a_variable_of_no_declared_parameter_changes_nothing(value):
    assert changed(replace(BASE, env={"OSIRIS_PARAM_OTHER": value, "PATH": value, "TOP": value})) == set()


@quick
@given(st.sampled_from(["duckdb.extractor", "duckdb.processor", "duckdb.writer"]), WORDS)
def test_the_content_of_a_used_spec_changes_only_the_fingerprint_of_the_specs(name, text):
    assert changed(replace(BASE, catalogue=with_description(name, text))) == {"specs"}


@quick
@given(st.sampled_from(["int32", "uint64", "decimal(12,2)"]), st.booleans())
def test_a_locked_schema_changes_only_the_fingerprint_of_the_schemas(kind, nullable):
    columns = (Column("id", kind, nullable),)
    lock = SchemaLock({"rows": LockedSchema(BASE.lock.steps["rows"].step, columns)})
    assert changed(replace(BASE, lock=lock)) == {"schemas"}


@quick
@given(WORDS)
def test_a_lock_of_a_step_that_is_not_there_changes_nothing(step):
    lock = SchemaLock({**BASE.lock.steps, f"old {step}": LockedSchema("0" * 64, ())})
    assert changed(replace(BASE, lock=lock)) == set()


@quick
@given(WORDS)
def test_the_identity_of_a_used_connection_changes_only_the_fingerprint_of_the_connections(identity):
    facts = tuple(replace(fact, identity=identity) if fact.alias == "ops" else fact for fact in FACTS)
    assert changed(replace(BASE, connections=facts)) == {"connections"}


@quick
@given(WORDS)
def test_what_a_connection_is_for_changes_nothing(text):
    facts = tuple(replace(fact, description=text, purpose=text, sla=text, fields=(text,)) for fact in FACTS)
    unused = replace(FACTS[0], alias="unused", identity=text, default=False)
    assert changed(replace(BASE, connections=(*facts, unused))) == set()


@quick
@given(st.permutations(FACTS))
def test_the_order_of_connections_changes_nothing(facts):
    assert changed(replace(BASE, connections=tuple(facts))) == set()


def test_a_default_that_is_used_changes_text_and_parameters():
    assert changed(inputs_of(TEXT.replace("default: 5", "default: 6"), lock=BASE.lock)) == {"oml", "params"}


def with_description(name: str, text: str) -> Catalogue:
    catalogue = BASE.catalogue
    added = {name: {"description": f"another {text}"}}
    return Catalogue([(spec, {**catalogue.contents(spec.name), **added.get(spec.name, {})}) for spec in catalogue])


@quick
@given(WORDS)
def test_the_content_of_a_spec_that_is_not_used_changes_nothing(text):
    assert changed(replace(BASE, catalogue=with_description("filesystem.csv_extractor", text))) == set()


MUTATIONS = {
    "params": lambda inputs: replace(inputs, overrides={"top": "6"}),
    "specs": lambda inputs: replace(inputs, catalogue=with_description("duckdb.writer", "one")),
    "schemas": lambda inputs: replace(
        inputs, lock=SchemaLock({"rows": LockedSchema(BASE.lock.steps["rows"].step, (Column("id", "int32"),))})
    ),
    "connections": lambda inputs: replace(inputs, connections=(replace(FACTS[0], identity="one"), FACTS[1])),
    "oml": lambda inputs: with_text(inputs, f"{TEXT}# a comment\n"),
}
WITHOUT_EFFECT = (
    lambda inputs: inputs,
    lambda inputs: replace(inputs, env={"PATH": "/bin", "OSIRIS_PARAM_OTHER": "1"}),
    lambda inputs: replace(inputs, env={"OSIRIS_PARAM_UNUSED": "7"}),
    lambda inputs: replace(inputs, connections=inputs.connections[::-1]),
)


@settings(deadline=None, max_examples=40)
@given(st.sets(st.sampled_from(sorted(MUTATIONS))), st.lists(st.sampled_from(WITHOUT_EFFECT), max_size=2))
def test_exactly_the_fingerprints_of_the_inputs_that_change_are_others(which, idle):
    inputs = BASE
    for mutation in (*(MUTATIONS[name] for name in sorted(which)), *idle):
        inputs = mutation(inputs)
    assert changed(inputs) == which


def with_text(inputs: Inputs, text: str) -> Inputs:
    other = inputs_of(text)
    return replace(inputs, pipeline=other.pipeline, document=other.document)
