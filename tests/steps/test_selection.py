import pytest

from osiris_dagster.compiler.manifest import Dataset
from osiris_dagster.errors import RunError
from osiris_dagster.steps.selection import select

CHAIN = """
a extractor
b processor < a
c writer < b
d writer < b
"""


def test_unselected_upstreams_run_for_the_first_selected_step_that_reads_them(lab):
    selection = select(lab.manifest(CHAIN), frozenset("cd"))
    assert [step.id for step in selection.steps] == ["a", "b", "c", "d"]
    assert selection.recorded == {"c", "d"}
    assert selection.speakers == {"a": "c", "b": "c"}


def test_a_selected_step_hides_what_is_behind_it_from_those_after_it(lab):
    selection = select(lab.manifest(CHAIN), frozenset("bd"))
    assert [step.id for step in selection.steps] == ["a", "b", "d"]
    assert selection.speakers == {"a": "b"}


def test_an_unselected_upstream_with_effects_outside_is_refused_and_named(lab):
    manifest = lab.manifest(CHAIN, a={"writes": (Dataset(("mysql", "shop", "", "seen")),)})
    with pytest.raises(RunError, match="'b' reads 'a', which is not selected and has effects outside") as caught:
        select(manifest, frozenset("c"))
    assert caught.value.first.found == "mysql/shop//seen"
    assert caught.value.first.fix == "select 'a' too"
    assert select(manifest, frozenset("abc")).recorded == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("steps", "selected", "message"),
    [
        ("a extractor", "ab", "pipeline 'lab' has no step 'b'"),
        ("a extractor\nb extractor < a", "ab", "extractor 'b' cannot take rows from 1 steps"),
        ("a writer", "a", "writer 'a' cannot take rows from 0 steps"),
        ("a extractor\nb extractor\nc writer < a b", "c", "writer 'c' cannot take rows from 2 steps"),
        ("a extractor\nb writer < a\nc processor < b", "abc", "'c' cannot take rows from writer 'b'"),
        ("a extractor\nb writer < a\nc processor < b", "c", "'c' cannot take rows from writer 'b'"),
        ("b processor < a\na extractor", "ab", "'b' does not come after 'a', which it needs"),
        ("a extractor after a", "a", "'a' does not come after 'a', which it needs"),
        ("a extractor after x", "a", "'a' does not come after 'x', which it needs"),
    ],
)
def test_a_manifest_that_cannot_run_is_refused_before_anything_starts(lab, steps, selected, message):
    with pytest.raises(RunError, match=message) as caught:
        lab.execution(lab.manifest(steps), " ".join(selected))
    assert caught.value.first.code == "RUN010"
    assert lab.scratch == []


def test_a_processor_may_have_no_inputs(lab):
    assert lab.run(lab.manifest("a processor", a={"config": {"sum": True, "plus": 7}})).reports["a"].rows_out == 1
