"""One byte form per value, and names that are safe anywhere."""

from __future__ import annotations

import json
import re

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from osiris_dagster.canonical import canonical_json, fingerprint, readable_json, sha256, slug

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcäž_-", max_size=5), inner, max_size=3),
)


@given(VALUES)
def test_the_bytes_are_those_of_an_independent_implementation(value):
    assert canonical_json(value) == rfc8785.dumps(value)


@given(VALUES)
def test_both_forms_give_the_value_back(value):
    assert json.loads(canonical_json(value)) == value
    assert json.loads(readable_json(value)) == value
    assert readable_json(value).endswith("\n")


@given(st.dictionaries(TEXT, st.integers(), min_size=2))
def test_the_order_of_keys_does_not_matter(value):
    turned = dict(reversed(value.items()))
    assert canonical_json(turned) == canonical_json(value)
    assert readable_json(turned) == readable_json(value)
    assert fingerprint(turned) == fingerprint(value) == "sha256:" + sha256(canonical_json(value))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_does_not_have_is_refused(number):
    for write in (canonical_json, readable_json):
        with pytest.raises(ValueError, match="JSON compliant"):
            write({"x": [number]})


def test_text_and_its_bytes_have_one_digest():
    assert sha256("abc") == sha256(b"abc")
    assert sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256("ž") == sha256("ž".encode())


@given(TEXT, TEXT)
def test_two_texts_have_two_slugs(one, other):
    assert (slug(one) == slug(other)) == (one == other)


@given(st.text(max_size=200).filter(lambda t: t.isprintable()))
def test_a_slug_is_a_short_plain_name(text):
    assert re.fullmatch(r"[a-z0-9_-]{1,80}", slug(text))


@pytest.mark.parametrize("text", ["a", "orders-daily", "a_b-2"])
def test_a_plain_text_is_its_own_slug(text):
    assert slug(text) == text


@pytest.mark.parametrize("text", ["", "-", "--a--", "A", "..", "a/b", "x" * 65, "数据"])
def test_any_other_text_gets_a_digest(text):
    assert re.fullmatch(r"[a-z0-9_-]*-[0-9a-f]{8}", slug(text))
