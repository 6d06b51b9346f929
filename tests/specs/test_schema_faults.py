from __future__ import annotations

import pytest

from osiris_dagster.specs.nearest import did_you_mean, nearest
from osiris_dagster.specs.schema import schema_validator
from osiris_dagster.specs.schema_faults import describe, kind_of, schema_faults


def faults(schema: dict[str, object], value: object) -> list[tuple[str, tuple[object, ...], str]]:
    return [(f.kind, f.path, f.message) for f in schema_faults(schema_validator(schema), value)]


def test_missing_keys_are_told_once_each():
    schema = {"type": "object", "required": ["a", "b"], "properties": {"a": {"type": "string"}}}

    assert faults(schema, {}) == [("missing", ("a",), "`a` is missing"), ("missing", ("b",), "`b` is missing")]


def test_of_alternatives_the_one_of_the_right_type_is_told():
    schema = {"properties": {"x": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "array", "minItems": 1}]}}}

    assert faults(schema, {"x": 0}) == [("range", ("x",), "`x` must be a whole number of at least 1")]
    assert faults(schema, {"x": []}) == [("range", ("x",), "`x` must be a list that is not empty")]
    assert faults(schema, {"x": "a"})[0][2] == (
        "`x` must be a whole number of at least 1 or a list that is not empty, not text"
    )


def test_more_than_one_fitting_alternative_is_a_rule():
    schema = {"properties": {"x": {"oneOf": [{"minimum": 1}, {"maximum": 5}], "description": "not both"}}}

    assert faults(schema, {"x": 3}) == [("rule", ("x",), "`x` breaks a rule")]


def test_a_rule_without_a_translation_is_still_told():
    assert faults({"properties": {"x": {"not": {"const": 1}}}}, {"x": 1}) == [("rule", ("x",), "`x` breaks a rule")]
    assert faults({"not": {}}, 1) == [("rule", (), "the value breaks a rule")]
    assert faults({"properties": {"x": False}}, {"x": 1})[0][0] == "rule"


def test_items_are_named_by_their_list():
    schema = {"properties": {"x": {"items": {"type": "string"}, "uniqueItems": True}}}

    assert faults(schema, {"x": ["a", 1, "a"]}) == [
        ("type", ("x", 1), "an item of `x` must be text, not a whole number"),
        ("range", ("x", 2), "an item of `x` stands twice"),
    ]


def test_unique_items_are_compared_as_json():
    schema = {"uniqueItems": True}

    assert faults(schema, [1, True, "1", [1], {"a": 1}, 0, False]) == []
    assert len(faults(schema, [{"a": 1, "b": 2}, {"b": 2, "a": 1}])) == 1
    assert faults(schema, "aa") == []
    assert faults({"uniqueItems": False}, [1, 1]) == []


def test_ten_thousand_mappings_are_compared_in_no_time():
    assert faults({"uniqueItems": True}, [{"n": i} for i in range(10_000)]) == []


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": ["string", "null"]}, "text or nothing"),
        ({"const": True}, "true"),
        ({"type": "number", "exclusiveMinimum": 0}, "a number above 0"),
        ({"type": "integer", "maximum": 3}, "a whole number of at most 3"),
        ({"type": "string", "minLength": 2}, "text of at least 2 characters"),
        ({"type": "string", "maxLength": 1, "minLength": 1}, "text of 1 character"),
        ({"type": "string", "maxLength": 9}, "text of at most 9 characters"),
        ({"type": "array", "items": {"type": "integer"}}, "a list of a whole number"),
        ({"oneOf": [{"type": "boolean"}, {"type": "boolean"}]}, "true or false"),
        ({}, "a value"),
    ],
)
def test_schemas_in_words(schema, words):
    assert describe(schema) == words


def test_kinds_in_words():
    assert [kind_of(value) for value in ("a", 1, 1.5, {}, [])] == [
        "text", "a whole number", "a number", "a mapping", "a list of 0",
    ]  # fmt: skip


def test_near_names():
    known = ["write_mode", "primary_key", "table"]

    assert nearest("writeMode", known) == "write_mode"
    assert nearest("tabel", known) == "table"
    assert nearest("colour", known) == ""
    assert nearest("table" * 50, known) == ""
    assert did_you_mean("tabel", known) == "did you mean `table`?"
    assert did_you_mean("tabel", ()) == ""
