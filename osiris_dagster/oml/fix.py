"""A text with findings in, the text with its safe changes made out; never a text with more wrong in it than before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from osiris_dagster.errors import Diagnostic, Edit
from osiris_dagster.oml.edits import apply_edits
from osiris_dagster.oml.validate import Validation

Check = Callable[[str], Validation]
_MOST_ROUNDS = 20
_MOST_SINGLE = 100
_MOST_CHECKED = 1_500_000  # characters read again over all rounds; a longer text is not fixed


@dataclass(frozen=True, slots=True)
class Fixed:
    """The text after the changes, what they mended, and what the validator says now."""

    text: str
    mended: tuple[Diagnostic, ...]
    validation: Validation


def fix(before: Validation, check: Check) -> Fixed:
    """Make every safe change that leaves no new error, again until nothing is left to do.

    What stands outside of the changes stays byte for byte. A change counts as harmless when the errors after it were
    there before, or stand where the change was made, or could not be seen before because the text was no YAML.
    """
    mended: list[Diagnostic] = []
    rounds = min(_MOST_ROUNDS, _MOST_CHECKED // max(1, len(before.document.text)))
    for _ in range(rounds):
        wanted = _without_overlaps(_safe(before.diagnostics))
        done = _tried(before, wanted, check) or _one_by_one(before, wanted[: min(_MOST_SINGLE, rounds)], check)
        if done is None:
            break
        before, made = done
        mended += made
    return Fixed(before.document.text, tuple(mended), before)


def _safe(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    return [finding for finding in found if finding.edits and all(change.safe for change in finding.edits)]


def _without_overlaps(found: list[Diagnostic]) -> list[Diagnostic]:
    """Leave out, for a later round, what touches the text of an earlier finding."""
    taken: list[Edit] = []
    kept = []
    for finding in found:
        if all(change in taken or not any(_meet(change, other) for other in taken) for change in finding.edits):
            kept.append(finding)
            taken += finding.edits
    return kept


def _meet(one: Edit, other: Edit) -> bool:
    return one.start == other.start or (one.start < other.end and other.start < one.end)


def _tried(before: Validation, found: list[Diagnostic], check: Check) -> tuple[Validation, list[Diagnostic]] | None:
    text = before.document.text
    changed = apply_edits(text, (change for finding in found for change in finding.edits))
    if changed == text:
        return None
    after = check(changed)
    return (after, found) if _harmless(before, after, found) else None


def _one_by_one(
    before: Validation, found: list[Diagnostic], check: Check
) -> tuple[Validation, list[Diagnostic]] | None:
    for finding in found if len(found) > 1 else ():
        if done := _tried(before, [finding], check):
            return done
    return None


def _harmless(before: Validation, after: Validation, found: list[Diagnostic]) -> bool:
    if not after.document.whole:
        return not before.document.whole
    if not before.document.whole:
        return True
    known = Counter((error.code, error.path) for error in before.errors)
    places = {place for finding in found for place in _places(finding)}
    new = Counter((error.code, error.path) for error in after.errors) - known
    return all(any(path.startswith(place) for place in places) for _, path in new)


def _places(finding: Diagnostic) -> set[str]:
    """Return the paths below which a change may bring to light what was hidden: the mapping, or the renamed key."""
    around = finding.path.rpartition(".")[0]
    return {around} if around else {change.replacement for change in finding.edits if change.replacement}
