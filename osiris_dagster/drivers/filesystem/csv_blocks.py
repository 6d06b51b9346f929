"""Works on blocks of text in several threads, results in order; blocks that were cut within a record are joined."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, Protocol, TypeVar

from osiris_dagster.errors import DriverError

_MOST_THREADS = 8
_AHEAD = 2  # blocks beyond those being parsed
_LARGEST = 256 << 20


class _Ended(Protocol):
    @property
    def complete(self) -> bool: ...


T = TypeVar("T", bound=_Ended)


def worked(blocks: Iterator[bytes], work: Callable[[bytes], T]) -> Generator[T]:
    """Yield `work(block)` for each block, in order; a block that is not complete is joined to those after it.

    Raises what `work` raises, and DriverError when the last record of the file is not complete.
    """
    pool = ThreadPoolExecutor(thread_count(), thread_name_prefix="osiris-csv")
    try:
        yield from _Line(pool, blocks, work)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def thread_count() -> int:
    """Return how many blocks to work on at once: one a processor that this process may use, within reason."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, _MOST_THREADS)


class _Line(Generic[T]):
    """Blocks under way, oldest first."""

    def __init__(self, pool: ThreadPoolExecutor, blocks: Iterator[bytes], work: Callable[[bytes], T]) -> None:
        self._pool = pool
        self._blocks = blocks
        self._work = work
        self._waiting: deque[tuple[bytes, Future[T]]] = deque()
        self._length = thread_count() + _AHEAD

    def __iter__(self) -> Iterator[T]:
        while self._refill():
            block, future = self._waiting.popleft()
            done = future.result()
            if not done.complete:
                done = self._joined(block)
            yield done

    def _refill(self) -> bool:
        while len(self._waiting) < self._length and (block := next(self._blocks, None)) is not None:
            self._waiting.append((block, self._pool.submit(self._work, block)))
        return bool(self._waiting)

    def _joined(self, block: bytes) -> T:
        """Join ever more blocks, so that a long text costs no more than twice its length."""
        while True:
            parts, added = [block], 0
            while added < len(block) and self._refill():
                part, _ = self._waiting.popleft()
                parts.append(part)
                added += len(part)
            if not added or added + len(block) > _LARGEST:
                raise DriverError(
                    "a quoted field is never closed",
                    code="DRV044",
                    found="a quote without its pair",
                    expected="quotes in pairs",
                    fix='close the quote; a quote inside of a quoted field is written twice ("")',
                )
            block = b"".join(parts)
            done = self._work(block)
            if done.complete:
                return done
