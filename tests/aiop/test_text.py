from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osiris_dagster.aiop.facts.text import clean, colourless, cut
from osiris_dagster.aiop.files.markdown import block, code

everything = st.text(alphabet=st.characters(codec=None))


@given(everything)
def test_clean_text_has_no_unseen_character_and_is_clean_for_good(text):
    done = clean(text)
    assert clean(done) == done
    assert done.encode().decode() == done
    assert not any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" for c in done)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u2028\u2029]", done)


@given(st.text(alphabet="ab\x1b\x00\u202e[31m", max_size=8), st.text(alphabet="ab\x1b\x00\u202e[31m", max_size=8))
def test_different_texts_stay_different(one, other):
    assert (clean(one) == clean(other)) == (one == other)


@pytest.mark.parametrize("text", ["plain", "ěščřž", "a\tb\nc", "family \U0001f468\u200d\U0001f469", "نص‌فارسی"])
def test_ordinary_text_is_left_alone(text):
    assert clean(text) == text


def test_colours_of_a_terminal_go():
    assert colourless(clean("\x1b[1;31merror\x1b[0m: x")) == "error: x"


@given(st.text(), st.integers(60, 200))
def test_a_cut_text_fits_and_is_cut_for_good(text, limit):
    done = cut(text, limit)
    assert len(done) <= limit
    assert cut(done, limit) == done
    assert done == text or "cut: " in done


def test_long_texts_that_begin_alike_stay_apart():
    assert cut("x" * 500 + "a", 100) != cut("x" * 500 + "b", 100)


@given(st.text(alphabet="a`|\n <", max_size=20))
def test_a_code_span_cannot_be_closed_by_its_content(text):
    span = code(text)
    if not text.split():
        assert span == ""
        return
    ticks = re.match("`+", span).group()
    inner = span[len(ticks) : -len(ticks)]
    assert "\n" not in span
    assert len(ticks) not in {len(run) for run in re.findall("`+", inner)}


@given(st.text(alphabet="a`\n", max_size=20))
def test_a_fence_cannot_be_closed_by_its_content(text):
    first, *inner, last = block(text)
    assert first == last + "text"
    assert not any(line.startswith(last) for line in inner)
