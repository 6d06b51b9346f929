"""OML files against the manifests that must come out of them; rewrite with rewrite_golden.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from osiris_dagster.compiler.manifest import Manifest
from tests.compiler.golden_cases import CASES, GOLDEN, compiled, golden_text

SCHEMA = Draft202012Validator(json.loads((Path(__file__).parent / "run_manifest.schema.json").read_text("utf-8")))


@pytest.mark.parametrize("case", CASES)
def test_a_pipeline_compiles_to_its_golden_manifest(case):
    assert golden_text(compiled(case).manifest) == (GOLDEN / case / "manifest.yaml").read_text("utf-8")


@pytest.mark.parametrize("case", CASES)
def test_every_golden_manifest_satisfies_the_run_manifest_schema(case):
    manifest = yaml.safe_load((GOLDEN / case / "manifest.yaml").read_text("utf-8"))
    assert list(SCHEMA.iter_errors(manifest)) == []


@pytest.mark.parametrize("case", CASES)
def test_a_manifest_comes_back_from_its_dictionary(case):
    manifest = compiled(case).manifest
    assert Manifest.from_json(manifest.to_json()) == manifest
    again = Manifest.from_json(json.loads(json.dumps(manifest.to_json())))
    assert (again, again.hash) == (manifest, manifest.hash)


@pytest.mark.parametrize("case", CASES)
def test_every_step_of_a_manifest_comes_after_its_needs(case):
    seen: set[str] = set()
    for step in compiled(case).manifest.steps:
        assert set(step.needs) <= seen
        assert {item.step for item in step.inputs} <= set(step.needs)
        seen.add(step.id)


@pytest.mark.parametrize("case", CASES)
def test_no_golden_pipeline_is_compiled_with_more_than_a_word_on_its_name(case):
    assert {d.code for d in compiled(case).diagnostics} <= {"OML028"}


def test_the_cases_cover_what_a_manifest_can_hold():
    steps = [(case, step) for case in CASES for step in compiled(case).manifest.steps]
    assert {step.role for _, step in steps} == {"extractor", "processor", "writer"}
    assert {step.columns is None for _, step in steps} == {True, False}
    assert {item.scans for _, step in steps for item in step.inputs} >= {0, 1, 2}
    assert any(step.reads and step.connection for _, step in steps)
    assert any(len(step.reads) > 1 for _, step in steps)


def test_steps_whose_table_names_would_meet_get_names_of_their_own():
    names = [item.names for item in compiled("df-collision").manifest.step("all").inputs]
    frames = {frame for frame, *_ in names}
    assert len({frame.casefold() for frame in frames}) == 3
    assert {bare for _, bare in names} == {"a-b", "a.b", "A_B"}


def test_one_identity_makes_one_dataset_family_of_two_aliases():
    manifest = compiled("identity").manifest
    assert [d.name for d in manifest.step("read").reads] == ["duckdb/shop/main/orders"]
    assert [d.name for d in manifest.step("write").writes] == ["duckdb/shop/marts/orders"]


def test_parameters_keep_their_type_and_only_used_ones_are_kept():
    manifest = compiled("params").manifest
    assert manifest.params == {
        "columns": ["id"],
        "create": False,
        "day": "2025-02-02",
        "key": "from_cli",
        "rate": 0.5,
        "table": "orders_dev",
        "top": 3,
    }
    orders = manifest.step("orders").config
    assert (orders["limit"], orders["columns"], orders["path"]) == (3, ["id"], "data/orders_dev.duckdb")
    assert manifest.step("out").config["create_if_missing"] is False
