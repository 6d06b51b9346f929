"""What is sampled is the same in every process, another with another seed, and everything when all is asked for."""

from __future__ import annotations

import pytest

from tests import sampling


def test_a_sample_is_as_large_as_asked_and_the_same_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "FULL", False)
    first = sampling.sampled(range(100), 10)
    assert first == sorted(set(first)) == sampling.sampled(iter(range(100)), 10)
    assert len(first) == 10
    monkeypatch.setattr(sampling, "SEED", sampling.SEED + 1)
    assert sampling.sampled(range(100), 10) != first
    assert sampling.sampled("abc", 10) == ["a", "b", "c"]
    assert sampling.examples(7) == 7


def test_in_full_nothing_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "FULL", True)
    assert sampling.sampled(range(100), 10) == list(range(100))
    assert sampling.examples(7) > 7
