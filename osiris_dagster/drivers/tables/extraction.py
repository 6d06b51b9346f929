"""The work of an extractor of tables, apart from what its family opens: a schema, then a stream in bounded batches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

import pyarrow as pa

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.batches import plain_schema, stream


class TableReading(ABC):
    """One reading of one step. Nothing is opened before its first method."""

    most_rows: ClassVar[str] = ""
    """The option that bounds a batch in rows, besides its bytes."""

    def __init__(self, call: StepCall) -> None:
        self._call = call

    def schema(self) -> pa.Schema:
        """Return the columns without reading rows."""
        try:
            return plain_schema(self._columns())
        finally:
            self.close()

    def read(self) -> pa.RecordBatchReader:
        """Open the source. It is released after the last batch, at the latest by `close`."""
        schema, batches = self._rows()
        return stream(schema, batches, self._call.config.get(self.most_rows) if self.most_rows else None)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know about the rows, complete once they are read."""
        return tuple(self._noted())

    def _noted(self) -> Iterable[str]:
        return ()

    @abstractmethod
    def _columns(self) -> pa.Schema:
        """Open the source and return the columns without reading rows."""

    @abstractmethod
    def _rows(self) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """Open the source. The iterator releases it after the last batch."""

    @abstractmethod
    def cancel(self) -> None:
        """End the statement under way and refuse further ones. Idempotent."""

    @abstractmethod
    def close(self) -> None:
        """Release everything, the rows fully read or not. Idempotent."""


def nulled(counts: Mapping[str, int]) -> Iterator[str]:
    """Yield a note for each column of which values became NULL, by how many."""
    for name, count in counts.items():
        yield f"column {name}: {count} values that other stores do not have became NULL"
