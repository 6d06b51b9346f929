"""Cuts the rows of a result out of the stream of the connection, a buffer full of them at a time.

    | length, 3 bytes | number | payload of that length |   the next packet follows at once

Of all that is done to rows in blocks, only this takes a step of Python for each: from header to header. A row of 16 MiB
- 1 byte or more comes in several packets: full ones (length 0xFFFFFF), then one that is shorter, which may be empty.
Their inner headers are cut out in place, so that such a row is one piece as well. A result ends with an end packet or
an error packet, and the server sends nothing behind it: so only the last packet that has arrived has to be looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from struct import Struct
from typing import NoReturn

import numpy as np

from osiris_dagster.drivers.mysql.rows.block import SLACK, Block
from osiris_dagster.errors import DriverError

Receive = Callable[[memoryview], int]
"""Fills the front of a memory with what has arrived, waits for at least a byte; 0 when the other side has closed."""

BLOCK_BYTES = 4 * 1024 * 1024
_LARGEST_ROW = 512 * 1024 * 1024
_HEADER = 4
_FULL = 0xFFFFFF  # the length of a packet that has a continuation
_END, _ERROR = 0xFE, 0xFF
_LONGEST_END = 9 + _HEADER
_length_at = Struct("<I").unpack_from


@dataclass(slots=True)
class RowPackets:
    """Iterates over the blocks of one result; `fail` raises for the payload of an error packet."""

    receive: Receive
    fail: Callable[[bytes], NoReturn]
    block_bytes: int = BLOCK_BYTES
    ended: bool = False  # the end packet was seen
    _buffer: bytearray = field(default_factory=bytearray)
    _capacity: int = 0
    _filled: int = 0  # bytes in the buffer
    _next: int = 0  # where the next header is expected
    _piece: int = -1  # where a row begins that is being put together; -1 for none

    def __iter__(self) -> Iterator[Block]:
        self._buffer, self._capacity = bytearray(self.block_bytes + SLACK), self.block_bytes
        while not self.ended:
            starts = self._fill()
            if self._piece >= 0:
                starts.pop()
            # Each packet begins where the one before ends, so the headers also tell where rows stop.
            if starts:
                begins = np.array(starts, np.int64)
                stop = self._piece if self._piece >= 0 else self._next
                yield Block(self._buffer, begins + _HEADER, np.append(begins[1:], stop))
            if not self.ended:
                self._make_room(whole_rows=bool(starts))

    def _fill(self) -> list[int]:
        """Receive until the buffer is full or the result ends; return where complete packets begin."""
        starts = [self._piece] if self._piece >= 0 else []
        while self._filled < self._capacity:
            with memoryview(self._buffer) as memory:
                received = self.receive(memory[self._filled : self._capacity])
            if not received:
                raise DriverError(
                    "the server closed the connection in the middle of a result",
                    code="DRV093",
                    found="an early end of the rows",
                    expected="an end packet",
                    fix="run the step again; the log of the server may say why it closed",
                    retryable="transient",
                )
            self._filled += received
            while self._walk(starts) and self._join():
                pass
            # An incomplete row of several pieces may stand last here: it begins with 0, as every binary row does.
            if starts and self._next > starts[-1] and self._is_last(starts[-1]):
                self._next = starts.pop()  # here the last row stops
                break
        return starts

    def _walk(self, starts: list[int]) -> bool:
        """Note the packets that are complete; tell whether the last one is the first piece of a row."""
        if self._piece >= 0:
            return True
        buffer, add, at, filled = self._buffer, starts.append, self._next, self._filled
        last = filled - _HEADER
        while at <= last:
            length = _length_at(buffer, at)[0] & _FULL
            behind = at + _HEADER + length
            if behind > filled:
                break
            add(at)
            at = behind
            if length == _FULL:
                self._piece = starts[-1]
                break
        self._next = at
        return self._piece >= 0

    def _join(self) -> bool:
        """Cut out the headers between the pieces of a row; tell whether the row is complete.

        A header goes only when its whole piece is there, so `_next` is always the header that is looked at next, also
        when the row has to wait for more. What was received behind it moves down with it.
        """
        while self._filled - self._next >= _HEADER:
            length = _length_at(self._buffer, self._next)[0] & _FULL
            if self._next + _HEADER + length > self._filled:
                return False
            with memoryview(self._buffer) as memory:
                memory[self._next : self._filled - _HEADER] = memory[self._next + _HEADER : self._filled]
            self._filled -= _HEADER
            self._next += length
            if length < _FULL:
                self._piece = -1
                return True
        return False

    def _is_last(self, start: int) -> bool:
        mark = self._buffer[start + _HEADER]  # 0 for a row
        if mark == _ERROR:
            self.ended = True
            self.fail(bytes(self._buffer[start + _HEADER : self._next]))
        self.ended = mark == _END and self._next - start < _LONGEST_END
        return self.ended

    def _make_room(self, *, whole_rows: bool) -> None:
        """Move the row that is not complete to the front; grow when not one whole row fits, and shrink after it."""
        keep = self._piece if self._piece >= 0 else self._next
        left = self._filled - keep
        if not whole_rows and keep == 0:
            if self._capacity >= _LARGEST_ROW:
                raise DriverError(
                    f"a row has more than {_LARGEST_ROW >> 20} MiB",
                    code="DRV099",
                    found="a row that does not fit into memory",
                    expected=f"rows of at most {_LARGEST_ROW >> 20} MiB",
                    fix="leave out the column with the large values, or read it in parts with substring()",
                )
            capacity = 2 * self._capacity
        else:
            capacity = self.block_bytes if left < self.block_bytes else self._capacity
        # Nothing looks at the rows of the block before: whatever was taken out of it is a copy. Arrays may still refer
        # to the buffer, which forbids to resize it: it is overwritten in its length, or another one takes its place.
        buffer = bytearray(capacity + SLACK) if capacity != self._capacity else self._buffer
        buffer[:left] = self._buffer[keep : self._filled]
        self._buffer, self._capacity = buffer, capacity
        self._filled, self._next = left, self._next - keep
        self._piece = min(0, self._piece)
