"""Prepared statements, whose rows come in the binary protocol. pymysql has no API for them: this goes below it.

pymysql connects, authenticates, secures the connection and parses the descriptions of columns. From the first row on
the bytes go from the socket into our buffer.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, NoReturn

import pymysql
from pymysql.protocol import FieldDescriptorPacket

from osiris_dagster.drivers.mysql.rows.fields import Field, field_of
from osiris_dagster.drivers.mysql.rows.packets import Receive
from osiris_dagster.errors import DriverError

_PREPARE, _EXECUTE, _CLOSE = 0x16, 0x17, 0x19
_USED = ("_execute_command", "_read_packet", "_force_close")  # of pymysql
CANNOT_BE_PREPARED = frozenset({1295, 1235, 1047})  # unsupported, not yet supported, unknown command


def available() -> bool:
    """Tell whether the pymysql at hand has what this module uses."""
    return all(hasattr(pymysql.Connection, name) for name in _USED)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement that the server knows, and the columns that it will have."""

    number: int
    fields: tuple[Field, ...]


def prepare(connection: Any, statement: str) -> Prepared:
    """Prepare a SELECT. DriverError for one with placeholders or without columns, pymysql's error for what is wrong."""
    connection._execute_command(_PREPARE, statement)
    _, number, columns, placeholders = struct.unpack_from("<BIHH", connection._read_packet().get_all_data())
    if placeholders:
        _described(connection, placeholders)
    fields = _described(connection, columns) if columns else ()
    if placeholders or not columns:
        raise DriverError(
            "the query has placeholders (?)" if placeholders else "the query returns no columns",
            code="DRV023",
            found=f"{placeholders} question marks outside of texts" if placeholders else "a statement without a result",
            expected="one SELECT with all its values",
            fix="write the values into the query, e.g. as ${params.x}",
        )
    return Prepared(number, fields)


def execute(connection: Any, prepared: Prepared) -> tuple[Field, ...]:
    """Start the statement; return the columns of the rows that follow."""
    connection._execute_command(_EXECUTE, struct.pack("<IBI", prepared.number, 0, 1))
    count = connection._read_packet().read_length_encoded_integer()
    return _described(connection, count)


def forget(connection: Any, prepared: Prepared) -> None:
    """Let the server drop the statement; it does not answer."""
    connection._execute_command(_CLOSE, struct.pack("<I", prepared.number))


def receiver(connection: Any) -> Receive:
    """Return what fills a memory with the bytes that follow: first those that pymysql has read ahead.

    Its file object would wait for more from the socket although it holds some, so it is emptied once.
    """
    file = connection._rfile
    ahead = memoryview(file.read1(1 << 30) if file.peek() else b"")
    from_socket = file.raw.readinto

    def receive(memory: memoryview) -> int:
        nonlocal ahead
        if not ahead:
            return int(from_socket(memory) or 0)
        count = min(len(ahead), len(memory))
        memory[:count] = ahead[:count]
        ahead = ahead[count:]
        return count

    return receive


def fail(payload: bytes) -> NoReturn:
    """Raise pymysql's error for an error packet."""
    pymysql.err.raise_mysql_exception(payload)
    raise AssertionError  # raise_mysql_exception always raises


def _described(connection: Any, count: int) -> tuple[Field, ...]:
    fields = tuple(field_of(connection._read_packet(FieldDescriptorPacket)) for _ in range(count))
    connection._read_packet()  # the end of the descriptions
    return fields
