"""A misspelt name and the known ones in, the one that was probably meant out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice

_LONGEST_NAME = 64
_MOST_CANDIDATES = 300
_LENGTH_SLACK = 4
_SHORTEST_SLIP = 5


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name nearest to `name`, empty when none is near; bounded work for any input.

    >>> nearest("upsrt", ["append", "replace", "upsert"]), nearest("WriteMode", ["write_mode"]), nearest("x", ["abc"])
    ('upsert', 'write_mode', '')
    """
    if len(name) > _LONGEST_NAME:
        return ""
    wanted = _folded(name)
    near = (n for n in known if abs(len(n) - len(name)) <= _LENGTH_SLACK)
    folded: dict[str, str] = {}
    for candidate in islice(near, _MOST_CANDIDATES):
        folded.setdefault(_folded(candidate), candidate)
    if wanted in folded:
        return folded[wanted]
    found = difflib.get_close_matches(wanted, folded, n=1, cutoff=0.65)
    return folded[found[0]] if found else ""


def certainly(name: str, known: Iterable[str]) -> str:
    """Return the known name that `name` can only stand for: equal but for case and separators, or one slip away.

    A slip is a letter left out, added, changed or swapped with its neighbour, in a name of at least five letters, and
    no other known name is as near. Empty when there is doubt.

    >>> certainly("writeMode", ["write_mode"]), certainly("thread", ["threads"]), certainly("paht", ["path"])
    ('write_mode', 'threads', '')
    """
    if len(name) > _LONGEST_NAME:
        return ""
    names = list(islice(known, _MOST_CANDIDATES))
    same = [candidate for candidate in names if _folded(candidate) == _folded(name)]
    near = same or [candidate for candidate in names if len(name) >= _SHORTEST_SLIP and _one_slip(name, candidate)]
    return near[0] if len(near) == 1 else ""


def _one_slip(one: str, other: str) -> bool:
    one, other = sorted((one.lower(), other.lower()), key=len)
    if len(other) - len(one) > 1:
        return False
    start = next((index for index, char in enumerate(one) if char != other[index]), len(one))
    rest, other_rest = one[start:], other[start:]
    if len(one) < len(other):
        return rest == other_rest[1:]
    return rest[1:] == other_rest[1:] or (rest[:2] == other_rest[1::-1] and rest[2:] == other_rest[2:])


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the sentence that offers the nearest name, empty when none is near."""
    found = nearest(name, known)
    return f"did you mean `{found}`?" if found else ""


def _folded(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")
