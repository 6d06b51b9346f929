"""A misspelt name and the known ones in, the one that was probably meant out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice

_LONGEST_NAME = 64
_MOST_CANDIDATES = 300
_LENGTH_SLACK = 4


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


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the sentence that offers the nearest name, empty when none is near."""
    found = nearest(name, known)
    return f"did you mean `{found}`?" if found else ""


def _folded(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")
