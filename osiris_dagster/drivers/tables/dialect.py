"""What the shared code has to know about a database: how names compare, and which types hold the values of others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column as the database's catalogue has it; `optional` means that a row may leave it out."""

    name: str
    type: str
    optional: bool = True


@dataclass(frozen=True, slots=True)
class Lattice:
    """The types of one database, by its own names, as far as one holds every value of another."""

    whole: Mapping[str, tuple[int, int]]  # least and greatest value
    floats: Mapping[str, int]  # bits of a whole number that they hold exactly, narrowest first
    chains: tuple[tuple[str, ...], ...]  # each type holds all values of those before it
    decimal: str  # how a decimal is written, with {} for its digits and its scale
    most_digits: int
    nothing: str = ""  # the type of a column without any value
    boundless: str = ""  # the decimal that holds every number

    def wider(self, one: str, other: str) -> str | None:
        """Return the narrowest type that holds every value of both; `one` itself when it does, None without such."""
        if other in (one, self.nothing):
            return one
        if one == self.nothing:
            return other
        if self.boundless in (one, other) and (self._digits(one) or self._digits(other)):
            return self.boundless
        for chain in self.chains:
            if one in chain and other in chain:
                return max(one, other, key=chain.index)
        if one in self.whole and other in self.whole:
            found = self._whole(one, other)
            if found is not None:
                return found
        for exact, loose in ((one, other), (other, one)):
            if exact in self.whole and loose in self.floats:
                return self._float(exact, loose)
        return self._decimal(one, other)

    def _whole(self, one: str, other: str) -> str | None:
        bounds = (self.whole[one], self.whole[other])
        least, greatest = min(low for low, _ in bounds), max(high for _, high in bounds)
        for name in (one, other):  # of two names for one range the table's own stays
            if self.whole[name] == (least, greatest):
                return name
        fitting = (name for name, (low, high) in self.whole.items() if low <= least and greatest <= high)
        return min(fitting, key=lambda name: self.whole[name][1], default=None)

    def _float(self, exact: str, loose: str) -> str | None:
        low, high = self.whole[exact]
        names = list(self.floats)
        fitting = (name for name in names[names.index(loose) :] if -(2 ** self.floats[name]) <= low)
        return next((name for name in fitting if high <= 2 ** self.floats[name]), None)

    def _decimal(self, one: str, other: str) -> str | None:
        first, second = self._digits(one), self._digits(other)
        if first is None or second is None:
            return None
        scale = max(first[1], second[1])
        precision = max(first[0] - first[1], second[0] - second[1]) + scale
        return self.decimal.format(precision, scale) if precision <= self.most_digits else None

    def _digits(self, name: str) -> tuple[int, int] | None:
        """Digits and scale of a decimal, or of the decimal that holds a whole number."""
        if name in self.whole:
            return max(len(str(abs(bound))) for bound in self.whole[name]), 0
        before, _, after = self.decimal.partition("{}")
        if not name.startswith(before) or not name.endswith(")"):
            return None
        digits, _, scale = name.removeprefix(before).removesuffix(after.rpartition("{}")[2]).partition(",")
        return int(digits), int(scale)


def _never(table: str, rows: str) -> bool:  # noqa: ARG001 - the shape of Dialect.keeps
    return False


def _any_name(name: str, what: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Dialect:
    """One database, for the planner and for messages."""

    name: str
    lattice: Lattice
    folds: bool  # names of columns that differ only in case are one name
    keeps: Callable[[str, str], bool] = field(default=_never)
    """Whether a column stays as the table has it, and only values are checked, when rows of another type come: its
    bound or form is what its owner wants (a length, an enumeration, JSON) and rows cannot declare it."""
    check_name: Callable[[str, str], None] = field(default=_any_name)
    """Raises DriverError for a name that the database would cut or refuse; with it goes what it names."""

    def fold(self, name: str) -> str:
        """Return the form in which two names of one column are equal."""
        return name.lower() if self.folds else name
