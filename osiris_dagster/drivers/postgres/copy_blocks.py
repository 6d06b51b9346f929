"""Runs COPY ... TO STDOUT and hands over its data in blocks: one reused buffer of many rows, and where each one lies.

    message | kind, 1 | length of what follows and of itself, 4, big-endian | content |      d: a row, Z: the end

Two ways with the same result. `from_socket` speaks the protocol on the connection's own socket, one step of Python a
row; libpq is idle meanwhile and the answer is read to its very end, so it never notices. TLS keeps the stream inside
libpq: there `from_libpq` costs one call and one small object a row.
"""

from __future__ import annotations

import os
import queue
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from osiris_dagster.drivers.postgres.faults import lost, named_faults, of_state
from osiris_dagster.drivers.postgres.session import Session
from osiris_dagster.errors import DriverError

BLOCK = 4 * 1024 * 1024
SLACK = 32  # bytes behind the data, so that a fixed width can be read at any position
LARGEST_ROW = 256 * 1024 * 1024
_HEADER = struct.Struct("!BI")
_COPY_DATA, _READY, _ERROR = b"dZE"
_PASSED_OVER = frozenset(b"HcCNSA")  # answers around the data, notices, settings, notifications

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Block:
    """Rows in `data`, which is overwritten by the next block; row i is data[starts[i]:stops[i]]."""

    data: bytearray
    starts: Positions
    stops: Positions


def blocks(session: Session, statement: str, size: int = BLOCK) -> Iterator[Block]:
    """Run COPY ... TO STDOUT and yield its data."""
    if session.connection.info.ssl_in_use:
        return from_libpq(session, statement, size)
    return from_socket(session, statement, size)


def from_socket(session: Session, statement: str, size: int = BLOCK) -> Iterator[Block]:
    """Yield blocks of about `size` bytes from the socket of the session, which must be idle."""
    with socket.socket(fileno=os.dup(session.connection.fileno())) as line:
        line.settimeout(None)
        query = statement.encode() + b"\0"
        line.sendall(b"Q" + struct.pack("!I", len(query) + 4) + query)
        yield from _Framing(session, line, size).blocks()


class _Framing:
    """The messages of one answer, found in the bytes as they arrive.

    `_next` is always the beginning of a message, `_end` that of the free room; when `_scan` is done, no more than
    a part of one message lies between them. An error is kept until the server is ready again: if its answer was not
    read to the end, libpq would find the rest on the socket and take it for the answer to its next statement.
    """

    def __init__(self, session: Session, line: socket.socket, size: int) -> None:
        self._session = session
        self._line = line
        self._size = self._room = size
        self._buffer = bytearray(size + SLACK)
        self._end = 0  # of what was received
        self._next = 0  # where the next message begins
        self._count = b""  # of the fields of a row, as every row begins
        self._ready = False
        self._error = b""

    def blocks(self) -> Iterator[Block]:
        while not self._ready:
            starts: list[Positions] = []
            while self._end < self._room and not self._ready:
                self._receive()
                self._scan(starts)
            if starts:
                yield self._block(np.concatenate(starts))
            if not self._ready:
                self._make_room(rows=bool(starts))
        if self._error:
            raise self._failure()

    def _receive(self) -> None:
        try:
            with memoryview(self._buffer) as view:
                count = self._line.recv_into(view[self._end : self._room])
        except OSError as error:
            raise self._broken(error.strerror or str(error)) from error
        if not count:
            raise self._broken("the server closed it in the middle of a result")
        self._end += count

    def _scan(self, starts: list[Positions]) -> None:
        """Step over whole messages; note where rows are.

        Most rows are found without a step each, by `rows_in_line`, once the first one has told how rows begin.
        """
        if self._count:
            rows, self._next = rows_in_line(self._buffer, self._next, self._end, self._count)
            starts.append(rows)
        rest: list[int] = []
        buffer, at, end, header, note = self._buffer, self._next, self._end, _HEADER.unpack_from, rest.append
        last = end - 5
        while at <= last:
            kind, length = header(buffer, at)
            after = at + 1 + length
            if after > end:
                if length > LARGEST_ROW:
                    raise _too_large(self._session.place, length)
                break
            if kind == _COPY_DATA:
                note(at + 5)
            elif kind == _READY:
                self._ready = True
            elif kind == _ERROR:
                self._error = bytes(buffer[at + 5 : after])
            elif kind not in _PASSED_OVER:
                raise self._broken(f"a message of kind {kind} in the middle of a result")
            at = after
        self._next = at
        if rest:
            starts.append(np.array(rest, np.int64))
            self._count = bytes(buffer[rest[-1] : rest[-1] + 2])

    def _block(self, first: Positions) -> Block:
        lengths = read_at(self._buffer, ">u4", first - 4).astype(np.int64)
        return Block(self._buffer, first, first - 4 + lengths)

    def _make_room(self, *, rows: bool) -> None:
        """Move the incomplete message to the front, into a larger buffer if it alone fills this one.

        Rows of the block before are overwritten: they were decoded when the next block was asked for. Arrays may still
        refer to the buffer, so it is never resized: it keeps its length, or another one takes its place.
        """
        tail = self._end - self._next
        if not rows and self._next == 0:
            self._room = min(self._room * 2, LARGEST_ROW + 2 * self._size)
            self._buffer = self._buffer[: self._end] + bytes(self._room + SLACK - self._end)
            return
        self._buffer[:tail] = self._buffer[self._next : self._end]
        self._end, self._next = tail, 0
        if self._room > self._size and tail < self._size:
            self._room = self._size
            self._buffer = self._buffer[: self._room + SLACK]

    def _broken(self, reason: str) -> DriverError:
        self._session.stopped.check()
        return lost(self._session.place, reason)

    def _failure(self) -> DriverError:
        self._session.stopped.check()
        parts = {part[:1]: part[1:].decode(errors="replace") for part in self._error.split(b"\0") if part}
        return of_state(
            self._session.place, parts.get(b"C", ""), parts.get(b"M", ""), parts.get(b"H", ""), parts.get(b"W", "")
        )


def rows_in_line(data: bytearray, at: int, end: int, count: bytes) -> tuple[Positions, int]:
    """Return where rows begin that follow one another from `at` on, and what comes behind the last one found.

    A row is a letter, a length below 16 MiB and the count of its fields. What looks like that and is followed by what
    looks like that is taken for one; as each then ends where the next one begins, and the first begins at `at`, it is.
    Rows that are not found so, the last one among them, are left to who goes from message to message.
    """
    octets = np.frombuffer(data, np.uint8, end)[at:]
    if len(octets) < 7:
        return np.empty(0, np.int64), at
    looks = (octets[:-6] == _COPY_DATA) & (octets[1:-5] == 0) & (octets[5:-1] == count[0]) & (octets[6:] == count[1])
    places = np.flatnonzero(looks)
    behind = places + 1 + read_at(data, ">u4", places + (at + 1))
    inside = behind < len(looks)
    inside[inside] = looks[behind[inside]]
    places, behind = places[inside], behind[inside]
    if not len(places) or places[0]:
        return np.empty(0, np.int64), at
    gaps = np.flatnonzero(behind[:-1] != places[1:])
    rows = int(gaps[0]) + 1 if len(gaps) else len(places)
    return places[:rows] + (at + 5), at + int(behind[rows - 1])


def from_libpq(session: Session, statement: str, size: int = BLOCK) -> Iterator[Block]:
    """Yield blocks of about `size` bytes through libpq, which pushes: a thread of its own takes what it gives."""
    pushed = _Pushed(size)

    def copy() -> None:
        try:
            with session.connection.cursor() as cursor:
                cursor.copy_expert(statement, pushed)
            pushed.end()
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that reads
            pushed.end(error)

    thread = threading.Thread(target=copy, daemon=True)
    thread.start()
    try:
        with named_faults(session.place, session.stopped):
            yield from pushed
    finally:
        pushed.unwanted.set()
        if thread.is_alive():  # nobody wants the rest, and nothing else happens in the session
            session.cut()
        thread.join()


class _Pushed:
    """A file that libpq writes rows to in one thread, and blocks that another one reads.

    The queue holds two blocks, which keeps a fast server from filling the memory. `_put` looks up from waiting, because
    a reader that has gone takes nothing out any more and only sets `unwanted`.
    """

    def __init__(self, size: int) -> None:
        self.unwanted = threading.Event()
        self._size = size
        self._rows: list[bytes] = []
        self._held = 0
        self._ready: queue.Queue[list[bytes] | BaseException | None] = queue.Queue(maxsize=2)

    def write(self, row: bytes) -> None:
        self._rows.append(row)
        self._held += len(row)
        if self._held >= self._size:
            self._put(self._rows)
            self._rows, self._held = [], 0

    def end(self, error: BaseException | None = None) -> None:
        if self._rows and error is None:
            self._put(self._rows)
        self._put(error)

    def _put(self, item: list[bytes] | BaseException | None) -> None:
        while not self.unwanted.is_set():
            try:
                return self._ready.put(item, timeout=0.2)
            except queue.Full:
                continue
        return None

    def __iter__(self) -> Iterator[Block]:
        while (item := self._ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            lengths = np.fromiter(map(len, item), np.int64, len(item))
            stops = np.cumsum(lengths)
            yield Block(bytearray(b"".join(item) + bytes(SLACK)), stops - lengths, stops)


def read_at(data: bytearray, kind: str, positions: Positions) -> npt.NDArray[Any]:
    """Return the values of a fixed-width type at any positions, aligned or not."""
    width = np.dtype(kind).itemsize
    view = np.ndarray((len(data) - width + 1,), kind, buffer=data, strides=(1,))
    return view[positions]


def _too_large(place: str, length: int) -> DriverError:
    return DriverError(
        f"{place}: a row of {length >> 20} MiB is larger than a row may be",
        code="DRV071",
        found=f"{length} bytes",
        expected=f"at most {LARGEST_ROW >> 20} MiB a row",
        fix="leave the large column out, or cut its values in the query",
    )
