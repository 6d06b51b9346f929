"""How much of generated cases a test takes: a sample in `make test`, all of them in `make test-all`.

`OSIRIS_TEST_MATRIX` is `sample`, the default, or `full`; `OSIRIS_TEST_SEED` is a number that chooses another sample.
A test that asks here is marked `matrix`: `make test-all` runs those and no others.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")
FULL = os.environ.get("OSIRIS_TEST_MATRIX", "sample") == "full"
SEED = int(os.environ.get("OSIRIS_TEST_SEED", "0"))
_MORE = 10  # times as many examples of a property, as those have no last one


def sampled(cases: Iterable[T], n: int) -> list[T]:
    """Return all cases, or `n` of them in their order; the same seed gives the same ones in every process."""
    found = list(cases)
    if FULL or len(found) <= n:
        return found
    chosen = sorted(random.Random(SEED).sample(range(len(found)), n))
    return [found[place] for place in chosen]


def examples(n: int) -> int:
    """Return how many examples of a property Hypothesis tries, where `n` are the sample."""
    return n * _MORE if FULL else n
