"""Aspects of two sides in, differences out; and which of them were expected."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import yaml

from tools.comparison.case import Aspects

ABSENT = "(absent)"
_SHOWN = 240


@dataclass(frozen=True, slots=True)
class Difference:
    """One aspect of one case that differs: its first differing line on both sides."""

    part: str
    case: str
    aspect: str
    line: int
    old: str
    new: str

    @property
    def kind(self) -> str:
        """What differences are grouped by: the part, and the aspect without names and digests in it."""
        return f"{self.part}: {re.sub(r'[/ ][0-9a-f]{7,}', '', self.aspect)}"

    def __str__(self) -> str:
        """One line, the form that expectations are matched with."""
        return (
            f"{self.part} | {self.case} | {self.aspect} | line {self.line} | "
            f"old: {self._around(self.old)} | new: {self._around(self.new)}"
        )

    def _around(self, text: str) -> str:
        """The part of a line where it begins to differ."""
        pairs = enumerate(zip_longest(self.old, self.new))
        same = next((number for number, (a, b) in pairs if a != b), 0)
        start = max(0, same - _SHOWN // 2) if same > _SHOWN // 2 else 0
        shown = text.rstrip("\n")[start : start + _SHOWN]
        return f"{'...' if start else ''}{shown}{'...' if len(text) > start + _SHOWN else ''}"


@dataclass(frozen=True, slots=True)
class Expectation:
    """A difference that a merge intends: a regular expression for its line, and why."""

    match: str
    reason: str


def differences(part: str, case: str, old: Aspects, new: Aspects) -> Iterator[Difference]:
    """Yield one difference for each aspect that is not the same text on both sides."""
    for aspect in sorted(old.keys() | new.keys()):
        before, after = old.get(aspect), new.get(aspect)
        if before is None or after is None:
            yield Difference(part, case, aspect, 0, _first(before), _first(after))
        elif before != after:
            yield Difference(part, case, aspect, *_first_difference(before, after))


def read_expectations(file: Path | None) -> tuple[Expectation, ...]:
    """Read a YAML list of {match, reason}."""
    entries = yaml.safe_load(file.read_text("utf-8")) or [] if file else []
    return tuple(Expectation(**entry) for entry in entries)


def report(found: Sequence[Difference], expected: Sequence[Expectation], shown: int) -> tuple[list[str], bool]:
    """Return the lines of the report, and whether all is as expected."""
    reasons = {each: _reason(each, expected) for each in found}
    lines = _grouped([each for each in found if not reasons[each]], shown)
    unexpected = bool(lines)
    met = Counter(reasons.values())
    lines += [f"{met[each]:6}  expected: {each.reason}" for each in expected if met[each]]
    unused = [each for each in expected if not met[each]]
    lines += [f"nothing matches the expectation {each.match!r} ({each.reason})" for each in unused]
    return lines, not unexpected and not unused


def _reason(found: Difference, expected: Iterable[Expectation]) -> Expectation | None:
    return next((each for each in expected if re.search(each.match, str(found))), None)


def _grouped(found: Sequence[Difference], shown: int) -> list[str]:
    kinds: dict[str, list[Difference]] = {}
    for each in found:
        kinds.setdefault(each.kind, []).append(each)
    lines = []
    for kind, members in sorted(kinds.items(), key=lambda item: -len(item[1])):
        lines.append(f"{len(members):6}  {kind}")
        lines += [f"        {each}" for each in members[:shown]]
        lines += [f"        ... and {len(members) - shown} more"] if len(members) > shown else []
    return lines


def _first_difference(old: str, new: str) -> tuple[int, str, str]:
    pairs = zip_longest(old.splitlines(keepends=True), new.splitlines(keepends=True), fillvalue=ABSENT)
    return next((number, a, b) for number, (a, b) in enumerate(pairs, 1) if a != b)


def _first(text: str | None) -> str:
    return ABSENT if text is None else text.partition("\n")[0] or "(empty)"
