"""Names outside of OML: plain ones stay, others become plain, and no two ever meet."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from osiris_dagster.compiler.manifest import Manifest, StepPlan
from osiris_dagster.compiler.names import identifier, key_part, step_parts

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12) | st.text(
    "ab.-_ B", min_size=1, max_size=4
)


@settings(deadline=None)
@given(TEXT)
def test_a_key_part_is_plain_and_stable(text):
    part = key_part(text)
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", part)
    assert key_part(part) == part
    assert re.fullmatch(r"[A-Za-z0-9_]*", identifier(text))


@settings(deadline=None)
@given(TEXT, TEXT)
def test_two_names_have_two_key_parts(one, other):
    assert (key_part(one) == key_part(other)) == (one == other)


@settings(deadline=None, max_examples=200)
@given(st.lists(TEXT, min_size=1, max_size=8, unique=True))
def test_the_steps_of_a_pipeline_never_meet_in_dagster(ids):
    steps = tuple(StepPlan(step, "duckdb.processor", "1", "processor", {}) for step in ids)
    parts = step_parts(Manifest("orders daily", "p.yaml", "0.2.0", steps))
    assert list(parts) == ids
    assert {pipeline for pipeline, _ in parts.values()} == {key_part("orders daily")}
    assert len({identifier(part) for _, part in parts.values()}) == len(ids)


def test_steps_that_do_not_meet_keep_their_names():
    steps = tuple(StepPlan(step, "duckdb.processor", "1", "processor", {}) for step in ("a-b", "a.b", "c-d"))
    parts = step_parts(Manifest("p", "p.yaml", "0.2.0", steps))
    assert parts["c-d"] == ("p", "c-d")
    assert parts["a-b"][1].startswith("a-b-")
    assert parts["a.b"][1].startswith("a.b-")
