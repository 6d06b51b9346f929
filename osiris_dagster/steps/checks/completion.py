"""The last thing that happens before a unit's last stream ends: checks that have not seen all rows see the rest."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa


class Completion:
    """Observes a stream only for its end."""

    def __init__(self, step_id: str, complete: Callable[[], None]) -> None:
        self.step_id = step_id
        self._complete = complete

    def see(self, batch: pa.RecordBatch) -> None:
        """The rows have been seen."""

    def end(self) -> None:
        """Complete the checks before the reader learns of the end."""
        self._complete()
