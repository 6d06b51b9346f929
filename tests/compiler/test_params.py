"""Values of parameters: the type of the default decides what a text means."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.compiler.compiling import compiled

TEXT = """\
oml_version: "0.2.0"
name: p
description: ${{params.x}}
params: {{x: {default}}}
steps:
  - {{id: a, component: duckdb.processor, mode: transform, config: {{query: select 1 as n}}}}
"""


def value_of(default: str, text: str):
    return compiled(TEXT.format(default=default), overrides={"x": text}).manifest.params["x"]


@pytest.mark.parametrize(
    ("default", "text", "value"),
    [
        ("1", "7", 7),
        ("1", " -7 ", -7),
        ("1", "0x1F", 31),
        ("1.5", "7", 7.0),
        ("1.5", "1e3", 1000.0),
        ("true", "FALSE", False),
        ("false", "True", True),
        ("text", "7", "7"),
        ("text", " spaces ", " spaces "),
        ('"1"', "true", "true"),
        ("{default: [1]}", '["a", {"b": null}]', ["a", {"b": None}]),
        ("{default: {a: 1}}", "{}", {}),
        ("{description: any}", "7", "7"),
    ],
)
def test_a_text_becomes_a_value_of_the_type_of_the_default(default, text, value):
    found = value_of(default, text)
    assert (type(found), found) == (type(value), value)


def test_a_profile_shows_the_type_where_there_is_no_default():
    text = TEXT.format(default="{}") + "profiles: {dev: {params: {x: 5}}, prod: {}}\n"
    manifest = compiled(text, profile="prod", overrides={"x": "6"}).manifest
    assert manifest.params == {"x": 6}
    assert manifest.description == "6"


@settings(deadline=None, max_examples=60)
@given(st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans())
def test_a_number_comes_back_from_its_text(number):
    default = {int: "1", float: "1.5", bool: "true"}[type(number)]
    found = value_of(default, json.dumps(number))
    assert (type(found), found) == (type(number), number)


def test_variables_are_written_with_letters_that_a_shell_knows():
    text = TEXT.format(default="1").replace("params: {x:", "params: {Min-x_2:").replace("params.x", "params.Min-x_2")
    for variable, value in (("OSIRIS_PARAM_MIN_X_2", 7), ("OSIRIS_PARAM_Min-x_2", 1), ("MIN_X_2", 1)):
        assert compiled(text, env={variable: "7"}).manifest.params == {"Min-x_2": value}
