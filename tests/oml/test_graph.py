from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osiris_dagster.errors import OmlError
from osiris_dagster.oml.graph import find_cycle, find_cycles, table_names, topological
from osiris_dagster.oml.model import Step


def step(index: int, step_id: str, *needs: str) -> Step:
    return Step(index=index, id=step_id, component="x.y", mode="transform", needs=needs)


def test_steps_free_to_move_keep_the_order_of_the_text():
    steps = [step(0, "d", "b"), step(1, "a"), step(2, "b"), step(3, "c", "a", "a", "nowhere")]

    assert [s.id for s in topological(steps)] == ["a", "b", "d", "c"]


def test_an_ordered_document_stays_as_it_is():
    steps = [step(i, f"s{i}", *([f"s{i - 1}"] if i % 3 else [])) for i in range(30)]

    assert topological(steps) == tuple(steps)


def test_ten_thousand_steps_in_a_chain_are_ordered():
    steps = [step(i, str(i), *([str(i + 1)] if i < 9999 else [])) for i in range(10_000)]

    assert [s.id for s in topological(steps)][:2] == ["9999", "9998"]
    assert find_cycle({s.id: s.needs for s in steps}) == ()


def test_a_circle_is_an_error_that_names_it():
    with pytest.raises(OmlError, match="a -> b -> a"):
        topological([step(0, "a", "b"), step(1, "b", "a"), step(2, "c")])


def test_one_shortest_circle_is_given_for_every_group():
    needs = {"x": ["a"], "a": ["b", "c"], "b": ["c"], "c": ["a"], "d": ["d"], "e": ["f", "a"], "f": ["e", "gone"]}

    assert list(find_cycles(needs)) == [("a", "c", "a"), ("d", "d"), ("e", "f", "e")]


def test_a_circle_of_a_hundred_thousand_is_found():
    needs = {str(i): [str((i + 1) % 100_000)] for i in range(100_000)}

    assert len(find_cycle(needs)) == 100_001


GRAPHS = st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdefg"), max_size=3))


@given(GRAPHS)
def test_circles_are_real_and_none_is_missed(needs):
    reach = {node: _reachable(node, needs) for node in needs}
    groups = {frozenset(m for m in needs if m in reach[n] and n in reach[m]) for n in needs if n in reach[n]}

    circles = list(find_cycles(needs))

    assert len(circles) == len(groups)
    for circle in circles:
        assert circle[0] == circle[-1]
        assert len(set(circle)) == len(circle) - 1
        assert all(after in needs[before] for before, after in pairwise(circle))


@given(GRAPHS)
def test_every_step_comes_after_its_needs(needs):
    steps = [step(i, node, *targets) for i, (node, targets) in enumerate(needs.items())]
    if find_cycle(needs):
        with pytest.raises(OmlError):
            topological(steps)
        return
    order = [s.id for s in topological(steps)]
    assert sorted(order) == sorted(needs)
    assert all(order.index(need) < order.index(node) for node in needs for need in needs[node] if need in needs)


def _reachable(start: str, needs: dict[str, list[str]]) -> set[str]:
    seen: set[str] = set()
    todo = [start]
    while todo:
        for need in needs[todo.pop()]:
            if need in needs and need not in seen:
                seen.add(need)
                todo.append(need)
    return seen


@pytest.mark.parametrize(
    ("step_id", "ids", "names"),
    [
        ("orders", ["orders"], ("df_orders", "orders")),
        ("a-b", ["a-b"], ("df_a_b", "a-b")),
        ("a-b", ["a-b", "a_b"], ("df_a_b_d44362d6", "a-b")),
        ("a_b", ["a-b", "a_b"], ("df_a_b_648fa9b3", "a_b")),
        ("Orders", ["Orders", "orders"], ("df_Orders_b7e8acdd",)),  # DuckDB does not tell the two apart
        ("df_orders", ["orders", "df_orders"], ("df_df_orders",)),  # its bare id is the other's table
        ("orders", ["orders", "df_orders"], ("df_orders", "orders")),
        ("objednávky dne", ["objednávky dne"], ("df_objedn_vky_dne", "objednávky dne")),
        ("1", ["1"], ("df_1", "1")),
        ("unlisted", ["a"], ("df_unlisted", "unlisted")),
    ],
)
def test_table_names(step_id, ids, names):
    assert table_names(step_id, ids) == names


@given(st.lists(st.text("aAbB-_ .df", min_size=1, max_size=6), unique=True, max_size=8))
def test_no_two_steps_share_a_table_name(ids):
    names = [name.casefold() for step_id in ids for name in table_names(step_id, ids)]

    assert len(set(names)) == len(names)
