"""How far an incremental read has come: kept in the target with the rows, read back before the next run.

A position is the greatest value of the cursor column that a target has committed. It is kept as Arrow prints it, so
that it comes back exactly; in SQL it stands as a literal that every database casts to the type of the column.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from osiris_dagster.errors import DriverError
from osiris_dagster.sql.quoting import literal

POSITIONS = "positions"
"""Table beside the record of loads: one row for each incremental step and target."""
_BARE = ("int", "uint", "decimal", "float")


@dataclass(frozen=True, slots=True)
class Position:
    """The greatest value of a cursor column that was committed; `type` is one of our names of types."""

    cursor: str
    type: str
    value: str


@dataclass(frozen=True, slots=True)
class Since:
    """Which rows an incremental extractor has to read. A driver may hand on more; the runner leaves them out."""

    column: str
    type: str
    value: str
    inclusive: bool

    def condition(self, quoted: Callable[[str], str]) -> str:
        """Return the condition in SQL; `quoted` quotes an identifier."""
        bare = self.type.startswith(_BARE)
        value = self.value if bare else literal(self.value)
        return f"{quoted(self.column)} {'>=' if self.inclusive else '>'} {value}"


@dataclass(frozen=True, slots=True)
class Advance:
    """What a writer records with its rows about one incremental step that they come from."""

    step: str
    before: Position | None  # as it was when the run read it
    after: Callable[[], Position | None]  # known when all rows have been read; None when there were none


@runtime_checkable
class KeepsPositions(Protocol):
    """A driver whose writer records positions in the transaction of its rows."""

    def position(self, step: str) -> Position | None:
        """Return the position of an incremental step in the target of this writer; None without one or a target."""
        ...


def moved(step: str, before: Position | None, now: Position | None) -> DriverError:
    """Return the error for a position that another run has changed since this one began."""
    return DriverError(
        f"another run has moved the position of step {step!r} meanwhile, so these rows may be there already",
        code="DRV050",
        found=now.value if now else "no position",
        expected=before.value if before else "no position",
        fix="run it again; let the runs of a pipeline follow one another with `concurrency`",
        retryable="transient",
    )
