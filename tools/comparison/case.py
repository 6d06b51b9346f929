"""A case is files and calls of the command; what it came to is a text for each aspect, so any two can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tools.comparison.seeds import Seed


@dataclass(frozen=True, slots=True)
class Call:
    """One call of `osiris`."""

    argv: tuple[str, ...]
    interrupt_after: float = 0  # seconds until Ctrl-C; 0: never


@dataclass(frozen=True, slots=True)
class Case:
    """What is done on both sides, each time in a new folder."""

    name: str
    calls: tuple[Call, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)
    store: str = ""  # the family of the target, whose tables and statements are looked at
    connection: Mapping[str, Any] = field(default_factory=dict)  # fields of the store's connection that differ
    before: tuple[str, ...] = ()  # statements that make the store as it is before the calls
    ours: frozenset[str] = frozenset()  # tables with data of the case: their rows are compared as they are
    seed: Seed | None = None  # a project whose copy the case begins with
    exact: bool = False  # nothing is normalised but the folder's name: ids and times are the same on both sides
    measured: bool = False  # durations, memory and digests of them stand in files: they are normalised, too
    timeout: float = 90


Aspects = Mapping[str, str]
"""Name of an aspect (`validate --json: stdout`, `file build/…`, `rows of t`) -> its text."""


def calls(*lines: str) -> tuple[Call, ...]:
    """Return calls from command lines without spaces in their words."""
    return tuple(Call(tuple(line.split())) for line in lines)
