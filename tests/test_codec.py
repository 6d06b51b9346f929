"""What the codec promises beyond the records that it is used for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import pytest

from osiris_dagster.codec import SPARSE, MalformedError, from_json, json_key, to_json


@dataclass(frozen=True)
class Pair:
    JSON: ClassVar = "array"
    left: int
    right: str | None


@dataclass(frozen=True)
class Name:
    JSON: ClassVar = "value"
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Whole:
    kind: Literal["a", "b"]
    name: Name = field(metadata=json_key("from"))
    pairs: tuple[Pair, ...] = ()
    free: Mapping[str, Any] = field(default_factory=dict)
    sized: tuple[str, int] = field(default=("", 0), metadata=SPARSE)
    few: frozenset[str] = field(default=frozenset(), metadata=SPARSE)
    amount: float = field(default=1, metadata=SPARSE)
    start: str | int | float = field(default="", metadata=json_key("begin", sparse=True))
    inner: Whole | None = field(default=None, metadata=SPARSE)
    by_name: Mapping[str, Pair] = field(default_factory=dict, metadata=SPARSE)


@dataclass(frozen=True)
class Impossible:
    either: Pair | Name


BARE = {"kind": "a", "from": ["x"], "pairs": [], "free": {}}
FULL = {
    "kind": "b",
    "from": ["x", "y"],
    "pairs": [[1, "one"], [2, None]],
    "free": {"any": [1, {"thing": None}]},
    "sized": ["m", 2],
    "few": ["a", "z"],
    "amount": 2,
    "begin": 1.5,
    "inner": BARE,
    "by_name": {"p": [3, "three"]},
}


@pytest.mark.parametrize("value", [BARE, FULL])
def test_what_was_read_is_written_as_it_was(value):
    assert to_json(from_json(Whole, value)) == value


def test_a_field_that_was_left_out_has_its_default():
    assert from_json(Whole, BARE) == Whole("a", Name(("x",)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": 1}, "kind: expected one of a, b, found int"),
        ({"kind": "c" * 99}, f"kind: expected one of a, b, found '{'c' * 40}'"),
        ({"from": "x"}, "from: expected an array, found str"),
        ({"pairs": [[1, "one"], [2]]}, "pairs[1]: expected an array of 2, found list"),
        ({"pairs": [[1, 1]]}, "pairs[0]: expected text or null, found int"),
        ({"free": []}, "free: expected an object, found list"),
        ({"few": [1]}, "few[0]: expected text, found int"),
        ({"amount": True}, "amount: expected a number, found bool"),
        ({"begin": None}, "begin: expected text or a whole number or a number, found null"),
        ({"inner": {**BARE, "inner": {"kind": "a"}}}, "inner.inner.from: is missing"),
        ({"by_name": {"p": [None, None]}}, "by_name.p: expected a whole number, found null"),
    ],
)
def test_another_shape_is_refused_with_its_place(change, message):
    with pytest.raises(MalformedError, match=re.escape(message) + "$"):
        from_json(Whole, {**FULL, **change})


def test_a_class_of_which_json_would_not_tell_what_is_meant_is_refused():
    with pytest.raises(TypeError, match="has no JSON form"):
        to_json(Impossible(Pair(1, "")))
