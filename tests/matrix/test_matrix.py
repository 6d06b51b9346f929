from __future__ import annotations

import pytest

from tests.matrix.faults import faults
from tests.matrix.pairs import DIMENSIONS, FAMILIES, MODES, pairs, some_pairs


def test_every_pair_has_a_name_of_its_own():
    names = [pair.name for pair in pairs()]
    assert len(set(names)) == len(names) > 6000


def test_three_hundred_pairs_meet_every_type_of_every_family():
    chosen = some_pairs(300)
    assert len({pair.name for pair in chosen}) == 300
    for family, own in DIMENSIONS["families"].items():
        members = [pair for pair in chosen if pair.family == family]
        assert {pair.mode for pair in members} == set(MODES)
        assert {pair.target for pair in members} == set(own["targets"])
        assert {pair.source for pair in members} == {*DIMENSIONS["sources"], *own["native"]}


def test_equal_seeds_choose_equal_pairs_and_others_others():
    assert some_pairs(30, 1) == some_pairs(30, 1) != some_pairs(30, 2)


def test_more_pairs_than_there_are_is_an_error():
    with pytest.raises(ValueError, match="pairs of duckdb, not"):
        some_pairs(1_000_000)


def test_faults_have_names_of_their_own_and_reach_every_family():
    found = list(faults())
    names = [(fault.number, fault.name) for fault in found]
    assert len(set(names)) == len(names)
    assert {fault.family for fault in found} == set(FAMILIES)
