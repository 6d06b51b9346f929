"""Model, JSON Schema, context and shapes say the same: a field cannot be in one of them alone."""

from __future__ import annotations

import dataclasses
import json
import typing
from importlib.resources import files

from cases import CASES, built
from jsonschema import Draft202012Validator

from osiris_dagster.aiop import model
from osiris_dagster.aiop.gates.answers import QUESTIONS
from osiris_dagster.aiop.gates.shapes import shapes
from osiris_dagster.aiop.model.context import CONTEXT, CONTEXT_SHA256
from osiris_dagster.canonical import canonical_json, sha256

SCHEMA = json.loads(files("osiris_dagster.aiop.model").joinpath("core.schema.json").read_text(encoding="utf-8"))
KINDS = {
    kind.KINDS[0]: kind
    for name in model.__all__
    if name not in ("Node", "Ref") and issubclass(kind := getattr(model, name), model.Node)
}


def rules(name: str) -> dict:
    return SCHEMA if name == "AIOperationPackage" else SCHEMA["$defs"][name]


def test_the_schema_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)


def test_every_kind_of_node_has_the_same_fields_in_model_and_schema():
    for name, kind in KINDS.items():
        fields = {field.name for field in dataclasses.fields(kind)} - {"id"}
        assert rules(name)["properties"].keys() - {"@id", "@type", "@context"} == fields, name
        assert rules(name)["properties"]["@type"] == {"const": list(kind.KINDS)}, name
        assert rules(name)["additionalProperties"] is False, name


def test_every_object_of_the_schema_is_a_kind_of_node():
    objects = {name for name, rule in SCHEMA["$defs"].items() if rule.get("type") == "object"}
    assert objects == KINDS.keys() - {"AIOperationPackage"}


def test_fields_and_kinds_are_exactly_the_terms_of_the_context():
    terms = {
        name
        for name, rule in CONTEXT.items()
        if not name.startswith("@") and not (isinstance(rule, dict) and rule.get("@prefix"))
    }
    fields = {field.name for kind in KINDS.values() for field in dataclasses.fields(kind)} - {"id"}
    assert terms == fields | KINDS.keys()


def test_a_field_that_refers_to_nodes_is_coerced_to_an_id():
    for kind in KINDS.values():
        hints = typing.get_type_hints(kind)
        for name, hint in hints.items():
            parts = [hint, *typing.get_args(hint), *(a for p in typing.get_args(hint) for a in typing.get_args(p))]
            if any(isinstance(part, type) and issubclass(part, model.Node) for part in parts):
                assert CONTEXT[name]["@type"] == "@id", (kind.__name__, name)


def test_whole_numbers_flags_and_times_are_typed_by_the_context():
    wanted = {"int": "xsd:integer", "bool": "xsd:boolean"}
    for kind in KINDS.values():
        for name, hint in typing.get_type_hints(kind).items():
            plain = next((part for part in (*typing.get_args(hint), hint) if part in (int, bool)), None)
            if name not in ("id", "KINDS") and plain is not None:
                assert CONTEXT[name]["@type"] == wanted[plain.__name__], (kind.__name__, name)


def test_no_term_has_the_name_of_a_prefix():
    prefixes = {name for name, rule in CONTEXT.items() if isinstance(rule, dict) and rule.get("@prefix")} | {"r", "p"}
    assert prefixes & (CONTEXT.keys() - prefixes) == set()
    assert not {"@base", "@vocab"} & CONTEXT.keys()


def test_the_digest_is_that_of_the_packaged_file():
    assert sha256(canonical_json(CONTEXT)) == CONTEXT_SHA256


def test_every_packaged_question_is_asked():
    packaged = {file.name for file in files("osiris_dagster.aiop.gates").joinpath("questions").iterdir()}
    assert packaged == {f"{name}.rq" for name in QUESTIONS}


def test_every_shape_has_a_kind_of_node_to_look_at():
    targets = shapes().query("SELECT ?kind WHERE { ?s <http://www.w3.org/ns/shacl#targetClass> ?kind }")
    assert {str(row[0]).rpartition("/")[2] for row in targets} <= KINDS.keys()


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
