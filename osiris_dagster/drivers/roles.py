"""Makes a whole driver of what does the work of one role: what the role does not do is refused in one place."""

from __future__ import annotations

from typing import NoReturn, Protocol, runtime_checkable

import pyarrow as pa

from osiris_dagster.drivers.base import Noting, TransformInput, WriteReport
from osiris_dagster.drivers.positions import KeepsPositions, Position
from osiris_dagster.errors import DriverError


class Work(Protocol):
    """One role of one step; its methods keep what `Driver` says of them."""

    def cancel(self) -> None:
        """Make a call that is under way end soon. Idempotent."""
        ...

    def close(self) -> None:
        """Release everything."""
        ...


@runtime_checkable
class Reads(Work, Protocol):
    """The work of an extractor."""

    def schema(self) -> pa.Schema:
        """Return the columns without reading rows."""
        ...

    def read(self) -> pa.RecordBatchReader:
        """Open the source."""
        ...


@runtime_checkable
class Transforms(Work, Protocol):
    """The work of a processor."""

    def transform(self, inputs: tuple[TransformInput, ...]) -> pa.RecordBatchReader:
        """Open a stream computed from the inputs."""
        ...


@runtime_checkable
class Writes(Work, Protocol):
    """The work of a writer."""

    def write(self, rows: pa.RecordBatchReader) -> WriteReport:
        """Write all rows and commit once."""
        ...


class RoleDriver:
    """A driver that hands each call on to the work of its role."""

    def __init__(self, component: str, work: Reads | Transforms | Writes) -> None:
        self._component = component
        self._work = work

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what a person should know about the rows read."""
        return self._work.notes if isinstance(self._work, Noting) else ()

    def schema(self) -> pa.Schema:
        """Return the columns of the source."""
        return self._work.schema() if isinstance(self._work, Reads) else self._refuse("schema")

    def read(self) -> pa.RecordBatchReader:
        """Open the source."""
        return self._work.read() if isinstance(self._work, Reads) else self._refuse("read")

    def transform(self, inputs: tuple[TransformInput, ...]) -> pa.RecordBatchReader:
        """Open a stream computed from the inputs."""
        return self._work.transform(inputs) if isinstance(self._work, Transforms) else self._refuse("transform")

    def write(self, rows: pa.RecordBatchReader) -> WriteReport:
        """Write the rows to the target."""
        return self._work.write(rows) if isinstance(self._work, Writes) else self._refuse("write")

    def cancel(self) -> None:
        """End what is under way."""
        self._work.cancel()

    def close(self) -> None:
        """Release everything."""
        self._work.close()

    def _refuse(self, what: str) -> NoReturn:
        raise DriverError(
            f"{self._component} cannot {what}",
            code="DRV003",
            found=what,
            expected="what the modes of the component say",
            fix="use another component of the family",
        )


class TableDriver(RoleDriver):
    """A driver whose writer records positions of incremental steps with its rows."""

    def position(self, step: str) -> Position | None:
        """Return how far an incremental step has come in the table to write."""
        return self._work.position(step) if isinstance(self._work, KeepsPositions) else self._refuse("position")
