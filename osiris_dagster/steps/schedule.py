"""Which unit may start when: told what ended, it says what became ready or will never run. No threads here."""

from __future__ import annotations

from collections.abc import Sequence

from osiris_dagster.steps.units import Unit


class Schedule:
    """The state of the units of one run. Not safe for threads by itself."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self._waits_for = [len(unit.after) for unit in units]
        self._followers: list[list[int]] = [[] for _ in units]
        for index, unit in enumerate(units):
            for before in unit.after:
                self._followers[before].append(index)
        self._open = set(range(len(units)))

    @property
    def done(self) -> bool:
        """Whether every unit has ended or will never run."""
        return not self._open

    def ready(self) -> list[int]:
        """Return the units that wait for nothing."""
        return [index for index, waits in enumerate(self._waits_for) if not waits]

    def ended_well(self, index: int) -> list[int]:
        """Return the units that may start now that this one has ended."""
        self._open.discard(index)
        freed = []
        for follower in self._followers[index]:
            self._waits_for[follower] -= 1
            if not self._waits_for[follower] and follower in self._open:
                freed.append(follower)
        return freed

    def failed(self, index: int) -> list[int]:
        """Return the units behind this one: they will never run."""
        self._open.discard(index)
        lost: list[int] = []
        behind = list(self._followers[index])
        while behind:
            unit = behind.pop()
            if unit in self._open:
                self._open.discard(unit)
                lost.append(unit)
                behind += self._followers[unit]
        return sorted(lost)
