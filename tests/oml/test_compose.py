from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from osiris_dagster.oml import compose as composer
from osiris_dagster.oml.compose import MAX_FAULTS, compose
from osiris_dagster.oml.document import path_text
from osiris_dagster.oml.scalars import resolve_plain

TEXT = """\
name: orders
steps:
  - id: a
    config: {query: "select 1", n: [1, 2]}
  - &second
    id: b
    note: |
      two
      lines
copy: *second
empty:
"""


def test_every_value_and_key_has_a_span():
    document = compose(TEXT, "a.yaml")

    assert document.whole
    assert document.value["steps"][0] == {"id": "a", "config": {"query": "select 1", "n": [1, 2]}}
    assert document.marks[("name",)][:4] == (1, 7, 6, 1)
    assert document.key_marks[("steps",)][:4] == (2, 1, 5, 1)
    assert document.marks[("steps", 0)][:4] == (3, 5, 2, 1)  # a block mapping is pointed at by its first key
    assert document.marks[("steps", 0, "config")][:4] == (4, 13, 30, 1)
    assert document.marks[("steps", 0, "config", "query")][:4] == (4, 21, 10, 1)
    assert document.marks[("steps", 0, "config", "n", 1)][:4] == (4, 40, 1, 1)
    assert document.marks[("steps", 1, "note")][:4] == (7, 11, 1, 3)
    assert document.key_marks[("empty",)].line == 11


def test_what_an_alias_repeats_is_marked_where_the_alias_stands():
    document = compose(TEXT, "a.yaml")

    assert document.value["copy"] == document.value["steps"][1]
    assert document.span(("copy", "note"))[:4] == (10, 7, 7, 1)
    assert str(document.place(("copy", "id"))) == "a.yaml:10:7"


def test_a_path_that_does_not_exist_is_shown_at_the_nearest_above():
    document = compose(TEXT, "a.yaml")

    assert document.span(("steps", 0, "config", "nothing", "deeper")) == document.span(("steps", 0, "config"))
    assert document.span(("nowhere",))[:4] == (1, 1, 4, 1)
    assert document.span(("steps", 0, "nothing"), key=True)[:4] == (3, 5, 2, 1)
    assert compose("", "a.yaml").span(("x",))[:4] == (1, 1, 1, 1)


def test_lines_are_counted_by_lf_crlf_and_cr_alike():
    for line_break in ("\n", "\r\n", "\r"):
        document = compose(TEXT.replace("\n", line_break), "a.yaml")
        assert document.marks[("copy",)][:4] == (10, 7, 7, 1)
        assert document.line(10) == "copy: *second"
        assert document.line(99) == ""


def test_bytes_and_text_give_the_same_document():
    text = "\ufeffdescription: čokoláda 🍫\nname: x\n"

    assert compose(text.encode(), "a.yaml") == compose(text, "a.yaml")
    assert compose(text, "a.yaml").marks[("description",)][:4] == (1, 14, 10, 1)


def test_the_parser_in_python_gives_the_same_document_and_faults(monkeypatch):
    texts = [
        TEXT,
        "a: .inf\n1: x\na: 2\n",
        "a: b\n---\nc",
        "a: *x",
        "<<: {a: 1}",
        "{a: 'x', b: !!str 12}",
        "%TAG ! x\n--- a",
    ]
    fast = [compose(text, "a.yaml") for text in texts]
    monkeypatch.setattr(composer, "_Parser", yaml.SafeLoader)

    slow = [compose(text, "a.yaml") for text in texts]

    assert [d.value for d in slow] == [d.value for d in fast]
    assert [d.faults for d in slow] == [d.faults for d in fast]
    assert slow[0].marks == fast[0].marks
    for broken in ("a: b: c", "a:\n\t- b", "a: 'x", "a: [1", "a: @x", "a: {b: 1 c: 2}"):
        assert [fault.code for fault in compose(broken, "a.yaml").faults] in (["OML001"], ["OML009"])


def test_faults_that_let_reading_go_on_are_collected_up_to_a_bound():
    document = compose("a: 1\n" * 1000, "a.yaml")

    assert document.whole
    assert document.value == {"a": 1}
    assert len(document.faults) == MAX_FAULTS + 1


def test_the_second_value_of_a_key_is_read_for_faults_and_dropped():
    document = compose("a: {b: 1}\na: {b: .nan, c: 1}\n", "a.yaml")

    assert document.value == {"a": {"b": 1}}
    assert [fault.code for fault in document.faults] == ["OML004", "OML010"]
    assert document.marks[("a", "b")].line == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("012", "012"), ("12:30", "12:30"), ("0x1F", 31), ("0o17", 15), ("1e3", 1000.0),
        ("-1.5E-2", -0.015), (".5", 0.5), ("1.", 1.0), ("+7", 7), ("-0", 0), ("1_000", "1_000"), ("0b1", "0b1"),
        ("~", None), ("", None),
        ("Null", None), ("nULL", "nULL"), ("TRUE", True), ("tRUE", "tRUE"), ("2025-01-01", "2025-01-01"), ("=", "="),
        ("18446744073709551615", 18446744073709551615), ("-9223372036854775808", -9223372036854775808), ("1.e", "1.e"),
        ("+", "+"), (".", "."), ("-0x1F", "-0x1F"), ("01.5", "01.5"), ("٣", "٣"),
    ],
)  # fmt: skip
def test_plain_scalars_follow_the_core_schema(text, value):
    found = resolve_plain(text)

    assert found == value
    assert type(found) is type(value)


def test_paths_are_written_as_people_read_them():
    assert path_text(()) == ""
    assert path_text(("steps", 0, "a b", "c")) == 'steps[0]["a b"].c'
    assert len(path_text(("x" * 5000,))) < 200


TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufeff\ufffe\uffff\u2028\u2029")
)
NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
KEYS = st.text("abcdefgh<", max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(JSON)
def test_json_reads_as_itself(value):
    document = compose(json.dumps(value, ensure_ascii=False), "a.json")

    assert document.faults == ()
    assert document.value == value
