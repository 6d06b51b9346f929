"""Work on what was handed over last, in a thread beside the one that makes the next: neither waits for the other."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, Self, TypeVar

Piece = TypeVar("Piece")


class Behind(Generic[Piece]):
    """One thread, one piece at a time, in order; a second piece waits with whoever made it, so memory stays bounded.

    Leaving the block waits for the piece under way, whose fault is raised only by `take` and `finish`.
    """

    def __init__(self, work: Callable[[Piece], None], name: str) -> None:
        self._work = work
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"osiris-{name}")
        self._last: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._pool.shutdown(wait=True)

    def take(self, piece: Piece) -> None:
        """Hand over a piece once the one before is done; raises what that one raised."""
        self.finish()
        self._last = self._pool.submit(self._work, piece)

    def finish(self) -> None:
        """Wait for the last piece; raises what its work raised."""
        last, self._last = self._last, None
        if last is not None:
            last.result()
