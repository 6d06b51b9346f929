"""Manifests as data: the dictionary and the YAML of a manifest give it back, whatever texts it holds."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from osiris_dagster.columns import Column
from osiris_dagster.compiler.manifest import Dataset, Manifest, StepInput, StepPlan, cfg_path
from osiris_dagster.compiler.store import as_yaml

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.sampled_from(
    [
        "no",
        "012",
        "12:30",
        "2025-01-01",
        "~",
        "=",
        "<<",
        "- a",
        "a: b",
        "#",
        " x ",
        "\n",
        "x\n\n",
        "  a\nb",
        "\u2028",
        "\x85",
        "\ufeff",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
STEPS = st.builds(
    StepPlan,
    id=TEXT,
    component=st.just("duckdb.processor"),
    version=TEXT,
    role=st.sampled_from(["extractor", "processor", "writer"]),
    config=st.dictionaries(TEXT, VALUES, max_size=3),
    connection=TEXT,
    needs=st.lists(TEXT, max_size=2).map(tuple),
    inputs=st.lists(st.builds(StepInput, TEXT, st.tuples(TEXT, TEXT), st.integers(0, 3)), max_size=2).map(tuple),
    columns=st.none() | st.lists(st.builds(Column, TEXT, TEXT, st.booleans()), max_size=2).map(tuple),
    reads=st.lists(st.builds(Dataset, st.tuples(TEXT, TEXT)), max_size=1).map(tuple),
    writes=st.lists(st.builds(Dataset, st.tuples(TEXT)), max_size=1).map(tuple),
    description=TEXT,
    line=st.integers(1, 10**6),
)
MANIFESTS = st.builds(
    Manifest,
    pipeline=TEXT,
    file=TEXT,
    oml_version=st.sampled_from(["0.1.0", "0.2.0"]),
    steps=st.lists(STEPS, min_size=1, max_size=2).map(tuple),
    description=TEXT,
    intent=TEXT,
    owners=st.lists(TEXT, max_size=2).map(tuple),
    tags=st.dictionaries(TEXT, TEXT, max_size=2),
    params=st.dictionaries(TEXT, VALUES, max_size=2),
    fingerprints=st.dictionaries(TEXT, TEXT, max_size=2),
)


@settings(deadline=None, max_examples=150)
@given(MANIFESTS)
def test_a_manifest_comes_back_from_its_yaml_with_the_same_hash(manifest):
    again = Manifest.from_json(yaml.load(as_yaml(manifest), Loader=yaml.CSafeLoader))
    assert again == manifest
    assert again.hash == manifest.hash
    assert as_yaml(again) == as_yaml(manifest)


@settings(deadline=None, max_examples=30)
@given(STEPS, TEXT)
def test_the_fingerprint_of_a_step_is_of_what_it_does_and_not_of_where_it_stands(step, text):
    moved = StepPlan(
        text, step.component, step.version, step.role, step.config, step.connection, description=text, line=7
    )
    assert moved.fingerprint == step.fingerprint
    other = StepPlan(step.id, step.component, step.version, step.role, {**step.config, "new": text}, step.connection)
    assert other.fingerprint != step.fingerprint


def test_a_step_is_found_by_its_id_or_not_at_all():
    step = StepPlan("a", "duckdb.processor", "1", "processor", {})
    manifest = Manifest("p", "p.yaml", "0.2.0", (step,))
    assert manifest.step("a") is step
    assert step.family == "duckdb"
    with pytest.raises(KeyError):
        manifest.step("b")


def test_configurations_of_steps_with_like_names_lie_apart():
    paths = {cfg_path(step) for step in ("a", "A", "a b", "a/b", "a.b", "ä")}
    assert len(paths) == 6
    assert all(path.startswith("cfg/") and path.count("/") == 1 for path in paths)
