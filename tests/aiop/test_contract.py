"""Context, JSON Schema, shapes, questions and the contract of control fit each other."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from cases import CASES, built
from jsonschema import Draft202012Validator

from osiris_dagster.aiop.gates.answers import QUESTIONS
from osiris_dagster.aiop.gates.shapes import shapes
from osiris_dagster.aiop.model.context import CONTEXT, CONTEXT_SHA256, SCHEMA_VERSION
from osiris_dagster.canonical import canonical_json, sha256

SCHEMA = json.loads(files("osiris_dagster.aiop.model").joinpath("core.schema.json").read_text(encoding="utf-8"))
KINDS = {"AIOperationPackage"} | {name for name, rule in SCHEMA["$defs"].items() if rule.get("type") == "object"}
VERSIONS = json.loads((Path(__file__).parent / "contexts.json").read_text(encoding="utf-8"))


def test_the_schema_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)


def test_no_term_has_the_name_of_a_prefix():
    prefixes = {name for name, rule in CONTEXT.items() if isinstance(rule, dict) and rule.get("@prefix")} | {"r", "p"}
    assert prefixes & (CONTEXT.keys() - prefixes) == set()
    assert not {"@base", "@vocab"} & CONTEXT.keys()


def test_a_changed_context_has_a_version_of_its_own():
    assert VERSIONS[SCHEMA_VERSION] == CONTEXT_SHA256 == sha256(canonical_json(CONTEXT))
    assert len(set(VERSIONS.values())) == len(VERSIONS)


def test_every_packaged_question_is_asked():
    packaged = {file.name for file in files("osiris_dagster.aiop.gates").joinpath("questions").iterdir()}
    assert packaged == {f"{name}.rq" for name in QUESTIONS}


def test_every_shape_has_a_kind_of_node_to_look_at():
    targets = shapes().query("SELECT ?kind WHERE { ?s <http://www.w3.org/ns/shacl#targetClass> ?kind }")
    assert {str(row[0]).rpartition("/")[2] for row in targets} <= KINDS


def test_the_contract_of_control_names_every_capability_and_nothing_else():
    contract = json.loads(
        files("osiris_dagster.aiop.model").joinpath("control.contract.json").read_text(encoding="utf-8")
    )
    assert list(contract["capabilities"]) == SCHEMA["$defs"]["Capability"]["properties"]["name"]["enum"]
    made = {c.name: c.command for case in CASES for c in built(case).package.control.capabilities}
    assert made.keys() == contract["capabilities"].keys()
    for name, command in made.items():
        words = [word for word in contract["capabilities"][name]["command"].split() if not word.isupper()]
        assert command.split()[: len(words)] == words
